/*
 * The way of a backup through the store:
 *
 *     put → batch → pool: fingerprint, compare, delta → in order: fingerprints, packer → segment
 *
 * The putting thread fills batches of 256 KiB, hands each to the pool and, when all of the ring
 * are under way, takes the oldest one's result: its fingerprints go to the file of fingerprints,
 * its changed blocks to the packer. So the pool does what costs time, the order is kept without
 * sorting, and memory is the ring.
 *
 * With `spool`, the source's own writers wait while it is read, so a full ring must not hold the
 * putting thread up for longer than a plain copy of the file would take: when the rate falls below
 * SPOOL_BELOW_BYTES_PER_S (after a moment's grace), batches queue up in an unlinked file. Order is kept: while the file has
 * batches in it, new ones go behind them, and the ring is fed from its front.
 */
#include "dbsnapfs/store/writer.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/storage.h"
#include "dbsnapfs/util/clock.h"
#include "dbsnapfs/util/err.h"
#include "dbsnapfs/util/pool.h"
#include "dbsnapfs/util/probe.h"
#include "store/batch.h"
#include "store/fingerprints.h"
#include "store/pack.h"
#include "store/repo_internal.h"
#include "store/spool.h"

#define WRITER_RING 16u
#define SPOOL_BELOW_BYTES_PER_S 500000000
#define SPOOL_GRACE_NS 500000000

struct backup_writer {
    struct repo *repo;
    struct backup_base base; /* the backup before */
    struct packer *packer;
    struct fingerprint_writer *fingerprints;
    struct spool *spool; /* NULL until a batch did not fit */
    bool may_spool;
    block_kind *kind_of; /* NULL: all blocks are alike */
    int64_t started_ns;  /* monotonic */
    uint64_t id;
    uint32_t page_size, block_size;

    struct batch *ring[WRITER_RING];
    unsigned ring_first, ring_count; /* batches under way, oldest first */
    struct batch *filling;           /* NULL when no batch is open */
    uint64_t next_offset;            /* behind the last byte put, block 0 apart */
    uint8_t *first_block;            /* block 0, until the end */

    atomic_uint_least64_t blocks, changed; /* progress, read by any thread */
    uint64_t delta_blocks;
};

/* Hands a finished batch's blocks on, in order. */
static int writer_take(struct backup_writer *w, struct batch *batch, struct err *err)
{
    int code = batch->code;

    if (code) {
        if (err)
            *err = batch->err;
        return code;
    }
    for (uint32_t i = 0; i < batch->count && code == 0; i++) {
        uint64_t block = batch->first_block + i;
        const struct batch_block *b = &batch->blocks[i];

        code = fingerprint_writer_add(w->fingerprints, block, &b->fingerprint, err);
        if (code == 0 && b->fate == BLOCK_FULL)
            code = packer_add_full(w->packer, block, b->fingerprint.low, b->kind,
                                   batch->data + (size_t)i * w->block_size, err);
        if (code == 0 && b->fate == BLOCK_DELTA) {
            w->delta_blocks++;
            code = packer_add_delta(w->packer, block, b->fingerprint.low, &b->delta, err);
        }
        if (b->fate != BLOCK_SAME)
            atomic_fetch_add(&w->changed, 1);
    }
    atomic_fetch_add(&w->blocks, batch->count);
    if (code == 0 && batch->first_block)
        code = packer_passed(w->packer, batch->first_block + batch->count, err);
    return code;
}

static int writer_take_oldest(struct backup_writer *w, struct err *err)
{
    struct batch *batch = w->ring[w->ring_first];

    pool_wait(w->repo->pool, &batch->job);
    w->ring_first = (w->ring_first + 1) % WRITER_RING;
    w->ring_count--;
    return writer_take(w, batch, err);
}

static int writer_drain(struct backup_writer *w, struct err *err)
{
    int code = 0;

    while (code == 0 && w->ring_count)
        code = writer_take_oldest(w, err);
    return code;
}

static int writer_open_batch(struct backup_writer *w, uint64_t first_block, struct err *err)
{
    unsigned at = (w->ring_first + w->ring_count) % WRITER_RING;
    int code = 0;

    if (!w->ring[at])
        code = batch_new(w->repo, &w->base, w->block_size, &w->ring[at], err);
    if (code)
        return code;
    w->filling = w->ring[at];
    w->filling->kind_of = w->kind_of;
    w->filling->first_block = first_block;
    w->filling->count = 0;
    return 0;
}

/* Sends the open batch to the pool and makes room for the next one. */
static int writer_submit(struct backup_writer *w, struct err *err)
{
    struct batch *batch = w->filling;

    w->filling = NULL;
    w->ring_count++;
    pool_submit(w->repo->pool, &batch->job);
    return w->ring_count == WRITER_RING ? writer_take_oldest(w, err) : 0;
}

/* Is the ring full, and would waiting make the source's writers wait too long? */
static bool writer_falls_behind(struct backup_writer *w)
{
    double seconds = (double)(clock_monotonic_ns() - w->started_ns - SPOOL_GRACE_NS) / 1e9;

    if (probe_is_armed("spool-write"))
        return true;
    return w->ring_count + 1 == WRITER_RING &&
           !pool_finished(w->repo->pool, &w->ring[w->ring_first]->job) &&
           (double)w->next_offset < seconds * SPOOL_BELOW_BYTES_PER_S;
}

/* Moves the spool's first batch into the ring. */
static int writer_unspool(struct backup_writer *w, struct err *err)
{
    uint64_t first = 0;
    size_t len = 0;
    int code = writer_open_batch(w, 0, err);

    if (code)
        return code;
    code = spool_next(w->spool, &first, w->filling->data,
                      (size_t)w->filling->capacity * w->block_size, &len, err);
    w->filling->first_block = first;
    w->filling->count = (uint32_t)(len / w->block_size);
    if (code)
        w->filling = NULL;
    return code ? code : writer_submit(w, err);
}

/* Puts the open batch behind those that are spooled, and feeds the ring from their front for as
 * long as that costs no waiting. */
static int writer_spool(struct backup_writer *w, struct err *err)
{
    struct batch *batch = w->filling;
    int code = w->spool ? 0 : spool_new(w->repo->path, &w->spool, err);

    w->filling = NULL;
    if (code == 0)
        code = spool_add(w->spool, batch->first_block, batch->data,
                         (size_t)batch->count * w->block_size, err);
    while (code == 0 && spool_left(w->spool) &&
           (w->ring_count + 1 < WRITER_RING ||
            pool_finished(w->repo->pool, &w->ring[w->ring_first]->job)))
        code = writer_unspool(w, err);
    return code;
}

/* The open batch is full (or the last one). */
static int writer_close_batch(struct backup_writer *w, struct err *err)
{
    if (w->may_spool && ((w->spool && spool_left(w->spool)) || writer_falls_behind(w)))
        return writer_spool(w, err);
    return writer_submit(w, err);
}

/* Appends `len` bytes (zeros when `bytes` is NULL) at next_offset, which is in block 1 or later. */
static int writer_append(struct backup_writer *w, const uint8_t *bytes, uint64_t len,
                         struct err *err)
{
    int code = 0;

    while (len && code == 0) {
        uint64_t block = w->next_offset / w->block_size;
        size_t within, part;

        if (!w->filling) {
            code = writer_open_batch(w, block, err);
            if (code)
                return code;
        }
        within = (size_t)(w->next_offset - w->filling->first_block * w->block_size);
        part = w->filling->capacity * w->block_size - within;
        part = part < len ? part : (size_t)len;
        if (bytes)
            memcpy(w->filling->data + within, bytes, part);
        else
            memset(w->filling->data + within, 0, part);
        bytes = bytes ? bytes + part : NULL;
        len -= part;
        w->next_offset += part;
        w->filling->count = (uint32_t)((within + part + w->block_size - 1) / w->block_size);
        if (within + part == (size_t)w->filling->capacity * w->block_size)
            code = writer_close_batch(w, err);
    }
    return code;
}

int backup_writer_put(struct backup_writer *w, uint64_t offset, const void *bytes, size_t len,
                      struct err *err)
{
    const uint8_t *from = bytes;
    int code = 0;

    if (offset < w->block_size) {
        size_t part = w->block_size - offset < len ? (size_t)(w->block_size - offset) : len;

        memcpy(w->first_block + offset, from, part);
        offset += part;
        from += part;
        len -= part;
    }
    if (len == 0)
        return 0;
    if (offset < w->next_offset)
        return err_set(err, EINVAL, "the image came out of order at byte %llu",
                       (unsigned long long)offset);
    if (offset > w->next_offset)
        code = writer_append(w, NULL, offset - w->next_offset, err);
    return code ? code : writer_append(w, from, len, err);
}

void backup_writer_group_by(struct backup_writer *w, block_kind *kind_of)
{
    w->kind_of = kind_of;
}

void backup_writer_progress(const struct backup_writer *w, uint64_t *ret_blocks,
                            uint64_t *ret_changed)
{
    *ret_blocks = atomic_load(&w->blocks);
    *ret_changed = atomic_load(&w->changed);
}

static int writer_open(struct backup_writer *w, struct err *err)
{
    struct pack_geometry geometry = {.block_size = w->block_size};
    uint64_t last = 0;
    int code = backup_base_find(w->repo, w->block_size, &w->base, err);

    if (code == 0)
        code = repo_last_segment(w->repo, &last, err);
    if (code)
        return code;
    w->id = (last > w->base.id ? last : w->base.id) + 1;
    geometry.backup_id = w->id;
    geometry.base_id = w->base.id;
    geometry.base_blocks = w->base.block_count;
    geometry.first_frame = repo_last_frame(w->repo) + 1;
    code = packer_new(w->repo, &geometry, &w->packer, err);
    if (code == 0)
        code = fingerprint_writer_new(w->repo, w->id, &w->fingerprints, err);
    return code;
}

int backup_writer_new(struct repo *repo, uint32_t page_size, bool spool,
                      struct backup_writer **ret_writer, struct err *err)
{
    struct backup_writer *w = calloc(1, sizeof(*w));
    int code;

    if (!w)
        return err_set(err, ENOMEM, "out of memory for a backup");
    w->repo = repo;
    w->may_spool = spool;
    w->started_ns = clock_monotonic_ns();
    w->page_size = page_size;
    w->block_size = page_size < FORMAT_MIN_BLOCK ? FORMAT_MIN_BLOCK : page_size;
    w->next_offset = w->block_size;
    w->first_block = calloc(1, w->block_size);
    code = w->first_block ? 0 : err_set(err, ENOMEM, "out of memory for a backup");
    if (code == 0 && repo->read_only)
        code = err_set(err, EROFS, "%s: the repository is open for reading only", repo->path);
    if (code == 0)
        code = writer_open(w, err);
    if (code) {
        backup_writer_abort(w);
        return code;
    }
    *ret_writer = w;
    return 0;
}

void backup_writer_abort(struct backup_writer *w)
{
    if (!w)
        return;
    for (; w->ring_count; w->ring_count--) {
        pool_wait(w->repo->pool, &w->ring[w->ring_first]->job);
        w->ring_first = (w->ring_first + 1) % WRITER_RING;
    }
    packer_abort(w->packer);
    fingerprint_writer_abort(w->fingerprints);
    spool_free(w->spool);
    for (unsigned i = 0; i < WRITER_RING; i++)
        batch_free(w->ring[i]);
    free(w->first_block);
    free(w);
}

/* Everything up to block 0 is in the packer afterwards. */
static int writer_end(struct backup_writer *w, uint64_t image_bytes, struct err *err)
{
    uint64_t end = w->next_offset;
    int code = 0;

    if (end > image_bytes && end > w->block_size)
        return err_set(err, EINVAL, "the image ends at byte %llu, but byte %llu was put",
                       (unsigned long long)image_bytes, (unsigned long long)end - 1);
    if (image_bytes > end)
        code = writer_append(w, NULL, image_bytes - end, err);
    if (code == 0 && w->next_offset % w->block_size)
        code = writer_append(w, NULL, w->block_size - w->next_offset % w->block_size, err);
    if (code == 0 && w->filling)
        code = writer_close_batch(w, err);
    while (code == 0 && w->spool && spool_left(w->spool))
        code = writer_unspool(w, err);
    if (code || image_bytes == 0)
        return code ? code : writer_drain(w, err);
    code = writer_open_batch(w, 0, err);
    if (code)
        return code;
    memcpy(w->filling->data, w->first_block, w->block_size);
    w->filling->count = 1;
    code = writer_submit(w, err);
    return code ? code : writer_drain(w, err);
}

/* "2026-11-22T12-39-57Z", or the first of -2, -3, … that is free. */
static int writer_name(struct backup_writer *w, struct backup_entry *entry, struct err *err)
{
    char time[CLOCK_TEXT_BYTES];
    struct backup_entry other;
    int code = 0;

    clock_name(entry->started_ns, time);
    for (unsigned n = 1; code == 0; n++) {
        if (n == 1)
            snprintf(entry->name, sizeof(entry->name), "%s", time);
        else
            snprintf(entry->name, sizeof(entry->name), "%.20s-%u", time, n);
        code = catalog_find(w->repo->catalog, entry->name, 0, &other, err);
        if (code == 0)
            backup_entry_free(&other);
    }
    return code == -ENOENT ? 0 : code;
}

/* A commit of the catalog that failed may have taken effect: when its last sync failed. Then the
 * backup is there, and whatever the disk forgets is made again from the segment. */
static bool writer_is_entered(struct backup_writer *w, uint64_t id)
{
    struct backup_entry entry;

    if (catalog_find(w->repo->catalog, NULL, id, &entry, NULL) != 0)
        return false;
    backup_entry_free(&entry);
    return true;
}

/* Puts the segment on disk and enters it; takes it away again if the catalog refuses. */
static int writer_commit_segment(struct backup_writer *w, struct backup_entry *entry,
                                 struct err *err)
{
    struct catalog_segment segment = {0};
    struct catalog_map *maps = NULL;
    size_t map_count = 0;
    char name[SEGMENT_NAME_BYTES];
    int code = repo_segment_reserve(w->repo, err);

    if (code)
        return code;
    code = packer_finish(w->packer, entry, &segment, &maps, &map_count, err);
    w->packer = NULL;
    if (code)
        goto out;
    code = catalog_add(w->repo->catalog, entry, &segment, maps, map_count, err);
    if (code && writer_is_entered(w, entry->id))
        code = 0;
    if (code) {
        segment_name(entry->id, name);
        storage_delete(w->repo->storage, name, NULL);
    } else {
        repo_segment_add(w->repo, &segment, NULL);
    }
out:
    free(maps);
    return code;
}

static int writer_commit(struct backup_writer *w, uint64_t image_bytes, struct backup_entry *entry,
                         struct err *err)
{
    int code = writer_name(w, entry, err);

    if (code)
        return code;
    entry->id = w->id;
    entry->finished_ns = clock_now_ns();
    entry->page_size = image_bytes ? w->page_size : 0;
    entry->block_size = w->block_size;
    entry->image_bytes = image_bytes;
    entry->block_count = (image_bytes + w->block_size - 1) / w->block_size;
    entry->changed_blocks = atomic_load(&w->changed);
    entry->delta_blocks = w->delta_blocks;
    code = fingerprint_writer_finish(w->fingerprints, true, entry->digest, err);
    w->fingerprints = NULL;
    if (code == 0)
        code = writer_commit_segment(w, entry, err);
    if (code)
        fingerprints_delete(w->repo, w->id, NULL);
    else if (w->base.id)
        fingerprints_delete(w->repo, w->base.id, NULL);
    return code;
}

int backup_writer_commit(struct backup_writer *w, uint64_t image_bytes, bool only_if_changed,
                         struct backup_entry *entry, bool *ret_stored, struct err *err)
{
    int code = writer_end(w, image_bytes, err);
    bool same = code == 0 && w->base.id && atomic_load(&w->changed) == 0 &&
                image_bytes == w->base.image_bytes;

    if (code == 0 && same && only_if_changed) {
        struct backup_entry newest;

        code = repo_get(w->repo, w->base.id, &newest, err);
        if (code == 0) {
            backup_entry_free(entry);
            *entry = newest;
            *ret_stored = false;
        }
    } else if (code == 0) {
        code = writer_commit(w, image_bytes, entry, err);
        *ret_stored = true;
    }
    backup_writer_abort(w);
    return code;
}
