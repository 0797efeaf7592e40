/*
 * A shim over the default VFS. Only the database file goes through it: journals are opened by the
 * default VFS itself, and have checksums of their own.
 *
 * Pages are 4096 bytes, always: a read of another shape is answered out of the page around it, so
 * that nothing is read unchecked. One read is different: when a database is opened, SQLite looks
 * at the first 100 bytes before it has any lock, so a writer may be at work there. It learns the
 * page size from them, and nothing that it does not read again with the first page.
 *
 * A page that was allocated and given back in one transaction is never written, and a hole in the
 * file: all zeros, and no checksum. SQLite does not read it, so only the scan lets it pass.
 */
#include "store/catalog_vfs.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <xxhash.h>

#include "dbsnapfs/util/probe.h"
#include "store/format.h"

#define CHECKSUM_BYTES 8
#define CHECKED_BYTES (CATALOG_PAGE_BYTES - CHECKSUM_BYTES)
#define OPENING_BYTES 100

struct catalog_file {
    sqlite3_file base;
    uint32_t damaged;
    /* the default VFS's file stands behind */
};

/* Written once, by catalog_vfs_start(). */
static sqlite3_vfs catalog_vfs;
static sqlite3_vfs *default_vfs;
static int catalog_vfs_result;
static pthread_once_t catalog_vfs_once = PTHREAD_ONCE_INIT;

static sqlite3_file *file_below(sqlite3_file *file)
{
    return (sqlite3_file *)((struct catalog_file *)file + 1);
}

static uint64_t page_checksum(const uint8_t *page, uint32_t number)
{
    return XXH3_64bits_withSeed(page, CHECKED_BYTES, number);
}

static int file_close(sqlite3_file *file)
{
    sqlite3_file *below = file_below(file);

    return below->pMethods->xClose(below);
}

/* Reads a page and checks it. SQLITE_IOERR_SHORT_READ, with zeros, behind the end of the file. */
static int file_page(sqlite3_file *file, uint32_t number, uint8_t page[CATALOG_PAGE_BYTES])
{
    sqlite3_file *below = file_below(file);
    sqlite3_int64 offset = (sqlite3_int64)(number - 1) * CATALOG_PAGE_BYTES, size = 0;
    int rc = below->pMethods->xRead(below, page, CATALOG_PAGE_BYTES, offset);

    if (rc == SQLITE_IOERR_SHORT_READ && below->pMethods->xFileSize(below, &size) == SQLITE_OK &&
        size <= offset)
        return rc;
    if (rc != SQLITE_OK && rc != SQLITE_IOERR_SHORT_READ)
        return rc;
    if (rc == SQLITE_OK && page_checksum(page, number) == format_get64(page + CHECKED_BYTES))
        return SQLITE_OK;
    ((struct catalog_file *)file)->damaged = number;
    return SQLITE_IOERR_DATA;
}

static int file_read(sqlite3_file *file, void *bytes, int len, sqlite3_int64 offset)
{
    sqlite3_file *below = file_below(file);
    int within = (int)(offset % CATALOG_PAGE_BYTES), rc;
    uint8_t page[CATALOG_PAGE_BYTES];

    if (offset == 0 && len <= OPENING_BYTES)
        return below->pMethods->xRead(below, bytes, len, offset);
    if (len > CATALOG_PAGE_BYTES - within) { /* by a damaged header's page size */
        ((struct catalog_file *)file)->damaged = 1;
        return SQLITE_IOERR_DATA;
    }
    rc = file_page(file, (uint32_t)(offset / CATALOG_PAGE_BYTES) + 1, page);
    if (rc == SQLITE_IOERR_SHORT_READ)
        memset(bytes, 0, (size_t)len);
    else if (rc == SQLITE_OK)
        memcpy(bytes, page + within, (size_t)len);
    return rc;
}

/* What SQLite is told when a fault probe fires. */
static int file_probed(int code, int otherwise)
{
    if (code == 0)
        return SQLITE_OK;
    return code == -ENOSPC ? SQLITE_FULL : otherwise;
}

static int file_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 offset)
{
    sqlite3_file *below = file_below(file);
    uint32_t number = (uint32_t)(offset / CATALOG_PAGE_BYTES) + 1;
    uint8_t page[CATALOG_PAGE_BYTES];
    int rc = file_probed(probe_hit("catalog-write"), SQLITE_IOERR_WRITE);

    if (rc != SQLITE_OK)
        return rc;
    if (len != CATALOG_PAGE_BYTES || offset % CATALOG_PAGE_BYTES)
        return SQLITE_IOERR_WRITE; /* SQLite writes whole pages */
    memcpy(page, bytes, CHECKED_BYTES);
    format_put64(page + CHECKED_BYTES, page_checksum(page, number));
    return below->pMethods->xWrite(below, page, len, offset);
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    sqlite3_file *below = file_below(file);

    return below->pMethods->xTruncate(below, size);
}

static int file_sync(sqlite3_file *file, int flags)
{
    sqlite3_file *below = file_below(file);
    int rc = file_probed(probe_hit("catalog-sync"), SQLITE_IOERR_FSYNC);

    return rc == SQLITE_OK ? below->pMethods->xSync(below, flags) : rc;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *ret_size)
{
    sqlite3_file *below = file_below(file);

    return below->pMethods->xFileSize(below, ret_size);
}

static int file_lock(sqlite3_file *file, int level)
{
    sqlite3_file *below = file_below(file);

    return below->pMethods->xLock(below, level);
}

static int file_unlock(sqlite3_file *file, int level)
{
    sqlite3_file *below = file_below(file);

    return below->pMethods->xUnlock(below, level);
}

static int file_check_reserved(sqlite3_file *file, int *ret_reserved)
{
    sqlite3_file *below = file_below(file);

    return below->pMethods->xCheckReservedLock(below, ret_reserved);
}

static int file_control(sqlite3_file *file, int op, void *arg)
{
    sqlite3_file *below = file_below(file);

    return below->pMethods->xFileControl(below, op, arg);
}

static int file_sector_size(sqlite3_file *file)
{
    sqlite3_file *below = file_below(file);

    return below->pMethods->xSectorSize(below);
}

static int file_characteristics(sqlite3_file *file)
{
    sqlite3_file *below = file_below(file);

    return below->pMethods->xDeviceCharacteristics(below);
}

/* Version 1: no shared memory (no WAL) and no memory map. */
static const sqlite3_io_methods file_methods = {
    .iVersion = 1,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_characteristics,
};

static int vfs_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file, int flags,
                    int *ret_flags)
{
    struct catalog_file *opened = (struct catalog_file *)file;
    int rc;

    (void)vfs;
    if (!(flags & SQLITE_OPEN_MAIN_DB))
        return default_vfs->xOpen(default_vfs, name, file, flags, ret_flags);
    *opened = (struct catalog_file){.damaged = 0};
    rc = default_vfs->xOpen(default_vfs, name, file_below(file), flags, ret_flags);
    if (file_below(file)->pMethods)
        file->pMethods = &file_methods;
    return rc;
}

/* The other methods are the default VFS's own: they are given a VFS that has all that they look
 * for in it, its pAppData above all. */
static void catalog_vfs_start(void)
{
    catalog_vfs_result = sqlite3_initialize();
    default_vfs = sqlite3_vfs_find(NULL);
    if (catalog_vfs_result != SQLITE_OK || !default_vfs)
        return;
    catalog_vfs = *default_vfs;
    catalog_vfs.zName = CATALOG_VFS;
    catalog_vfs.szOsFile += (int)sizeof(struct catalog_file);
    catalog_vfs.pNext = NULL;
    catalog_vfs.xOpen = vfs_open;
    catalog_vfs_result = sqlite3_vfs_register(&catalog_vfs, 0);
}

int catalog_vfs_register(void)
{
    pthread_once(&catalog_vfs_once, catalog_vfs_start);
    return catalog_vfs_result;
}

int catalog_vfs_prepare(sqlite3 *db)
{
    int reserved = CHECKSUM_BYTES;
    int rc = sqlite3_exec(db, "PRAGMA page_size = 4096", NULL, NULL, NULL);

    return rc == SQLITE_OK ? sqlite3_file_control(db, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserved)
                           : rc;
}

static sqlite3_file *catalog_vfs_file(sqlite3 *db)
{
    sqlite3_file *file = NULL;

    if (sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, (void *)&file) != SQLITE_OK ||
        !file || file->pMethods != &file_methods)
        return NULL;
    return file;
}

uint32_t catalog_vfs_damaged(sqlite3 *db)
{
    sqlite3_file *file = catalog_vfs_file(db);

    return file ? ((struct catalog_file *)file)->damaged : 0;
}

int catalog_vfs_scan(sqlite3 *db, uint32_t *ret_page)
{
    static const uint8_t hole[CATALOG_PAGE_BYTES];
    sqlite3_file *file = catalog_vfs_file(db);
    uint8_t page[CATALOG_PAGE_BYTES];
    sqlite3_int64 size = 0;
    int rc = file ? file_size(file, &size) : SQLITE_MISUSE;

    *ret_page = 0;
    for (uint32_t n = 1; rc == SQLITE_OK && (sqlite3_int64)(n - 1) * CATALOG_PAGE_BYTES < size;
         n++) {
        rc = file_page(file, n, page);
        if (rc == SQLITE_IOERR_DATA && n > 1 && memcmp(page, hole, sizeof(hole)) == 0)
            rc = SQLITE_OK;
        if (rc == SQLITE_IOERR_DATA)
            *ret_page = n;
    }
    return *ret_page ? SQLITE_OK : rc;
}
