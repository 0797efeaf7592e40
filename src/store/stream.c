/*
 * Decoding ahead.
 *
 * A stream goes along two courses: all blocks of the image in their order, and those that it was
 * told. Of each it remembers how far reads have come on it. In the order of blocks a read that lies near
 * that place, before or behind it, counts as going on: the kernel's read-ahead sends requests in any
 * order, and a query that follows an index jumps over what it does not need. Of what was told one of the
 * next few blocks has to be read, as some may be in the reader's own cache. After two such reads, what
 * lies ahead is cut into pieces of 256 KiB, and the pool brings the frames of each piece into the frame
 * cache, where the next reads find them. A read elsewhere on the course begins anew.
 *
 * `lock` guards all of the stream; jobs are only waited for when it is freed or when all are
 * under way, in which case nothing is started.
 */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/util/cache.h"
#include "dbsnapfs/util/clock.h"
#include "dbsnapfs/util/err.h"
#include "dbsnapfs/util/pool.h"
#include "store/frame.h"
#include "store/repo_internal.h"
#include "store/snapshot_internal.h"

#define STREAM_PIECE_BYTES (256u << 10)
#define STREAM_PIECE_BLOCKS (STREAM_PIECE_BYTES / FORMAT_MIN_BLOCK)
#define STREAM_JOBS 8u
#define STREAM_NEAR_BYTES (4u << 20)
#define STREAM_AHEAD_BYTES (2u << 20)
#define STREAM_AFTER_READS 2u
#define STREAM_TOLD_NEXT 8u /* blocks */

struct stream_job {
    struct pool_job job; /* first: the job is the piece */
    struct snapshot *snapshot;
    uint64_t blocks[STREAM_PIECE_BLOCKS];
    size_t block_count;
    bool in_order;
    bool started;
};

struct course {
    uint64_t *blocks; /* NULL: those of the image, in order */
    uint64_t end;
    uint64_t reached; /* the furthest end of a read */
    uint64_t ahead;   /* what is decoded, or being decoded, up to here */
    unsigned steady;  /* reads in a row that went on */
};

struct snapshot_stream {
    struct snapshot *snapshot;
    pthread_mutex_t lock;
    struct course order; /* protected by lock, like all below; end 0: it is not gone along */
    struct course told;
    unsigned next_job;
    struct stream_job jobs[STREAM_JOBS];
};

/* Are two blocks in one frame? */
static bool share_frame(struct snapshot_cursor *cursor, uint64_t a, uint64_t b)
{
    block_place place_a = 0, place_b = 0;

    return snapshot_place(cursor, a, &place_a, NULL) == 0 &&
           snapshot_place(cursor, b, &place_b, NULL) == 0 &&
           place_frame(place_a) == place_frame(place_b);
}

/* A worker: brings the frames of a piece into the cache, those of single blocks in part. Damage is
 * reported by who reads it. */
static void stream_run(struct pool_job *job)
{
    struct stream_job *piece = (struct stream_job *)job;
    struct snapshot_cursor cursor = {.snapshot = piece->snapshot};

    for (size_t i = 0; i < piece->block_count; i++) {
        struct cache_ref *base_ref = NULL;
        const struct frame *base;
        uint32_t slot = 0;

        cursor.whole_frames =
            piece->in_order || (i + 1 < piece->block_count &&
                                share_frame(&cursor, piece->blocks[i], piece->blocks[i + 1]));
        if (snapshot_frame(&cursor, piece->blocks[i], &slot, NULL) ||
            slot >= cursor.frame->head.slot_count || cursor.frame->head.kind == FRAME_FULL)
            continue;
        if (frame_get(piece->snapshot->repo, cursor.frame->head.slots[slot].base_frame,
                      cursor.whole_frames ? FRAME_WHOLE
                                          : cursor.frame->head.slots[slot].base_slot + 1,
                      &base_ref, &base, NULL) == 0)
            cache_release(piece->snapshot->repo->frames, base_ref);
    }
    snapshot_cursor_release(&cursor);
}

int snapshot_stream_new(struct snapshot *snapshot, bool in_order,
                        struct snapshot_stream **ret_stream, struct err *err)
{
    struct snapshot_stream *stream = calloc(1, sizeof(*stream));

    if (!stream)
        return err_set(err, ENOMEM, "out of memory for a backup's reader");
    stream->snapshot = snapshot;
    stream->order.end = in_order ? snapshot->block_count : 0;
    pthread_mutex_init(&stream->lock, NULL);
    for (unsigned i = 0; i < STREAM_JOBS; i++) {
        stream->jobs[i].job.run = stream_run;
        stream->jobs[i].snapshot = snapshot;
    }
    *ret_stream = stream;
    return 0;
}

void snapshot_stream_free(struct snapshot_stream *stream)
{
    if (!stream)
        return;
    for (unsigned i = 0; i < STREAM_JOBS; i++) {
        if (stream->jobs[i].started)
            pool_wait(stream->snapshot->repo->pool, &stream->jobs[i].job);
    }
    pthread_mutex_destroy(&stream->lock);
    free(stream->told.blocks);
    free(stream);
}

/* Does a read of the blocks [first, end) go on where others have come? `near` is a distance in
 * blocks. The lock is held. */
static bool goes_on_in_order(struct course *order, uint64_t near, uint64_t first, uint64_t end)
{
    if (first > order->reached + near || end + near < order->reached) {
        order->steady = 0;
        order->reached = end;
        order->ahead = 0;
        return false;
    }
    if (end > order->reached) {
        order->reached = end;
        order->steady++;
    }
    return order->steady >= STREAM_AFTER_READS;
}

/* The place of one of the blocks [first, end) on a course between two places, or `to`. */
static uint64_t find_told(const struct course *told, uint64_t from, uint64_t to, uint64_t first,
                          uint64_t end)
{
    while (from < to && (told->blocks[from] < first || told->blocks[from] >= end))
        from++;
    return from;
}

/* The same along what was told. A read of what is not on the course is passed over. The lock is held. */
static bool goes_on_as_told(struct course *told, uint64_t first, uint64_t end)
{
    uint64_t rest = told->end - told->reached;
    uint64_t near = told->reached + (rest < STREAM_TOLD_NEXT ? rest : STREAM_TOLD_NEXT);
    uint64_t at = find_told(told, told->reached, near, first, end);
    bool again = told->reached > 0 &&
                 find_told(told, told->reached - 1, told->reached, first, end) < told->reached;

    if (at < near) {
        while (at < told->end && told->blocks[at] >= first && told->blocks[at] < end)
            at++;
        told->reached = at;
        told->steady++;
    } else if (!again) {
        at = find_told(told, 0, told->end, first, end);
        if (at == told->end)
            return false;
        told->steady = 0;
        told->reached = at + 1;
        told->ahead = 0;
    }
    return told->steady >= STREAM_AFTER_READS;
}

/* A job that is not under way, or NULL. The lock is held. */
static struct stream_job *stream_idle_job(struct snapshot_stream *s)
{
    struct stream_job *job = &s->jobs[s->next_job];

    if (job->started && !pool_finished(s->snapshot->repo->pool, &job->job))
        return NULL;
    s->next_job = (s->next_job + 1) % STREAM_JOBS;
    job->started = true;
    return job;
}

/* Starts what should be decoded ahead of what was reached on a course. The lock is held. */
static void stream_start(struct snapshot_stream *s, struct course *course)
{
    uint64_t piece = STREAM_PIECE_BYTES / s->snapshot->block_size;
    uint64_t far = STREAM_AHEAD_BYTES / s->snapshot->block_size;
    uint64_t until = course->reached + far < course->end ? course->reached + far : course->end;

    if (course->ahead >= course->reached + far / 2)
        return;
    if (course->ahead < course->reached)
        course->ahead = course->reached;
    while (course->ahead < until) {
        struct stream_job *job = stream_idle_job(s);

        if (!job)
            break;
        job->block_count = 0;
        job->in_order = !course->blocks;
        for (; job->block_count < piece && course->ahead < until; course->ahead++)
            job->blocks[job->block_count++] =
                course->blocks ? course->blocks[course->ahead] : course->ahead;
        pool_submit(s->snapshot->repo->pool, &job->job);
    }
}

/* Begins what lies ahead, if a read goes on. Returns the block that is read next then, or one behind
 * the image. */
static uint64_t stream_go_on(struct snapshot_stream *s, uint64_t offset, size_t len)
{
    uint32_t size = s->snapshot->block_size;
    uint64_t first = offset / size, end = (offset + len + size - 1) / size;
    uint64_t next = s->snapshot->block_count;

    pthread_mutex_lock(&s->lock);
    if (goes_on_as_told(&s->told, first, end)) {
        stream_start(s, &s->told);
        if (s->told.reached < s->told.end)
            next = s->told.blocks[s->told.reached];
    }
    if (s->order.end > 0 && goes_on_in_order(&s->order, STREAM_NEAR_BYTES / size, first, end)) {
        stream_start(s, &s->order);
        next = end;
    }
    pthread_mutex_unlock(&s->lock);
    return next;
}

/* Is the rest of the frame wanted where a read begins? Then it is being decoded as a whole. */
static bool wants_whole_frame(struct snapshot *snapshot, uint64_t offset, uint64_t next)
{
    struct snapshot_cursor cursor = {.snapshot = snapshot};
    bool whole =
        next < snapshot->block_count && share_frame(&cursor, offset / snapshot->block_size, next);

    snapshot_cursor_release(&cursor);
    return whole;
}

void snapshot_stream_expect(struct snapshot_stream *stream, const uint64_t *blocks, size_t count)
{
    struct course told = {.blocks = malloc(count * sizeof(*blocks) + 1)};
    uint64_t *before;

    if (told.blocks) {
        memcpy(told.blocks, blocks, count * sizeof(*blocks));
        told.end = count;
    }
    pthread_mutex_lock(&stream->lock);
    if (stream->told.reached == stream->told.end)
        told.steady = stream->told.steady;
    before = stream->told.blocks;
    stream->told = told;
    pthread_mutex_unlock(&stream->lock);
    free(before);
}

int snapshot_stream_read(struct snapshot_stream *stream, uint64_t offset, void *bytes, size_t len,
                         size_t *ret_len, struct err *err)
{
    struct snapshot *snapshot = stream->snapshot;
    uint64_t next;

    if (snapshot->gives_way)
        return snapshot_read(snapshot, offset, bytes, len, ret_len, err);
    atomic_store(&snapshot->repo->last_stream_ns, clock_monotonic_ns());
    next = stream_go_on(stream, offset, len);
    return snapshot_read_frames(snapshot, wants_whole_frame(snapshot, offset, next), offset, bytes,
                                len, ret_len, err);
}
