/*
 * What a worker does with a batch: fingerprints; compares with the backup before; for a block that
 * changed, tries a delta against the newest full version of the same block, and decides.
 *
 * A delta is kept when it takes less than 0.6 of what the full block takes in its frame; the
 * compressor is given just that much room, so that it gives up early. A delta's level is at least
 * 3: with a dictionary, zlib's levels 1 and 2 are neither faster nor smaller.
 */
#include "store/batch.h"

#include <errno.h>
#include <stdlib.h>

#include "dbsnapfs/util/cache.h"
#include "store/fingerprints.h"
#include "store/frame.h"
#include "store/repo_internal.h"
#include "store/snapshot_internal.h"

#define DELTA_MIN_DEFLATE_LEVEL 3

/* A worker's hands: the backup before, its open frames, a compressor. */
struct batch_worker {
    struct batch *batch;
    struct snapshot before;
    struct snapshot_cursor cursor;
    struct cache_ref *base_ref;
    const struct frame *base;
    struct codec *codec;
    struct codec_choice choice;
    size_t used; /* of batch->deltas */
};

/* The newest full version of the block: where it is, through the delta that may stand there. */
static int batch_find_base(struct batch_worker *w, uint64_t block, uint32_t *ret_slot,
                           struct err *err)
{
    struct repo *repo = w->batch->repo;
    const struct frame_slot *slot;
    uint32_t at = 0;
    uint64_t id;
    int code = snapshot_frame(&w->cursor, block, &at, err);

    if (code)
        return code;
    if (at >= w->cursor.frame->head.slot_count)
        return -EBADMSG;
    slot = &w->cursor.frame->head.slots[at];
    id = w->cursor.frame->head.id;
    if (w->cursor.frame->head.kind == FRAME_DELTA) {
        id = slot->base_frame;
        at = slot->base_slot;
    }
    *ret_slot = at;
    if (w->base && w->base->head.id == id && at < w->base->ready_slots)
        return 0;
    cache_release(repo->frames, w->base_ref);
    w->base_ref = NULL;
    w->base = NULL;
    return frame_get(repo, id, at + 1, &w->base_ref, &w->base, err);
}

/* Tries a delta; any trouble with the older version just means that the block is stored full. */
static enum block_fate batch_delta(struct batch_worker *w, uint32_t i)
{
    struct batch *batch = w->batch;
    struct batch_block *b = &batch->blocks[i];
    uint32_t size = batch->block_size, slot = 0;
    const struct frame_head *head;
    size_t limit, got = 0;

    if (batch_find_base(w, batch->first_block + i, &slot, NULL))
        return BLOCK_FULL;
    head = &w->base->head;
    if (head->kind != FRAME_FULL || slot >= w->base->ready_slots || head->block_size != size)
        return BLOCK_FULL;
    limit = (size_t)w->base->stored_bytes * 6 / (head->slot_count * 10u);
    limit = limit < size ? limit : size; /* batch->deltas has room for the blocks themselves */
    if (codec_compress(w->codec, w->choice, w->base->bytes + (size_t)slot * size, size,
                       batch->data + (size_t)i * size, size, batch->deltas + w->used, limit, &got))
        return BLOCK_FULL;
    b->delta = (struct packed_delta){head->id, slot, batch->deltas + w->used, got};
    w->used += got;
    return BLOCK_DELTA;
}

static void batch_compare(struct batch_worker *w)
{
    struct batch *batch = w->batch;
    const struct backup_base *base = batch->base;
    struct fingerprint before[BATCH_BYTES / FORMAT_MIN_BLOCK];
    uint64_t known =
        base->block_count > batch->first_block ? base->block_count - batch->first_block : 0;

    if (known > batch->count)
        known = batch->count;
    /* what cannot be told to be the same is stored */
    if (known && fingerprints_read(batch->repo, base->id, batch->first_block, (size_t)known, before,
                                   NULL) != 0)
        known = 0;
    if (known && batch->first_block == 0)
        before[0] = base->first;
    for (uint32_t i = 0; i < batch->count; i++) {
        struct batch_block *b = &batch->blocks[i];

        b->fingerprint = format_fingerprint(batch->data + (size_t)i * batch->block_size,
                                            batch->block_size, batch->repo->identity.seed);
        if (i >= known)
            b->fate = BLOCK_FULL;
        else if (b->fingerprint.low == before[i].low && b->fingerprint.high == before[i].high)
            b->fate = BLOCK_SAME;
        else
            b->fate = BLOCK_DELTA;
    }
    /* Backwards: the blocks of a frame stand in it in order, so that the first one decodes it as
     * far as the others need. */
    for (uint32_t i = batch->count; i-- > 0;) {
        struct batch_block *b = &batch->blocks[i];

        if (b->fate == BLOCK_DELTA)
            b->fate = batch_delta(w, i);
        if (b->fate == BLOCK_FULL && batch->kind_of)
            b->kind =
                batch->kind_of(batch->data + (size_t)i * batch->block_size, batch->block_size);
    }
}

static void batch_run(struct pool_job *job)
{
    struct batch *batch = (struct batch *)job;
    struct repo *repo = batch->repo;
    struct batch_worker w = {
        .batch = batch,
        .before = {.repo = repo,
                   .id = batch->base->id,
                   .block_count = batch->base->block_count,
                   .block_size = batch->block_size},
        .choice = repo->compress,
    };

    w.cursor.snapshot = &w.before;
    if (w.choice.id == CODEC_NONE ||
        (w.choice.id == CODEC_DEFLATE && w.choice.level < DELTA_MIN_DEFLATE_LEVEL))
        w.choice = (struct codec_choice){CODEC_DEFLATE, DELTA_MIN_DEFLATE_LEVEL};
    batch->code = repo_codec_borrow(repo, &w.codec, &batch->err);
    if (batch->code)
        return;
    batch_compare(&w);
    snapshot_cursor_release(&w.cursor);
    cache_release(repo->frames, w.base_ref);
    repo_codec_return(repo, w.codec);
}

int batch_new(struct repo *repo, const struct backup_base *base, uint32_t block_size,
              struct batch **ret_batch, struct err *err)
{
    struct batch *batch = calloc(1, sizeof(*batch));

    if (batch) {
        batch->job.run = batch_run;
        batch->repo = repo;
        batch->base = base;
        batch->block_size = block_size;
        batch->capacity = BATCH_BYTES / block_size;
        batch->blocks = calloc(batch->capacity, sizeof(*batch->blocks));
        batch->data = malloc(BATCH_BYTES);
        batch->deltas = malloc(BATCH_BYTES);
    }
    if (!batch || !batch->blocks || !batch->data || !batch->deltas) {
        batch_free(batch);
        return err_set(err, ENOMEM, "out of memory for a backup's blocks");
    }
    *ret_batch = batch;
    return 0;
}

void batch_free(struct batch *batch)
{
    if (!batch)
        return;
    free(batch->deltas);
    free(batch->data);
    free(batch->blocks);
    free(batch);
}
