/*
 * Decoding ahead.
 *
 * A stream goes along a course of blocks: all of the image in their order, or those that it was told.
 * It remembers how far reads have come on it. In the order of blocks a read that lies near that place,
 * before or behind it, counts as going on: the kernel's read-ahead sends requests in any order, and a
 * query that follows an index jumps over what it does not need. Of what was told the very next block
 * has to be read; blocks that are not on the course are passed over. After two such reads, what lies
 * ahead is cut into pieces of 256 KiB, and the pool brings the frames of each piece into the frame
 * cache, where the next reads find them. A read elsewhere begins anew.
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

struct stream_job {
    struct pool_job job; /* first: the job is the piece */
    struct snapshot *snapshot;
    uint64_t blocks[STREAM_PIECE_BLOCKS];
    size_t block_count;
    bool started;
};

struct snapshot_stream {
    struct snapshot *snapshot;
    pthread_mutex_t lock;
    bool is_told;     /* protected by lock, like all below */
    uint64_t *told;   /* the course, if it is */
    uint64_t end;     /* of the course */
    uint64_t reached; /* the furthest end of a read, on the course */
    uint64_t ahead;   /* what is decoded, or being decoded, up to here */
    unsigned steady;  /* reads in a row that went on */
    unsigned next_job;
    struct stream_job jobs[STREAM_JOBS];
};

/* A worker: brings the frames of a piece into the cache. Damage is reported by who reads it. */
static void stream_run(struct pool_job *job)
{
    struct stream_job *piece = (struct stream_job *)job;
    struct snapshot_cursor cursor = {.snapshot = piece->snapshot, .whole_frames = true};

    for (size_t i = 0; i < piece->block_count; i++) {
        struct cache_ref *base_ref = NULL;
        const struct frame *base;
        uint32_t slot = 0;

        if (snapshot_frame(&cursor, piece->blocks[i], &slot, NULL) ||
            slot >= cursor.frame->head.slot_count || cursor.frame->head.kind == FRAME_FULL)
            continue;
        if (frame_get(piece->snapshot->repo, cursor.frame->head.slots[slot].base_frame, FRAME_WHOLE,
                      &base_ref, &base, NULL) == 0)
            cache_release(piece->snapshot->repo->frames, base_ref);
    }
    snapshot_cursor_release(&cursor);
}

int snapshot_stream_new(struct snapshot *snapshot, struct snapshot_stream **ret_stream,
                        struct err *err)
{
    struct snapshot_stream *stream = calloc(1, sizeof(*stream));

    if (!stream)
        return err_set(err, ENOMEM, "out of memory for a backup's reader");
    stream->snapshot = snapshot;
    stream->end = snapshot->block_count;
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
    free(stream->told);
    free(stream);
}

/* Does a read of the blocks [first, end) go on where others have come? The lock is held. */
static bool goes_on_in_order(struct snapshot_stream *s, uint64_t first, uint64_t end)
{
    uint64_t near = STREAM_NEAR_BYTES / s->snapshot->block_size;

    if (first > s->reached + near || end + near < s->reached) {
        s->steady = 0;
        s->reached = end;
        s->ahead = 0;
        return false;
    }
    if (end > s->reached) {
        s->reached = end;
        s->steady++;
    }
    return s->steady >= STREAM_AFTER_READS;
}

/* Does a read of a block go on along what was told? The lock is held. */
static bool goes_on_as_told(struct snapshot_stream *s, uint64_t block)
{
    uint64_t at = s->reached;

    if (at > 0 && s->told[at - 1] == block)
        return s->steady >= STREAM_AFTER_READS;
    if (at < s->end && s->told[at] == block) {
        s->reached = at + 1;
        s->steady++;
        return s->steady >= STREAM_AFTER_READS;
    }
    for (at = 0; at < s->end && s->told[at] != block; at++)
        continue;
    if (at < s->end) {
        s->steady = 0;
        s->reached = at + 1;
        s->ahead = 0;
    }
    return false;
}

static bool stream_goes_on(struct snapshot_stream *s, uint64_t offset, size_t len)
{
    uint32_t size = s->snapshot->block_size;

    if (s->is_told)
        return goes_on_as_told(s, offset / size);
    return goes_on_in_order(s, offset / size, (offset + len + size - 1) / size);
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

/* Starts what should be decoded ahead of what was reached. The lock is held. */
static void stream_start(struct snapshot_stream *s)
{
    uint64_t piece = STREAM_PIECE_BYTES / s->snapshot->block_size;
    uint64_t until = s->reached + STREAM_AHEAD_BYTES / s->snapshot->block_size;

    if (s->ahead < s->reached)
        s->ahead = s->reached;
    if (until > s->end)
        until = s->end;
    while (s->ahead < until) {
        struct stream_job *job = stream_idle_job(s);

        if (!job)
            break;
        for (job->block_count = 0; job->block_count < piece && s->ahead < until; s->ahead++)
            job->blocks[job->block_count++] = s->is_told ? s->told[s->ahead] : s->ahead;
        pool_submit(s->snapshot->repo->pool, &job->job);
    }
}

void snapshot_stream_expect(struct snapshot_stream *stream, const uint64_t *blocks, size_t count)
{
    uint64_t *told = count > 0 ? malloc(count * sizeof(*told)) : NULL;
    uint64_t *before;

    if (told)
        memcpy(told, blocks, count * sizeof(*told));
    pthread_mutex_lock(&stream->lock);
    if (!stream->is_told || stream->reached < stream->end)
        stream->steady = 0;
    before = stream->told;
    stream->is_told = true;
    stream->told = told;
    stream->end = told ? count : 0;
    stream->reached = 0;
    stream->ahead = 0;
    pthread_mutex_unlock(&stream->lock);
    free(before);
}

int snapshot_stream_read(struct snapshot_stream *stream, uint64_t offset, void *bytes, size_t len,
                         size_t *ret_len, struct err *err)
{
    uint32_t size = stream->snapshot->block_size;
    bool goes_on;

    if (stream->snapshot->gives_way)
        return snapshot_read(stream->snapshot, offset, bytes, len, ret_len, err);
    atomic_store(&stream->snapshot->repo->last_stream_ns, clock_monotonic_ns());
    pthread_mutex_lock(&stream->lock);
    goes_on = stream_goes_on(stream, offset, len);
    if (goes_on && stream->ahead < stream->reached + STREAM_AHEAD_BYTES / 2 / size)
        stream_start(stream);
    pthread_mutex_unlock(&stream->lock);
    /* What is read next is mostly in the same frame, and that is being decoded, as a whole. */
    return snapshot_read_frames(stream->snapshot, goes_on, offset, bytes, len, ret_len, err);
}
