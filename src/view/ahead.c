/*
 * Two chunks: one that is read, and the next one, which is made meanwhile. The job that has made it
 * goes on with the other if that was read by then, without waiting to be told, unless others wait for
 * its thread. What is asked for out of turn is made on the spot, as if there were no chunks.
 *
 * Several reads at once are sorted: one whose text is not next waits, for moments, as long as
 * there are others that may be. Text that is made in order is made once.
 *
 * A read takes `reading` first and `lock` for moments only; a job takes `lock` alone, so the two
 * never wait for each other in a circle. Nobody waits for a job that has not begun: its threads may be
 * others' for a long time. What fails in a chunk is forgotten: the read that comes to that place makes
 * it again, and tells.
 */
#include "ahead.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/tree.h"
#include "dbsnapfs/util/clock.h"
#include "dbsnapfs/util/err.h"

#define CHUNK_BYTES ((size_t)1 << 19)
#define IN_TURN_ENOUGH 2
#define SORTED_BYTES ((uint64_t)8 << 20) /* the kernel reads no further ahead */
#define WAIT_NS 3000000
#define LOOK_NS 50000000 /* how often one who waits looks whether it was interrupted */

/* ---- making ---- */

/* A chunk to make text in, and of where, for the reads that are to come; NULL: there is nothing to make
 * now. The caller holds `lock`. */
static struct ahead_chunk *choose(struct ahead *ahead)
{
    uint64_t next = ahead->read_to;
    struct ahead_chunk *chosen = NULL;
    for (size_t i = 0; i < 2; i++) {
        struct ahead_chunk *chunk = &ahead->chunks[i];
        bool behind = chunk->offset + CHUNK_BYTES <= ahead->read_to;
        bool beyond = chunk->offset > ahead->read_to + CHUNK_BYTES;
        if (chunk->state == CHUNK_EMPTY || (chunk->state == CHUNK_READY && (behind || beyond)))
            chosen = chunk;
        /* One at a time, or the text is made out of order; and none behind its end. */
        else if (chunk->state == CHUNK_MAKING || chunk->len < CHUNK_BYTES)
            return NULL;
        else if (next < chunk->offset + CHUNK_BYTES)
            next = chunk->offset + CHUNK_BYTES;
    }
    if (!ahead->goes_on || !chosen || next - ahead->read_to > CHUNK_BYTES)
        return NULL;
    chosen->state = CHUNK_MAKING;
    chosen->offset = next;
    return chosen;
}

static void make_chunk(struct ahead *ahead, struct ahead_chunk *chunk)
{
    struct err unheard = ERR_INIT;
    size_t len = 0;
    int r = -ENOMEM;
    if (!chunk->bytes)
        chunk->bytes = malloc(CHUNK_BYTES);
    if (chunk->bytes)
        r = ahead->make(ahead->arg, chunk->offset, chunk->bytes, CHUNK_BYTES, &len, &unheard);
    pthread_mutex_lock(&ahead->lock);
    chunk->len = len;
    chunk->state = r < 0 ? CHUNK_EMPTY : CHUNK_READY;
    if (r < 0)
        ahead->goes_on = false;
    pthread_mutex_unlock(&ahead->lock);
}

static void ahead_run(struct pool_job *job)
{
    struct ahead *ahead = (struct ahead *)((char *)job - offsetof(struct ahead, job));
    struct ahead_chunk *chunk = ahead->first;
    while (chunk) {
        make_chunk(ahead, chunk);
        bool others = pool_wanted(ahead->pool);
        pthread_mutex_lock(&ahead->lock);
        chunk = others ? NULL : choose(ahead);
        if (!chunk)
            ahead->first = NULL;
        pthread_cond_broadcast(&ahead->made);
        pthread_mutex_unlock(&ahead->lock);
    }
}

/* Starts the job, if it does not run, as then it finds what is next by itself. The caller holds
 * `reading`. */
static void make_next(struct ahead *ahead)
{
    pthread_mutex_lock(&ahead->lock);
    bool runs = ahead->first;
    if (!runs)
        ahead->first = choose(ahead);
    bool starts = !runs && ahead->first;
    pthread_mutex_unlock(&ahead->lock);
    if (!starts)
        return;
    if (ahead->submitted)
        pool_wait(ahead->pool, &ahead->job);
    ahead->submitted = true;
    pool_submit(ahead->pool, &ahead->job);
}

/* Ends the job if it has not begun, because others keep the pool's threads: what they make may take a
 * minute. The caller holds `lock`, and `reading` if there can be readers. */
static void take_back(struct ahead *ahead)
{
    if (!ahead->first || !pool_take_back(ahead->pool, &ahead->job))
        return;
    ahead->first->state = CHUNK_EMPTY;
    ahead->first = NULL;
    ahead->submitted = false;
}

/* ---- for others ---- */

void ahead_init(struct ahead *ahead, struct pool *pool, ahead_make *make, void *arg)
{
    *ahead = (struct ahead){.pool = pool, .make = make, .arg = arg};
    (void)clock_condition_init(&ahead->turn);
    (void)clock_condition_init(&ahead->made);
    pthread_mutex_init(&ahead->reading, NULL);
    pthread_mutex_init(&ahead->lock, NULL);
    ahead->job.run = ahead_run;
}

void ahead_release(struct ahead *ahead)
{
    pthread_mutex_lock(&ahead->lock);
    ahead->goes_on = false;
    take_back(ahead);
    pthread_mutex_unlock(&ahead->lock);
    if (ahead->submitted)
        pool_wait(ahead->pool, &ahead->job);
    for (size_t i = 0; i < 2; i++)
        free(ahead->chunks[i].bytes);
    pthread_cond_destroy(&ahead->made);
    pthread_cond_destroy(&ahead->turn);
    pthread_mutex_destroy(&ahead->lock);
    pthread_mutex_destroy(&ahead->reading);
}

static int wait_a_moment(pthread_cond_t *changed, pthread_mutex_t *lock, int64_t ns)
{
    return clock_condition_wait(changed, lock, clock_monotonic_ns() + ns);
}

static bool is_cancelled(void)
{
    const atomic_bool *cancel = node_cancel();
    return cancel && atomic_load(cancel);
}

/* Waits until a chunk is there, if it is being made or will be soon. The caller holds both locks. */
static void wait_until_made(struct ahead *ahead, const struct ahead_chunk *chunk)
{
    int64_t ns = WAIT_NS;
    while (chunk->state == CHUNK_MAKING && !is_cancelled()) {
        if (wait_a_moment(&ahead->made, &ahead->lock, ns) != 0)
            take_back(ahead);
        ns = LOOK_NS;
    }
}

/* The chunk that has, or will have, the byte at `offset`; waits until it is there. */
static struct ahead_chunk *find_chunk(struct ahead *ahead, uint64_t offset)
{
    struct ahead_chunk *found = NULL;
    pthread_mutex_lock(&ahead->lock);
    ahead->read_to = offset;
    for (size_t i = 0; !found && i < 2; i++) {
        struct ahead_chunk *chunk = &ahead->chunks[i];
        if (offset < chunk->offset || offset - chunk->offset >= CHUNK_BYTES)
            continue;
        wait_until_made(ahead, chunk);
        if (chunk->state == CHUNK_READY)
            found = chunk;
    }
    pthread_mutex_unlock(&ahead->lock);
    return found;
}

/* Copies what chunks have, from `offset` on. `ret_end`: the text ends there. */
static size_t read_chunks(struct ahead *ahead, uint64_t offset, unsigned char *bytes, size_t len,
                          bool *ret_end)
{
    size_t done = 0;
    *ret_end = false;
    while (done < len && !*ret_end) {
        const struct ahead_chunk *chunk = find_chunk(ahead, offset + done);
        if (!chunk)
            break;
        size_t skip = (size_t)(offset + done - chunk->offset);
        size_t rest = chunk->len > skip ? chunk->len - skip : 0;
        size_t count = rest < len - done ? rest : len - done;
        memcpy(bytes + done, chunk->bytes + skip, count);
        done += count;
        *ret_end = done < len && chunk->len < CHUNK_BYTES;
    }
    return done;
}

/* Waits until the text from `offset` on is next, or nobody else is there who could bring that about;
 * the caller holds `reading`. */
static void wait_for_turn(struct ahead *ahead, uint64_t offset)
{
    while (offset > ahead->expected && offset - ahead->expected <= SORTED_BYTES &&
           atomic_load(&ahead->readers) > 1)
        if (wait_a_moment(&ahead->turn, &ahead->reading, WAIT_NS) != 0)
            break;
}

static void set_reading(struct ahead *ahead, uint64_t read_to, bool goes_on)
{
    pthread_mutex_lock(&ahead->lock);
    ahead->read_to = read_to;
    ahead->goes_on = goes_on;
    pthread_mutex_unlock(&ahead->lock);
}

int ahead_read(struct ahead *ahead, uint64_t offset, void *bytes, size_t len, size_t *ret_len,
               struct err *err)
{
    bool end = false;
    size_t rest = 0;
    int r = 0;
    atomic_fetch_add(&ahead->readers, 1);
    pthread_mutex_lock(&ahead->reading);
    wait_for_turn(ahead, offset);
    ahead->in_turn = offset == ahead->expected ? ahead->in_turn + 1 : 0;
    set_reading(ahead, offset, ahead->in_turn >= IN_TURN_ENOUGH);
    size_t done = read_chunks(ahead, offset, bytes, len, &end);
    if (done < len && !end && is_cancelled())
        r = err_set(err, ECANCELED, "interrupted");
    else if (done < len && !end)
        r = ahead->make(ahead->arg, offset + done, (unsigned char *)bytes + done, len - done, &rest,
                        err);
    if (r == 0) {
        end = end || done + rest < len;
        ahead->expected = offset + done + rest;
        *ret_len = done + rest;
        set_reading(ahead, ahead->expected, !end && ahead->in_turn >= IN_TURN_ENOUGH);
        make_next(ahead);
    }
    atomic_fetch_sub(&ahead->readers, 1);
    pthread_cond_broadcast(&ahead->turn);
    pthread_mutex_unlock(&ahead->reading);
    return r;
}
