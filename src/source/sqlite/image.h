/*
 * A backup's image, opened as a database through the store.
 */
#ifndef DBSNAPFS_SOURCE_SQLITE_IMAGE_H
#define DBSNAPFS_SOURCE_SQLITE_IMAGE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "source/sqlite/connection.h"

struct buf;
struct err;
struct snapshot;
struct snapshot_image;
struct snapshot_vfs;

struct image {
    struct snapshot_vfs *vfs;
    struct connection connection;
};

#define IMAGE_INIT            \
    {                         \
        NULL, CONNECTION_INIT \
    }

/* What `reader` reads must stay until image_close(); `ret_image` must not move meanwhile. */
int image_open(const struct snapshot_image *reader, const atomic_bool *cancel,
               struct image *ret_image, struct err *err);
void image_close(struct image *image); /* a closed one is fine */

int image_schema(const struct snapshot_image *reader, struct buf *out, struct err *err);
int image_check(const struct snapshot_image *reader, bool deep, const atomic_bool *cancel,
                struct buf *out, struct err *err);

/* source_snapshot_schema() and source_snapshot_check() */
int image_snapshot_schema(struct snapshot *snapshot, struct buf *out, struct err *err);
int image_snapshot_check(struct snapshot *snapshot, bool deep, const atomic_bool *cancel,
                         struct buf *out, struct err *err);

#endif
