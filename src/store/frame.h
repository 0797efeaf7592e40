/*
 * Frames in memory: what the frame cache holds, and how a block is got out of one.
 */
#ifndef DBSNAPFS_STORE_FRAME_H
#define DBSNAPFS_STORE_FRAME_H

#include "dbsnapfs/util/cache.h"
#include "store/format.h"

struct err;
struct repo;

struct frame {
    struct frame_head head;
    uint64_t segment, offset; /* where it stands, for messages */
    uint32_t stored_bytes;    /* of the payload */
    uint32_t ready_slots;     /* decoded: all of them, or of a full frame the first ones */
    /* full: the blocks, each checked against its hash; delta: the payload as it is stored */
    uint8_t bytes[];
};

extern const struct cache_ops frame_cache_ops;

#define FRAME_WHOLE FORMAT_MAX_SLOTS

/* Decodes a record's body, at least `slots` slots of it. The blocks of a full frame that are
 * decoded are checked against their hashes. */
int frame_decode(struct repo *repo, const uint8_t *body, size_t len, uint32_t slots,
                 struct frame **ret_frame, struct err *err);

/* A frame through the cache, with at least the first `slots` slots ready (FRAME_WHOLE: all);
 * release with cache_release(repo->frames, ref). */
int frame_get(struct repo *repo, uint64_t id, uint32_t slots, struct cache_ref **ref,
              const struct frame **ret_frame, struct err *err);

/* Copies the block in `slot` (which must be `block`) to `to`, block_size bytes; fetches the base
 * of a delta. */
int frame_block(struct repo *repo, const struct frame *frame, uint32_t slot, uint64_t block,
                void *to, struct err *err);

#endif
