/*
 * Databases that are open: those in somebody's hands, and those that wait for the next.
 *
 * Opening a database costs reading its schema, and a program that walks through tables/ makes a
 * look-up a name; so a database that is given back stays open for a moment. What was given back
 * last is taken first. An idle connection to a live database in WAL mode keeps others from leaving
 * that mode: hence two seconds and not more. Backups have nobody to disturb, only memory to cost,
 * and may stay longer.
 *
 * A thread closes what nobody took. It is started with the first database that is given back and
 * sleeps without a timeout while there is nothing to close. Otherwise it wakes when the first one was
 * due that there was when it fell asleep, taken or not, so that nobody has to wake it for each use.
 *
 * `lock` guards the lists. Databases are opened and closed without it, since both may take long;
 * entry_snapshot_put(), which takes the entry's lock, is therefore never called under it.
 */
#include "scope_pool.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "dbsnapfs/source/database.h"
#include "dbsnapfs/util/clock.h"
#include "dbsnapfs/util/err.h"
#include "entry.h"

#define SECOND_NS INT64_C(1000000000)

struct scope_pool {
    struct scope_pool_limits limits;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct opened *first; /* protected by lock, as is what follows; what came last is first */
    struct opened *used;  /* in somebody's hands */
    int64_t wakes_ns;     /* when the thread looks by itself; 0: it is about to */
    bool closed;          /* nothing is kept any more */
    bool has_thread;
    pthread_t thread;
};

static const struct scope_pool_limits usual_limits = {
    .live_count = 4,
    .live_ns = 2 * SECOND_NS,
    .backup_count = 8,
    .backup_ns = 10 * SECOND_NS,
};

int scope_pool_new(const struct scope_pool_limits *limits, struct scope_pool **ret_pool,
                   struct err *err)
{
    struct scope_pool *pool = calloc(1, sizeof(*pool));
    if (!pool)
        return err_set(err, ENOMEM, "tables: out of memory");
    pool->limits = limits ? *limits : usual_limits;
    pthread_mutex_init(&pool->lock, NULL);
    clock_condition_init(&pool->changed);
    *ret_pool = pool;
    return 0;
}

void opened_close(struct opened *opened)
{
    while (opened) {
        struct opened *next = opened->next;
        database_close(opened->database);
        if (opened->entry) {
            entry_snapshot_put(opened->entry);
            entry_unref(opened->entry);
        }
        free(opened);
        opened = next;
    }
}

/* Takes out what was due at `now_ns`; the caller holds the lock and closes it without. */
static struct opened *pool_take_due(struct scope_pool *pool, int64_t now_ns)
{
    struct opened *due = NULL;
    for (struct opened **link = &pool->first; *link;) {
        struct opened *opened = *link;
        if (opened->until_ns > now_ns) {
            link = &opened->next;
            continue;
        }
        *link = opened->next;
        opened->next = due;
        due = opened;
    }
    return due;
}

/* Takes out the one of this kind that has been idle longest, if there are more than `most`. */
static struct opened *pool_take_surplus(struct scope_pool *pool, bool live, unsigned most)
{
    struct opened **last = NULL;
    unsigned count = 0;
    for (struct opened **link = &pool->first; *link; link = &(*link)->next)
        if (!(*link)->entry == live) {
            count++;
            last = link;
        }
    if (count <= most)
        return NULL;
    struct opened *surplus = *last;
    *last = surplus->next;
    surplus->next = NULL;
    return surplus;
}

/* Sleeps until something is due or the pool is another; the caller holds the lock. */
static void pool_sleep(struct scope_pool *pool)
{
    int64_t until_ns = INT64_MAX;
    for (const struct opened *opened = pool->first; opened; opened = opened->next)
        if (opened->until_ns < until_ns)
            until_ns = opened->until_ns;
    pool->wakes_ns = until_ns;
    clock_condition_wait(&pool->changed, &pool->lock, until_ns);
    pool->wakes_ns = 0;
}

static void *pool_run(void *arg)
{
    struct scope_pool *pool = arg;
    pthread_mutex_lock(&pool->lock);
    while (!pool->closed) {
        struct opened *due = pool_take_due(pool, clock_monotonic_ns());
        if (due) {
            pthread_mutex_unlock(&pool->lock);
            opened_close(due);
            pthread_mutex_lock(&pool->lock);
        } else {
            pool_sleep(pool);
        }
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

void scope_pool_close(struct scope_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    struct opened *all = pool->first;
    bool join = pool->has_thread;
    pool->first = NULL;
    pool->closed = true;
    pool->has_thread = false;
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
    if (join)
        pthread_join(pool->thread, NULL);
    opened_close(all);
}

void scope_pool_free(struct scope_pool *pool)
{
    if (!pool)
        return;
    scope_pool_close(pool);
    pthread_cond_destroy(&pool->changed);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

unsigned scope_pool_idle(struct scope_pool *pool)
{
    unsigned count = 0;
    pthread_mutex_lock(&pool->lock);
    for (const struct opened *opened = pool->first; opened; opened = opened->next)
        count++;
    pthread_mutex_unlock(&pool->lock);
    return count;
}

struct opened *scope_pool_take(struct scope_pool *pool, uint64_t id)
{
    struct opened *found = NULL;
    pthread_mutex_lock(&pool->lock);
    for (struct opened **link = &pool->first; *link; link = &(*link)->next)
        if (((*link)->entry ? (*link)->entry->id : 0) == id) {
            found = *link;
            *link = found->next;
            found->next = NULL;
            break;
        }
    pthread_mutex_unlock(&pool->lock);
    return found;
}

void scope_pool_lend(struct scope_pool *pool, struct opened *opened)
{
    pthread_mutex_lock(&pool->lock);
    opened->next = pool->used;
    pool->used = opened;
    pthread_mutex_unlock(&pool->lock);
}

/* Takes what was lent off its list; the caller holds the lock. */
static struct opened *pool_take_used(struct scope_pool *pool, const struct database *database)
{
    struct opened **link = &pool->used;
    while ((*link)->database != database)
        link = &(*link)->next;
    struct opened *opened = *link;
    *link = opened->next;
    opened->next = NULL;
    return opened;
}

/* Where there is no thread to close it later it is closed at once. */
void scope_pool_give(struct scope_pool *pool, struct database *database)
{
    pthread_mutex_lock(&pool->lock);
    struct opened *opened = pool_take_used(pool, database);
    bool live = !opened->entry;
    if (!pool->closed && !pool->has_thread)
        pool->has_thread = pthread_create(&pool->thread, NULL, pool_run, pool) == 0;
    if (pool->has_thread) {
        opened->until_ns =
            clock_monotonic_ns() + (live ? pool->limits.live_ns : pool->limits.backup_ns);
        bool wake = opened->until_ns < pool->wakes_ns;
        opened->next = pool->first;
        pool->first = opened;
        opened = pool_take_surplus(pool, live,
                                   live ? pool->limits.live_count : pool->limits.backup_count);
        if (wake)
            pthread_cond_signal(&pool->changed);
    }
    pthread_mutex_unlock(&pool->lock);
    opened_close(opened);
}
