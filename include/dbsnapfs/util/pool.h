/*
 * A pool of worker threads.
 *
 * A job is embedded in its owner's structure; the pool never allocates for it. The
 * owner keeps it alive from pool_submit() until pool_wait() has returned for it.
 * Jobs start in the order they were submitted. A job must not wait for another
 * job of the same pool. With no threads (threads = 0) pool_submit() runs the job
 * at once, in the caller.
 */
#ifndef DBSNAPFS_UTIL_POOL_H
#define DBSNAPFS_UTIL_POOL_H

#include <stdbool.h>

struct err;
struct pool;

struct pool_job {
    void (*run)(struct pool_job *job); /* set by the owner */
    struct pool_job *next;             /* the pool's, under its lock */
    bool done;                         /* the pool's, under its lock */
};

int pool_new(unsigned threads, struct pool **ret_pool, struct err *err);
void pool_free(struct pool *pool); /* waits for all jobs; NULL is fine */

void pool_submit(struct pool *pool, struct pool_job *job);
void pool_wait(struct pool *pool, struct pool_job *job);     /* until it has run */
bool pool_finished(struct pool *pool, struct pool_job *job); /* has it run? */

/* Do jobs wait for a thread? A job that could end or go on should end then. */
bool pool_wanted(struct pool *pool);

/* Takes a submitted job back, if it has not begun: then it never runs, and nobody is to wait for it. */
bool pool_take_back(struct pool *pool, struct pool_job *job);

/* The number of processors this process may use, at least 1. */
unsigned pool_processors(void);

#endif
