/*
 * A batch: consecutive blocks of an image on their way through the pool.
 */
#ifndef DBSNAPFS_STORE_BATCH_H
#define DBSNAPFS_STORE_BATCH_H

#include "dbsnapfs/store/writer.h"
#include "dbsnapfs/util/err.h"
#include "dbsnapfs/util/pool.h"
#include "store/base.h"
#include "store/format.h"
#include "store/pack.h"

#define BATCH_BYTES (256u << 10)

enum block_fate { BLOCK_SAME, BLOCK_DELTA, BLOCK_FULL };

struct batch_block {
    struct fingerprint fingerprint;
    enum block_fate fate;
    uint32_t kind; /* of a full block */
    struct packed_delta delta;
};

struct batch {
    struct pool_job job; /* first: the job is the batch */
    struct repo *repo;
    const struct backup_base *base;
    block_kind *kind_of;           /* NULL: all are alike */
    uint32_t block_size, capacity; /* blocks that fit */
    uint64_t first_block;          /* set by the owner, like count and data */
    uint32_t count;
    int code; /* of the job, with err */
    struct err err;
    struct batch_block *blocks;
    uint8_t *data;
    uint8_t *deltas; /* where the deltas' bytes are */
};

int batch_new(struct repo *repo, const struct backup_base *base, uint32_t block_size,
              struct batch **ret_batch, struct err *err);
void batch_free(struct batch *batch); /* NULL is fine */

#endif
