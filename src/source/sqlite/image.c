/*
 * Joins the store's snapshots, the VFS that reads them and a connection.
 */
#include "source/sqlite/image.h"

#include <errno.h>

#include "dbsnapfs/store/snapshot.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"
#include "source/sqlite/check.h"
#include "source/sqlite/schema.h"
#include "source/sqlite/snapshot_vfs.h"

#define IMAGE_NAME "the backup"

static int read_snapshot(void *arg, uint64_t offset, void *bytes, size_t len, size_t *ret_len,
                         struct err *err)
{
    return snapshot_read(arg, offset, bytes, len, ret_len, err);
}

int image_open(const struct snapshot_image *reader, const atomic_bool *cancel,
               struct image *ret_image, struct err *err)
{
    struct image *image = ret_image;
    int r = snapshot_vfs_new(reader, cancel, &image->vfs, err);

    if (r < 0)
        return r;
    r = connection_open_vfs(IMAGE_NAME, snapshot_vfs_name(image->vfs), SQLITE_OPEN_READONLY,
                            snapshot_vfs_error(image->vfs), &image->connection, err);
    if (r < 0)
        image_close(image);
    image->connection.cancel = cancel;
    return r;
}

void image_close(struct image *image)
{
    connection_close(&image->connection);
    snapshot_vfs_free(image->vfs);
    image->vfs = NULL;
}

int image_schema(const struct snapshot_image *reader, struct buf *out, struct err *err)
{
    struct image image = IMAGE_INIT;
    int r = image_open(reader, NULL, &image, err);

    if (r == 0)
        r = connection_read_schema(&image.connection, NULL, err);
    if (r == 0)
        r = schema_write(&image.connection, out, err);
    image_close(&image);
    return r;
}

int image_check(const struct snapshot_image *reader, bool deep, const atomic_bool *cancel,
                struct buf *out, struct err *err)
{
    struct image image = IMAGE_INIT;
    int r = image_open(reader, cancel, &image, err);

    if (r == 0)
        r = check_run(&image.connection, deep, out, err);
    image_close(&image);
    return r;
}

static struct snapshot_image reader_of(struct snapshot *snapshot)
{
    return (struct snapshot_image){snapshot, snapshot_bytes(snapshot), read_snapshot};
}

int image_snapshot_schema(struct snapshot *snapshot, struct buf *out, struct err *err)
{
    struct snapshot_image reader = reader_of(snapshot);

    return image_schema(&reader, out, err);
}

int image_snapshot_check(struct snapshot *snapshot, bool deep, const atomic_bool *cancel,
                         struct buf *out, struct err *err)
{
    struct snapshot_image reader = reader_of(snapshot);

    return image_check(&reader, deep, cancel, out, err);
}
