/*
 * Decoding ahead.
 *
 * A stream remembers how far reads have come. A read that lies near that place, before or behind
 * it, counts as going on: the kernel's read-ahead sends requests in any order, and a query that
 * follows an index jumps over what it does not need. After two such reads, what lies ahead is cut
 * into pieces of 256 KiB, and the pool brings the frames of each piece into the frame cache,
 * where the next reads find them. A read far away begins anew.
 *
 * `lock` guards all of the stream; jobs are only waited for when it is freed or when all are
 * under way, in which case nothing is started.
 */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "dbsnapfs/util/cache.h"
#include "dbsnapfs/util/clock.h"
#include "dbsnapfs/util/err.h"
#include "dbsnapfs/util/pool.h"
#include "store/frame.h"
#include "store/repo_internal.h"
#include "store/snapshot_internal.h"

#define STREAM_PIECE_BYTES (256u << 10)
#define STREAM_JOBS 8u
#define STREAM_NEAR_BYTES (4u << 20)
#define STREAM_AHEAD_BYTES (2u << 20)
#define STREAM_AFTER_READS 2u

struct stream_job {
    struct pool_job job; /* first: the job is the piece */
    struct snapshot *snapshot;
    uint64_t first_block, block_count;
    bool started;
};

struct snapshot_stream {
    struct snapshot *snapshot;
    pthread_mutex_t lock;
    uint64_t reached; /* protected by lock, like all below: the furthest end of a read */
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
    uint64_t end = piece->first_block + piece->block_count;

    for (uint64_t block = piece->first_block; block < end; block++) {
        struct cache_ref *base_ref = NULL;
        const struct frame *base;
        uint32_t slot = 0;

        if (snapshot_frame(&cursor, block, &slot, NULL) || slot >= cursor.frame->head.slot_count ||
            cursor.frame->head.kind == FRAME_FULL)
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
    free(stream);
}

/* Does a read of [offset, end) go on where others have come? The lock is held. */
static bool stream_goes_on(struct snapshot_stream *s, uint64_t offset, uint64_t end)
{
    bool near = offset <= s->reached + STREAM_NEAR_BYTES && end + STREAM_NEAR_BYTES >= s->reached;

    if (!near) {
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
    struct snapshot *snapshot = s->snapshot;
    uint64_t piece = STREAM_PIECE_BYTES / snapshot->block_size;
    uint64_t from = s->ahead > s->reached ? s->ahead : s->reached;
    uint64_t block = from / snapshot->block_size;
    uint64_t until = (s->reached + STREAM_AHEAD_BYTES) / snapshot->block_size;

    if (until > snapshot->block_count)
        until = snapshot->block_count;
    while (block < until) {
        struct stream_job *job = stream_idle_job(s);

        if (!job)
            break;
        job->first_block = block;
        job->block_count = until - block < piece ? until - block : piece;
        block += job->block_count;
        pool_submit(snapshot->repo->pool, &job->job);
    }
    s->ahead = block * snapshot->block_size;
}

int snapshot_stream_read(struct snapshot_stream *stream, uint64_t offset, void *bytes, size_t len,
                         size_t *ret_len, struct err *err)
{
    if (stream->snapshot->gives_way)
        return snapshot_read(stream->snapshot, offset, bytes, len, ret_len, err);
    atomic_store(&stream->snapshot->repo->last_stream_ns, clock_monotonic_ns());
    pthread_mutex_lock(&stream->lock);
    if (!stream->snapshot->scattered && stream_goes_on(stream, offset, offset + len) &&
        stream->ahead < stream->reached + STREAM_AHEAD_BYTES / 2)
        stream_start(stream);
    pthread_mutex_unlock(&stream->lock);
    return snapshot_read(stream->snapshot, offset, bytes, len, ret_len, err);
}
