/*
 * The parts of a VFS that a file without a disk can leave empty.
 *
 * Time, sleep and randomness come from the default VFS. Its methods are called through it
 * and not copied, as they may look at the VFS they are called with.
 */
#include "source/sqlite/private_vfs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dbsnapfs/util/err.h"

struct private_file {
    sqlite3_file base;
    struct private_vfs *owner;
};

static int file_close(sqlite3_file *file)
{
    (void)file;
    return SQLITE_OK;
}

static int file_read(sqlite3_file *file, void *bytes, int len, sqlite3_int64 offset)
{
    (void)file, (void)offset;
    memset(bytes, 0, (size_t)len);
    return SQLITE_IOERR_SHORT_READ;
}

static int file_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 offset)
{
    (void)file, (void)bytes, (void)len, (void)offset;
    return SQLITE_READONLY;
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    (void)file, (void)size;
    return SQLITE_READONLY;
}

static int file_sync(sqlite3_file *file, int flags)
{
    (void)file, (void)flags;
    return SQLITE_OK;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *ret_size)
{
    (void)file;
    *ret_size = 0;
    return SQLITE_OK;
}

static int file_lock(sqlite3_file *file, int level)
{
    (void)file, (void)level;
    return SQLITE_OK;
}

static int file_check_reserved(sqlite3_file *file, int *ret_reserved)
{
    (void)file;
    *ret_reserved = 0;
    return SQLITE_OK;
}

static int file_control(sqlite3_file *file, int op, void *arg)
{
    (void)file, (void)op, (void)arg;
    return SQLITE_NOTFOUND;
}

static int file_sector_size(sqlite3_file *file)
{
    (void)file;
    return 512;
}

static int file_characteristics(sqlite3_file *file)
{
    (void)file;
    return 0;
}

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                    int *ret_flags)
{
    struct private_file *opened = (struct private_file *)file;

    (void)name;
    file->pMethods = NULL;
    if (!(flags & SQLITE_OPEN_MAIN_DB))
        return SQLITE_CANTOPEN;
    opened->owner = vfs->pAppData;
    file->pMethods = &opened->owner->methods;
    if (ret_flags)
        *ret_flags = flags;
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync_directory)
{
    (void)vfs, (void)name, (void)sync_directory;
    return SQLITE_OK;
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *ret_there)
{
    (void)vfs, (void)name, (void)flags;
    *ret_there = 0;
    return SQLITE_OK;
}

static int vfs_full_pathname(sqlite3_vfs *vfs, const char *name, int size, char *ret_path)
{
    (void)vfs;
    return snprintf(ret_path, (size_t)size, "%s", name) < size ? SQLITE_OK : SQLITE_CANTOPEN;
}

static int vfs_randomness(sqlite3_vfs *vfs, int len, char *ret_bytes)
{
    sqlite3_vfs *base = sqlite3_vfs_find(NULL);

    (void)vfs;
    return base->xRandomness(base, len, ret_bytes);
}

static int vfs_sleep(sqlite3_vfs *vfs, int microseconds)
{
    sqlite3_vfs *base = sqlite3_vfs_find(NULL);

    (void)vfs;
    return base->xSleep(base, microseconds);
}

static int vfs_current_time(sqlite3_vfs *vfs, double *ret_days)
{
    sqlite3_vfs *base = sqlite3_vfs_find(NULL);

    (void)vfs;
    return base->xCurrentTime(base, ret_days);
}

static int vfs_last_error(sqlite3_vfs *vfs, int len, char *ret_text)
{
    (void)vfs;
    if (len > 0)
        ret_text[0] = '\0';
    return 0;
}

void private_vfs_init(struct private_vfs *owner, const char *prefix)
{
    /* The address tells living contexts apart. */
    snprintf(owner->name, sizeof(owner->name), "%.20s-%p", prefix, (void *)owner);
    owner->vfs = (sqlite3_vfs){
        .iVersion = 1,
        .szOsFile = sizeof(struct private_file),
        .mxPathname = 64,
        .zName = owner->name,
        .pAppData = owner,
        .xOpen = vfs_open,
        .xDelete = vfs_delete,
        .xAccess = vfs_access,
        .xFullPathname = vfs_full_pathname,
        .xRandomness = vfs_randomness,
        .xSleep = vfs_sleep,
        .xCurrentTime = vfs_current_time,
        .xGetLastError = vfs_last_error,
    };
    owner->methods = (sqlite3_io_methods){
        .iVersion = 1,
        .xClose = file_close,
        .xRead = file_read,
        .xWrite = file_write,
        .xTruncate = file_truncate,
        .xSync = file_sync,
        .xFileSize = file_size,
        .xLock = file_lock,
        .xUnlock = file_lock,
        .xCheckReservedLock = file_check_reserved,
        .xFileControl = file_control,
        .xSectorSize = file_sector_size,
        .xDeviceCharacteristics = file_characteristics,
    };
}

int private_vfs_register(struct private_vfs *owner, struct err *err)
{
    int rc = sqlite3_initialize();

    if (rc == SQLITE_OK)
        rc = sqlite3_vfs_register(&owner->vfs, 0);
    if (rc != SQLITE_OK)
        return err_set(err, ENOMEM, "SQLite cannot be started: %s", sqlite3_errstr(rc));
    return 0;
}

void private_vfs_unregister(struct private_vfs *owner)
{
    sqlite3_vfs_unregister(&owner->vfs);
}

struct private_vfs *private_vfs_owner(sqlite3_file *file)
{
    return ((struct private_file *)file)->owner;
}
