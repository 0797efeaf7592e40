/*
 * A snapshot's inside, and a cursor over its blocks for one thread.
 */
#ifndef DBSNAPFS_STORE_SNAPSHOT_INTERNAL_H
#define DBSNAPFS_STORE_SNAPSHOT_INTERNAL_H

#include <stdbool.h>

#include "dbsnapfs/store/snapshot.h"
#include "store/format.h"

struct cache_ref;
struct frame;
struct shard;

struct snapshot {
    struct repo *repo;
    uint64_t id;
    uint64_t image_bytes, block_count;
    uint32_t page_size, block_size;
    char name[40];
    bool gives_way; /* written before the snapshot is shared */
};

#define CURSOR_FRAMES 16u /* frames are gathered by kind of block: neighbours are in several */

struct snapshot_cursor {
    struct snapshot *snapshot;
    bool whole_frames; /* more than one block of a frame will be wanted */
    uint32_t shard_number;
    struct cache_ref *shard_ref;
    const struct shard *shard;
    const struct frame *frame; /* the one that was asked for last, held below */
    struct cursor_frame {
        struct cache_ref *ref; /* NULL: none */
        const struct frame *frame;
    } held[CURSOR_FRAMES]; /* by frame id */
};

/* Where a block is, from the map. */
int snapshot_place(struct snapshot_cursor *cursor, uint64_t block, block_place *ret_place,
                   struct err *err);
/* Sets the cursor's frame to the one that holds the block. */
int snapshot_frame(struct snapshot_cursor *cursor, uint64_t block, uint32_t *ret_slot,
                   struct err *err);
void snapshot_cursor_release(struct snapshot_cursor *cursor);

/* As snapshot_read(); with `whole_frames` the rest of a frame that is wanted is decoded too. */
int snapshot_read_frames(struct snapshot *snapshot, bool whole_frames, uint64_t offset, void *bytes,
                         size_t len, size_t *ret_len, struct err *err);

#endif
