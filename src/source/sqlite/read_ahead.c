/*
 * Everything is passed on to the default VFS but the reads of the main database. Its other files
 * (journal, WAL) are opened by the default VFS itself, in the memory that SQLite gave for ours.
 */
#include "source/sqlite/read_ahead.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "dbsnapfs/util/err.h"

#define AHEAD_BYTES (256 << 10)
#define AHEAD_GAP (64 << 10) /* pages that came from the WAL leave gaps */

struct read_ahead {
    sqlite3_vfs vfs;
    sqlite3_io_methods methods;
    char name[48];
    bool started;
    sqlite3_int64 next;  /* behind the last read */
    sqlite3_int64 start; /* of what is buffered */
    int len;
    char bytes[AHEAD_BYTES];
};

struct ahead_file {
    sqlite3_file base;
    struct read_ahead *ahead;
    sqlite3_file *real; /* behind this structure */
};

static sqlite3_file *real_file(sqlite3_file *file)
{
    return ((struct ahead_file *)file)->real;
}

/* The base VFS behind one of ours. */
static sqlite3_vfs *base_vfs(void)
{
    return sqlite3_vfs_find(NULL);
}

/* Fills the buffer from `offset` on; it stays empty if there is too little to read. */
static void ahead_fill(struct read_ahead *ahead, sqlite3_file *real, int len, sqlite3_int64 offset)
{
    sqlite3_int64 size = 0;
    int want;

    ahead->len = 0;
    if (real->pMethods->xFileSize(real, &size) != SQLITE_OK || size - offset < len)
        return;
    want = size - offset < AHEAD_BYTES ? (int)(size - offset) : AHEAD_BYTES;
    if (real->pMethods->xRead(real, ahead->bytes, want, offset) != SQLITE_OK)
        return;
    ahead->start = offset;
    ahead->len = want;
}

static int ahead_read(sqlite3_file *file, void *bytes, int len, sqlite3_int64 offset)
{
    struct read_ahead *ahead = ((struct ahead_file *)file)->ahead;
    sqlite3_file *real = real_file(file);
    bool goes_on = offset >= ahead->next && offset <= ahead->next + AHEAD_GAP;

    ahead->next = offset + len;
    if (ahead->started) {
        if ((offset < ahead->start || offset + len > ahead->start + ahead->len) && goes_on)
            ahead_fill(ahead, real, len, offset);
        if (ahead->len && offset >= ahead->start && offset + len <= ahead->start + ahead->len) {
            memcpy(bytes, ahead->bytes + (offset - ahead->start), (size_t)len);
            return SQLITE_OK;
        }
    }
    return real->pMethods->xRead(real, bytes, len, offset);
}

static int ahead_close(sqlite3_file *file)
{
    return real_file(file)->pMethods->xClose(real_file(file));
}

static int ahead_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 offset)
{
    return real_file(file)->pMethods->xWrite(real_file(file), bytes, len, offset);
}

static int ahead_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    return real_file(file)->pMethods->xTruncate(real_file(file), size);
}

static int ahead_sync(sqlite3_file *file, int flags)
{
    return real_file(file)->pMethods->xSync(real_file(file), flags);
}

static int ahead_file_size(sqlite3_file *file, sqlite3_int64 *ret_size)
{
    return real_file(file)->pMethods->xFileSize(real_file(file), ret_size);
}

static int ahead_lock(sqlite3_file *file, int level)
{
    return real_file(file)->pMethods->xLock(real_file(file), level);
}

static int ahead_unlock(sqlite3_file *file, int level)
{
    return real_file(file)->pMethods->xUnlock(real_file(file), level);
}

static int ahead_check_reserved(sqlite3_file *file, int *ret_reserved)
{
    return real_file(file)->pMethods->xCheckReservedLock(real_file(file), ret_reserved);
}

static int ahead_file_control(sqlite3_file *file, int op, void *arg)
{
    return real_file(file)->pMethods->xFileControl(real_file(file), op, arg);
}

static int ahead_sector_size(sqlite3_file *file)
{
    return real_file(file)->pMethods->xSectorSize(real_file(file));
}

static int ahead_characteristics(sqlite3_file *file)
{
    return real_file(file)->pMethods->xDeviceCharacteristics(real_file(file));
}

static int ahead_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **ret)
{
    return real_file(file)->pMethods->xShmMap(real_file(file), page, size, extend, ret);
}

static int ahead_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    return real_file(file)->pMethods->xShmLock(real_file(file), offset, count, flags);
}

static void ahead_shm_barrier(sqlite3_file *file)
{
    real_file(file)->pMethods->xShmBarrier(real_file(file));
}

static int ahead_shm_unmap(sqlite3_file *file, int delete_it)
{
    return real_file(file)->pMethods->xShmUnmap(real_file(file), delete_it);
}

static int ahead_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                      int *ret_flags)
{
    struct ahead_file *opened = (struct ahead_file *)file;
    sqlite3_vfs *base = base_vfs();
    int rc;

    if (!(flags & SQLITE_OPEN_MAIN_DB))
        return base->xOpen(base, name, file, flags, ret_flags);
    opened->base.pMethods = NULL;
    opened->ahead = vfs->pAppData;
    opened->real = (sqlite3_file *)(opened + 1);
    rc = base->xOpen(base, name, opened->real, flags, ret_flags);
    if (opened->real->pMethods)
        opened->base.pMethods = &opened->ahead->methods;
    return rc;
}

static int ahead_delete(sqlite3_vfs *vfs, const char *name, int sync_directory)
{
    (void)vfs;
    return base_vfs()->xDelete(base_vfs(), name, sync_directory);
}

static int ahead_access(sqlite3_vfs *vfs, const char *name, int flags, int *ret_there)
{
    (void)vfs;
    return base_vfs()->xAccess(base_vfs(), name, flags, ret_there);
}

static int ahead_full_pathname(sqlite3_vfs *vfs, const char *name, int size, char *ret_path)
{
    (void)vfs;
    return base_vfs()->xFullPathname(base_vfs(), name, size, ret_path);
}

static int ahead_randomness(sqlite3_vfs *vfs, int len, char *ret_bytes)
{
    (void)vfs;
    return base_vfs()->xRandomness(base_vfs(), len, ret_bytes);
}

static int ahead_sleep(sqlite3_vfs *vfs, int microseconds)
{
    (void)vfs;
    return base_vfs()->xSleep(base_vfs(), microseconds);
}

static int ahead_current_time(sqlite3_vfs *vfs, double *ret_days)
{
    (void)vfs;
    return base_vfs()->xCurrentTime(base_vfs(), ret_days);
}

static int ahead_last_error(sqlite3_vfs *vfs, int len, char *ret_text)
{
    (void)vfs;
    return base_vfs()->xGetLastError(base_vfs(), len, ret_text);
}

static void ahead_init(struct read_ahead *ahead, const sqlite3_vfs *base)
{
    /* The address tells living ones apart. */
    (void)snprintf(ahead->name, sizeof(ahead->name), "read-ahead-%p", (void *)ahead);
    ahead->vfs = (sqlite3_vfs){
        .iVersion = 1,
        .szOsFile = (int)sizeof(struct ahead_file) + base->szOsFile,
        .mxPathname = base->mxPathname,
        .zName = ahead->name,
        .pAppData = ahead,
        .xOpen = ahead_open,
        .xDelete = ahead_delete,
        .xAccess = ahead_access,
        .xFullPathname = ahead_full_pathname,
        .xRandomness = ahead_randomness,
        .xSleep = ahead_sleep,
        .xCurrentTime = ahead_current_time,
        .xGetLastError = ahead_last_error,
    };
    ahead->methods = (sqlite3_io_methods){
        .iVersion = 2, /* with shared memory, without mmap */
        .xClose = ahead_close,
        .xRead = ahead_read,
        .xWrite = ahead_write,
        .xTruncate = ahead_truncate,
        .xSync = ahead_sync,
        .xFileSize = ahead_file_size,
        .xLock = ahead_lock,
        .xUnlock = ahead_unlock,
        .xCheckReservedLock = ahead_check_reserved,
        .xFileControl = ahead_file_control,
        .xSectorSize = ahead_sector_size,
        .xDeviceCharacteristics = ahead_characteristics,
        .xShmMap = ahead_shm_map,
        .xShmLock = ahead_shm_lock,
        .xShmBarrier = ahead_shm_barrier,
        .xShmUnmap = ahead_shm_unmap,
    };
}

int read_ahead_new(struct read_ahead **ret_ahead, struct err *err)
{
    struct read_ahead *ahead = calloc(1, sizeof(*ahead));
    int rc = sqlite3_initialize();

    if (!ahead)
        return err_set(err, ENOMEM, "out of memory for reading a database");
    if (rc == SQLITE_OK) {
        ahead_init(ahead, base_vfs());
        rc = sqlite3_vfs_register(&ahead->vfs, 0);
    }
    if (rc != SQLITE_OK) {
        free(ahead);
        return err_set(err, ENOMEM, "SQLite cannot be started: %s", sqlite3_errstr(rc));
    }
    *ret_ahead = ahead;
    return 0;
}

void read_ahead_free(struct read_ahead *ahead)
{
    if (!ahead)
        return;
    sqlite3_vfs_unregister(&ahead->vfs);
    free(ahead);
}

const char *read_ahead_name(const struct read_ahead *ahead)
{
    return ahead->name;
}

void read_ahead_start(struct read_ahead *ahead)
{
    ahead->len = 0;
    ahead->started = true;
}

void read_ahead_stop(struct read_ahead *ahead)
{
    ahead->started = false;
    ahead->len = 0;
}
