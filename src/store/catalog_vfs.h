/*
 * A checksum on every page of the catalog.
 *
 * SQLite takes whatever a page says as long as it is shaped like one, so a flipped bit in a key
 * could lead to an older block, or cut an image short. Through this VFS each page of the database
 * has, in 8 bytes that SQLite reserves at its end, the XXH3-64 of the rest, seeded with the page's
 * number. A page is checked whenever it is read. Other programs read the file as any database.
 */
#ifndef DBSNAPFS_STORE_CATALOG_VFS_H
#define DBSNAPFS_STORE_CATALOG_VFS_H

#include <sqlite3.h>
#include <stdint.h>

#define CATALOG_VFS "dbsnapfs-catalog"
#define CATALOG_PAGE_BYTES 4096

/* Makes the VFS known to SQLite under its name; SQLite's error if that fails. Any thread. */
int catalog_vfs_register(void);

/* Before anything else is done with a connection: a database that is made by it has room for the
 * checksums. */
int catalog_vfs_prepare(sqlite3 *db);

/* The page that was last found damaged, 0 for none. */
uint32_t catalog_vfs_damaged(sqlite3 *db);

/*
 * Reads the whole file, the pages that SQLite has no use for too. `ret_page` is the first damaged
 * one, or 0. The connection should hold a read lock.
 */
int catalog_vfs_scan(sqlite3 *db, uint32_t *ret_page);

#endif
