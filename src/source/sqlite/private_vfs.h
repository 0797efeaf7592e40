/*
 * A SQLite VFS that serves one file to one context and knows no disk.
 *
 * It is registered under a name of its own for as long as its context lives, so that a
 * connection finds its context through the VFS it was opened with: no pointer passes
 * through a file name, and nothing is global. Embed it as the first member of the context;
 * set in `methods` what is to differ; register; open connections; close them; unregister.
 *
 * Without changes the file is empty, cannot be written, has no locks to wait for and no
 * journals; opening anything but the main database fails.
 */
#ifndef DBSNAPFS_SOURCE_SQLITE_PRIVATE_VFS_H
#define DBSNAPFS_SOURCE_SQLITE_PRIVATE_VFS_H

#include <sqlite3.h>

struct err;

struct private_vfs {
    sqlite3_vfs vfs;
    sqlite3_io_methods methods;
    char name[48];
};

void private_vfs_init(struct private_vfs *owner, const char *prefix);
int private_vfs_register(struct private_vfs *owner, struct err *err);
void private_vfs_unregister(struct private_vfs *owner); /* if it was registered */

/* The context that a method's file belongs to. */
struct private_vfs *private_vfs_owner(sqlite3_file *file);

#endif
