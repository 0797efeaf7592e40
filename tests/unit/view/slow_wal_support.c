/* The usual VFS, but for the method that syncs a -wal file. */
#include "view/slow_wal_support.h"

#include <check.h>
#include <sqlite3.h>

static sqlite3_vfs vfs;
static sqlite3_io_methods methods;
static int (*usual_sync)(sqlite3_file *file, int flags);
static void (*look)(void);

static int slow_sync(sqlite3_file *file, int flags)
{
    look();
    return usual_sync(file, flags);
}

static int slow_open(sqlite3_vfs *slow, const char *name, sqlite3_file *file, int flags,
                     int *ret_flags)
{
    sqlite3_vfs *usual = sqlite3_vfs_find(NULL);
    int rc = usual->xOpen(usual, name, file, flags, ret_flags);
    (void)slow;
    if (rc == SQLITE_OK && (flags & SQLITE_OPEN_WAL)) {
        methods = *file->pMethods;
        usual_sync = methods.xSync;
        methods.xSync = slow_sync;
        file->pMethods = &methods;
    }
    return rc;
}

void slow_wal_register(void (*meanwhile)(void))
{
    look = meanwhile;
    vfs = *sqlite3_vfs_find(NULL);
    vfs.zName = SLOW_WAL;
    vfs.xOpen = slow_open;
    ck_assert_int_eq(sqlite3_vfs_register(&vfs, 0), SQLITE_OK);
}

void slow_wal_unregister(void)
{
    ck_assert_int_eq(sqlite3_vfs_unregister(&vfs), SQLITE_OK);
}
