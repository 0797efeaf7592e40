/*
 * Reads of SQLite become reads of the image.
 *
 * SQLITE_IOCAP_IMMUTABLE makes SQLite treat the file as one that nobody else has and nobody
 * changes: it takes no locks, looks for no journal, and reads a database in WAL mode without
 * -wal and -shm files.
 */
#include "source/sqlite/snapshot_vfs.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/util/err.h"
#include "source/sqlite/private_vfs.h"

struct snapshot_vfs {
    struct private_vfs base; /* first: SQLite's pointers are cast to this */
    struct snapshot_image image;
    const atomic_bool *cancel;
    pthread_mutex_t lock;
    struct err error; /* protected by lock while connections are open in several threads */
};

static struct snapshot_vfs *snapshot_of(sqlite3_file *file)
{
    return (struct snapshot_vfs *)private_vfs_owner(file);
}

static void keep_first_error(struct snapshot_vfs *vfs, const struct err *error)
{
    pthread_mutex_lock(&vfs->lock);
    if (vfs->error.code == 0)
        vfs->error = *error;
    pthread_mutex_unlock(&vfs->lock);
}

static int read_failed(struct snapshot_vfs *vfs, int r, struct err *error)
{
    if (error->code != r || error->text[0] == '\0')
        err_sys(error, -r, "the backup cannot be read");
    keep_first_error(vfs, error);
    return r == -EBADMSG ? SQLITE_IOERR_CORRUPTFS : SQLITE_IOERR_READ;
}

static int snapshot_vfs_read(sqlite3_file *file, void *bytes, int len, sqlite3_int64 offset)
{
    struct snapshot_vfs *vfs = snapshot_of(file);
    struct err error = ERR_INIT;
    size_t got = 0;
    int r;

    if (vfs->cancel && atomic_load(vfs->cancel))
        return read_failed(vfs, err_set(&error, ECANCELED, "cancelled"), &error);
    r = vfs->image.read(vfs->image.arg, (uint64_t)offset, bytes, (size_t)len, &got, &error);
    if (r < 0)
        return read_failed(vfs, r, &error);
    if (got == (size_t)len)
        return SQLITE_OK;
    memset((char *)bytes + got, 0, (size_t)len - got);
    return SQLITE_IOERR_SHORT_READ;
}

static int snapshot_vfs_size(sqlite3_file *file, sqlite3_int64 *ret_size)
{
    *ret_size = (sqlite3_int64)snapshot_of(file)->image.bytes;
    return SQLITE_OK;
}

static int snapshot_vfs_characteristics(sqlite3_file *file)
{
    (void)file;
    return SQLITE_IOCAP_IMMUTABLE;
}

int snapshot_vfs_new(const struct snapshot_image *image, const atomic_bool *cancel,
                     struct snapshot_vfs **ret_vfs, struct err *err)
{
    struct snapshot_vfs *vfs = calloc(1, sizeof(*vfs));
    int r;

    if (!vfs)
        return err_set(err, ENOMEM, "out of memory");
    vfs->image = *image;
    vfs->cancel = cancel;
    pthread_mutex_init(&vfs->lock, NULL);
    private_vfs_init(&vfs->base, "dbsnapfs-snapshot");
    vfs->base.methods.xRead = snapshot_vfs_read;
    vfs->base.methods.xFileSize = snapshot_vfs_size;
    vfs->base.methods.xDeviceCharacteristics = snapshot_vfs_characteristics;
    r = private_vfs_register(&vfs->base, err);
    if (r < 0)
        goto out;
    *ret_vfs = vfs;
    vfs = NULL;
out:
    snapshot_vfs_free(vfs);
    return r;
}

void snapshot_vfs_free(struct snapshot_vfs *vfs)
{
    if (!vfs)
        return;
    private_vfs_unregister(&vfs->base);
    pthread_mutex_destroy(&vfs->lock);
    free(vfs);
}

const char *snapshot_vfs_name(const struct snapshot_vfs *vfs)
{
    return vfs->base.name;
}

const struct err *snapshot_vfs_error(const struct snapshot_vfs *vfs)
{
    return &vfs->error;
}

void snapshot_vfs_forget(struct snapshot_vfs *vfs)
{
    vfs->error.code = 0;
}
