/*
 * A read-only SQLite VFS over a database image that something else can read.
 *
 * The image never changes, so there are no locks, no journals and no -wal, whatever its
 * header says. Several connections may be open on one VFS, each in its own thread, if the
 * image can be read by several threads.
 */
#ifndef DBSNAPFS_SOURCE_SQLITE_SNAPSHOT_VFS_H
#define DBSNAPFS_SOURCE_SQLITE_SNAPSHOT_VFS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct snapshot_vfs;

struct snapshot_image {
    void *arg;
    uint64_t bytes;
    /* As snapshot_read(): fewer than `len` bytes only at the image's end. */
    int (*read)(void *arg, uint64_t offset, void *bytes, size_t len, size_t *ret_len,
                struct err *err);
};

/* `cancel`, if given, makes reads fail once it is true. */
int snapshot_vfs_new(const struct snapshot_image *image, const atomic_bool *cancel,
                     struct snapshot_vfs **ret_vfs, struct err *err);
void snapshot_vfs_free(struct snapshot_vfs *vfs); /* its connections are closed; NULL is fine */

const char *snapshot_vfs_name(const struct snapshot_vfs *vfs);

/* The first read that failed, or -ECANCELED; code 0 while none did. To be looked at by the
 * thread that reads, while no other does. */
const struct err *snapshot_vfs_error(const struct snapshot_vfs *vfs);
/* From now on the first is the next one; by the same thread. */
void snapshot_vfs_forget(struct snapshot_vfs *vfs);

#endif
