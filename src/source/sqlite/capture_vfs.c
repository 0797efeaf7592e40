/*
 * What SQLite's online backup writes, as a stream of blocks.
 *
 * Found by watching it: with journal_mode=OFF and a cache that overflows, pages leave the
 * cache oldest first, so ascending; page 1 stays pinned and is written once, at commit, before
 * the pages that are still in the cache; no page is written twice, none is read back; the page
 * with the lock byte (at 1 GiB) is never written. None of that is promised by SQLite, so
 * what does not fit fails the capture instead of giving a wrong image.
 *
 * Pages smaller than a block are gathered in `pending`. Block 0 is gathered in `first`.
 */
#include "source/sqlite/capture_vfs.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/source/source.h"
#include "dbsnapfs/util/err.h"
#include "source/sqlite/private_vfs.h"

#define MIN_BLOCK 4096

struct capture_vfs {
    struct private_vfs base; /* first: SQLite's pointers are cast to this */
    const char *source;
    const struct source_sink *sink;
    const atomic_bool *cancel;
    uint64_t block_size;
    uint64_t size;       /* of the image so far */
    uint64_t put_end;    /* behind the last block that was put, or is pending */
    uint64_t pending_at; /* the block in `pending`; 0: none */
    unsigned char *pending;
    unsigned char *first;
    struct err error;
};

static struct capture_vfs *capture_of(sqlite3_file *file)
{
    return (struct capture_vfs *)private_vfs_owner(file);
}

/* All of a block, or what the image has of its last one. */
static int put_block(struct capture_vfs *vfs, uint64_t offset, const unsigned char *bytes,
                     uint64_t len)
{
    return vfs->sink->put(vfs->sink->arg, offset, bytes, (size_t)len, &vfs->error);
}

/* The image goes on to `image_end` at least. */
static int put_pending(struct capture_vfs *vfs, uint64_t image_end)
{
    uint64_t offset = vfs->pending_at;
    uint64_t rest = image_end - offset;

    if (offset == 0)
        return 0;
    vfs->pending_at = 0;
    return put_block(vfs, offset, vfs->pending, rest < vfs->block_size ? rest : vfs->block_size);
}

static int take(struct capture_vfs *vfs, uint64_t offset, const void *bytes, uint64_t len)
{
    uint64_t block = offset - offset % vfs->block_size;
    int r = 0;

    if (offset + len > block + vfs->block_size)
        return err_set(&vfs->error, EIO, "%s: SQLite wrote across pages at byte %llu", vfs->source,
                       (unsigned long long)offset);
    if (block == 0) {
        memcpy(vfs->first + offset, bytes, len);
        goto out;
    }
    if (block != vfs->pending_at) {
        if (block < vfs->put_end)
            return err_set(&vfs->error, EIO,
                           "%s: SQLite wrote byte %llu out of order; nothing was backed up",
                           vfs->source, (unsigned long long)offset);
        r = put_pending(vfs, offset);
        if (r < 0)
            return r;
        vfs->put_end = block + vfs->block_size;
        if (len == vfs->block_size) {
            r = put_block(vfs, block, bytes, len);
            goto out;
        }
        memset(vfs->pending, 0, vfs->block_size);
        vfs->pending_at = block;
    }
    memcpy(vfs->pending + (offset - block), bytes, len);
out:
    if (offset + len > vfs->size)
        vfs->size = offset + len;
    return r;
}

/* Gives `error` a code and a text, whatever a sink has set. */
static int failed(struct capture_vfs *vfs, int r)
{
    if (vfs->error.code != r || vfs->error.text[0] == '\0')
        err_sys(&vfs->error, -r, "%s: the backup could not be written", vfs->source);
    return -r == ENOSPC ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}

static int capture_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 offset)
{
    struct capture_vfs *vfs = capture_of(file);
    int r = vfs->error.code;

    if (r < 0)
        return SQLITE_IOERR_WRITE;
    if (vfs->cancel && atomic_load(vfs->cancel))
        r = err_set(&vfs->error, ECANCELED, "%s: cancelled", vfs->source);
    else
        r = take(vfs, (uint64_t)offset, bytes, (uint64_t)len);
    return r < 0 ? failed(vfs, r) : SQLITE_OK;
}

/* SQLite may look at the header, or at what is not there yet. */
static int capture_read(sqlite3_file *file, void *bytes, int len, sqlite3_int64 offset)
{
    struct capture_vfs *vfs = capture_of(file);
    uint64_t start = (uint64_t)offset, end = start + (uint64_t)len;

    memset(bytes, 0, (size_t)len);
    if (start >= vfs->size)
        return SQLITE_IOERR_SHORT_READ;
    if (end > vfs->block_size) {
        err_set(&vfs->error, EIO, "%s: SQLite read byte %llu back; nothing was backed up",
                vfs->source, (unsigned long long)offset);
        return SQLITE_IOERR_READ;
    }
    memcpy(bytes, vfs->first + start, (size_t)len);
    return end > vfs->size ? SQLITE_IOERR_SHORT_READ : SQLITE_OK;
}

/* Cutting off what was put would leave the sink with too much; growing adds zeros. */
static int capture_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    struct capture_vfs *vfs = capture_of(file);

    if ((uint64_t)size < vfs->size) {
        err_set(&vfs->error, EIO, "%s: SQLite cut the image to %lld bytes; nothing was backed up",
                vfs->source, (long long)size);
        return SQLITE_IOERR_TRUNCATE;
    }
    vfs->size = (uint64_t)size;
    return SQLITE_OK;
}

static int capture_size(sqlite3_file *file, sqlite3_int64 *ret_size)
{
    *ret_size = (sqlite3_int64)capture_of(file)->size;
    return SQLITE_OK;
}

/* Without this, SQLite would write, and so read, all pages of a sector of the disk at once. */
static int capture_characteristics(sqlite3_file *file)
{
    (void)file;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

int capture_vfs_new(const char *source, uint32_t page_size, const struct source_sink *sink,
                    const atomic_bool *cancel, struct capture_vfs **ret_vfs, struct err *err)
{
    struct capture_vfs *vfs = calloc(1, sizeof(*vfs));
    int r = 0;

    if (!vfs)
        return err_set(err, ENOMEM, "out of memory");
    vfs->source = source;
    vfs->sink = sink;
    vfs->cancel = cancel;
    vfs->block_size = page_size > MIN_BLOCK ? page_size : MIN_BLOCK;
    vfs->put_end = vfs->block_size;
    vfs->first = calloc(1, vfs->block_size);
    vfs->pending = calloc(1, vfs->block_size);
    private_vfs_init(&vfs->base, "dbsnapfs-capture");
    vfs->base.methods.xWrite = capture_write;
    vfs->base.methods.xRead = capture_read;
    vfs->base.methods.xTruncate = capture_truncate;
    vfs->base.methods.xFileSize = capture_size;
    vfs->base.methods.xDeviceCharacteristics = capture_characteristics;
    if (!vfs->first || !vfs->pending) {
        r = err_set(err, ENOMEM, "out of memory");
        goto out;
    }
    r = private_vfs_register(&vfs->base, err);
    if (r < 0)
        goto out;
    *ret_vfs = vfs;
    vfs = NULL;
out:
    capture_vfs_free(vfs);
    return r;
}

void capture_vfs_free(struct capture_vfs *vfs)
{
    if (!vfs)
        return;
    private_vfs_unregister(&vfs->base);
    free(vfs->first);
    free(vfs->pending);
    free(vfs);
}

const char *capture_vfs_name(const struct capture_vfs *vfs)
{
    return vfs->base.name;
}

const struct err *capture_vfs_error(const struct capture_vfs *vfs)
{
    return &vfs->error;
}

int capture_vfs_finish(struct capture_vfs *vfs, uint64_t *ret_image_bytes, struct err *err)
{
    int r = put_pending(vfs, vfs->size);

    if (r == 0 && vfs->size > 0)
        r = put_block(vfs, 0, vfs->first,
                      vfs->size < vfs->block_size ? vfs->size : vfs->block_size);
    if (r < 0) {
        failed(vfs, r);
        return err_set(err, -r, "%s", vfs->error.text);
    }
    *ret_image_bytes = vfs->size;
    return 0;
}
