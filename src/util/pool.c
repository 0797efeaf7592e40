/*
 * One queue, one lock, two conditions: `work` tells workers that a job or the end has come,
 * `finished` tells waiters that some job is done. Jobs are linked through themselves, so
 * submitting cannot fail.
 */
#include "dbsnapfs/util/pool.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>

#include "dbsnapfs/util/err.h"

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t work;
    pthread_cond_t finished;
    struct pool_job *first; /* protected by lock, like all below */
    struct pool_job *last;
    bool ending;
    unsigned thread_count;
    pthread_t threads[]; /* written before any thread can look */
};

static void *pool_worker(void *arg)
{
    struct pool *pool = arg;

    pthread_mutex_lock(&pool->lock);
    for (;;) {
        struct pool_job *job;

        while (!pool->first && !pool->ending)
            pthread_cond_wait(&pool->work, &pool->lock);
        job = pool->first;
        if (!job)
            break;
        pool->first = job->next;
        pthread_mutex_unlock(&pool->lock);
        job->run(job);
        pthread_mutex_lock(&pool->lock);
        job->done = true;
        pthread_cond_broadcast(&pool->finished);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

/* Signals are for the program's own threads: workers start with all of them blocked. */
static int pool_start_threads(struct pool *pool, unsigned threads, struct err *err)
{
    sigset_t all, before;
    int code = 0;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (pool->thread_count < threads && code == 0) {
        code = pthread_create(&pool->threads[pool->thread_count], NULL, pool_worker, pool);
        if (code == 0)
            pool->thread_count++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code ? err_sys(err, code, "cannot start a worker thread") : 0;
}

int pool_new(unsigned threads, struct pool **ret_pool, struct err *err)
{
    struct pool *pool = calloc(1, sizeof(*pool) + threads * sizeof(pool->threads[0]));
    int code;

    if (!pool)
        return err_set(err, ENOMEM, "out of memory for worker threads");
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work, NULL);
    pthread_cond_init(&pool->finished, NULL);
    code = pool_start_threads(pool, threads, err);
    if (code) {
        pool_free(pool);
        return code;
    }
    *ret_pool = pool;
    return 0;
}

void pool_free(struct pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->ending = true;
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->thread_count; i++)
        pthread_join(pool->threads[i], NULL);
    pthread_cond_destroy(&pool->finished);
    pthread_cond_destroy(&pool->work);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

void pool_submit(struct pool *pool, struct pool_job *job)
{
    job->next = NULL;
    job->done = false;
    if (pool->thread_count == 0) {
        job->run(job);
        job->done = true;
        return;
    }
    pthread_mutex_lock(&pool->lock);
    if (pool->first)
        pool->last->next = job;
    else
        pool->first = job;
    pool->last = job;
    pthread_cond_signal(&pool->work);
    pthread_mutex_unlock(&pool->lock);
}

void pool_wait(struct pool *pool, struct pool_job *job)
{
    pthread_mutex_lock(&pool->lock);
    while (!job->done)
        pthread_cond_wait(&pool->finished, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
}

bool pool_finished(struct pool *pool, struct pool_job *job)
{
    bool done;

    pthread_mutex_lock(&pool->lock);
    done = job->done;
    pthread_mutex_unlock(&pool->lock);
    return done;
}

bool pool_wanted(struct pool *pool)
{
    bool wanted;

    pthread_mutex_lock(&pool->lock);
    wanted = pool->first;
    pthread_mutex_unlock(&pool->lock);
    return wanted;
}

bool pool_take_back(struct pool *pool, struct pool_job *job)
{
    struct pool_job *before = NULL, *at;

    pthread_mutex_lock(&pool->lock);
    for (at = pool->first; at && at != job; at = at->next)
        before = at;
    if (at && before)
        before->next = job->next;
    else if (at)
        pool->first = job->next;
    if (at && pool->last == job)
        pool->last = before;
    pthread_mutex_unlock(&pool->lock);
    return at;
}

unsigned pool_processors(void)
{
    cpu_set_t set;
    int count = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;

    return count > 0 ? (unsigned)count : 1;
}
