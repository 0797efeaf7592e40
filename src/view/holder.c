/*
 * The list is in the order of last use, so the first that yields has been idle longest.
 *
 * Locks: who has a holder's lock may take the list's. The other way round, from the list to a holder,
 * its lock is only tried: a holder that is being used is left alone, and looked at again later. It is
 * taken off the list before its database is given back, which may take long and is done without
 * the list's lock.
 */
#include "holder.h"

#include <errno.h>
#include <stdlib.h>

#include "dbsnapfs/util/clock.h"
#include "dbsnapfs/util/err.h"

#define SECOND_NS INT64_C(1000000000)

struct holders {
    unsigned most;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* on the monotonic clock */
    bool closed;            /* protected by lock, as is what follows */
    struct holder *first, *last;
    unsigned counts[2]; /* of those that do not yield, and that do */
    int64_t wakes_ns;   /* when the thread looks next by itself, if it sleeps */
};

void holder_init(struct holder *holder, void (*give_back)(struct holder *holder), bool yields)
{
    *holder = (struct holder){.give_back = give_back, .yields = yields};
    pthread_mutex_init(&holder->lock, NULL);
}

/* The caller holds the list's lock, as below. */
static void list_remove(struct holders *holders, struct holder *holder)
{
    if (!holder->listed)
        return;
    if (holder->previous)
        holder->previous->next = holder->next;
    else
        holders->first = holder->next;
    if (holder->next)
        holder->next->previous = holder->previous;
    else
        holders->last = holder->previous;
    holder->listed = false;
    holders->counts[holder->yields]--;
}

static void list_append(struct holders *holders, struct holder *holder)
{
    holder->previous = holders->last;
    holder->next = NULL;
    if (holders->last)
        holders->last->next = holder;
    else
        holders->first = holder;
    holders->last = holder;
    holder->listed = true;
    holders->counts[holder->yields]++;
}

/* Takes off the list, and locks, one that was due at `now_ns`; NULL: there is none that is idle. */
static struct holder *list_take_due(struct holders *holders, int64_t now_ns)
{
    for (struct holder *holder = holders->first; holder; holder = holder->next)
        if (holder->until_ns <= now_ns && pthread_mutex_trylock(&holder->lock) == 0) {
            list_remove(holders, holder);
            return holder;
        }
    return NULL;
}

/* The same with one that yields. */
static struct holder *list_take_idle(struct holders *holders)
{
    for (struct holder *holder = holders->first; holder; holder = holder->next)
        if (holder->yields && pthread_mutex_trylock(&holder->lock) == 0) {
            list_remove(holders, holder);
            return holder;
        }
    return NULL;
}

static void give_back(struct holder *holder)
{
    holder->give_back(holder);
    pthread_mutex_unlock(&holder->lock);
}

/* Until something is due; what is due and in use is looked at again in a second. */
static void holders_sleep(struct holders *holders)
{
    int64_t until_ns = INT64_MAX, soon_ns = clock_monotonic_ns() + SECOND_NS;
    for (const struct holder *holder = holders->first; holder; holder = holder->next)
        if (holder->until_ns < until_ns)
            until_ns = holder->until_ns;
    if (until_ns < soon_ns)
        until_ns = soon_ns;
    holders->wakes_ns = until_ns;
    clock_condition_wait(&holders->changed, &holders->lock, until_ns);
}

static void *holders_run(void *arg)
{
    struct holders *holders = arg;
    pthread_mutex_lock(&holders->lock);
    while (!holders->closed) {
        struct holder *due = list_take_due(holders, clock_monotonic_ns());
        if (due) {
            pthread_mutex_unlock(&holders->lock);
            give_back(due);
            pthread_mutex_lock(&holders->lock);
        } else {
            holders_sleep(holders);
        }
    }
    pthread_mutex_unlock(&holders->lock);
    return NULL;
}

int holders_new(unsigned most, struct holders **ret_holders, struct err *err)
{
    struct holders *holders = calloc(1, sizeof(*holders));
    if (!holders)
        return err_set(err, ENOMEM, "tables: out of memory");
    holders->most = most;
    pthread_mutex_init(&holders->lock, NULL);
    clock_condition_init(&holders->changed);
    int r = pthread_create(&holders->thread, NULL, holders_run, holders);
    if (r != 0) {
        holders->closed = true;
        holders_free(holders);
        return err_sys(err, r, "tables: cannot start a thread");
    }
    *ret_holders = holders;
    return 0;
}

void holders_close(struct holders *holders)
{
    pthread_mutex_lock(&holders->lock);
    bool closed = holders->closed;
    holders->closed = true;
    pthread_cond_broadcast(&holders->changed);
    pthread_mutex_unlock(&holders->lock);
    if (!closed)
        pthread_join(holders->thread, NULL);
}

void holders_free(struct holders *holders)
{
    if (!holders)
        return;
    holders_close(holders);
    pthread_cond_destroy(&holders->changed);
    pthread_mutex_destroy(&holders->lock);
    free(holders);
}

void holders_keep(struct holders *holders, struct holder *holder, int64_t until_ns)
{
    struct holder *idle = NULL;
    pthread_mutex_lock(&holders->lock);
    list_remove(holders, holder);
    /* Its own lock is held: it is not found to be idle. */
    if (holder->yields && holders->counts[true] >= holders->most)
        idle = list_take_idle(holders);
    holder->until_ns = until_ns;
    list_append(holders, holder);
    if (until_ns < holders->wakes_ns)
        pthread_cond_signal(&holders->changed);
    pthread_mutex_unlock(&holders->lock);
    if (idle)
        give_back(idle);
}

void holders_drop(struct holders *holders, struct holder *holder)
{
    pthread_mutex_lock(&holders->lock);
    list_remove(holders, holder);
    pthread_mutex_unlock(&holders->lock);
}

void holder_release(struct holders *holders, struct holder *holder)
{
    pthread_mutex_lock(&holder->lock);
    pthread_mutex_lock(&holders->lock);
    bool listed = holder->listed;
    list_remove(holders, holder);
    pthread_mutex_unlock(&holders->lock);
    if (listed)
        holder->give_back(holder);
    pthread_mutex_unlock(&holder->lock);
    pthread_mutex_destroy(&holder->lock);
}

unsigned holders_count(struct holders *holders, bool yields)
{
    pthread_mutex_lock(&holders->lock);
    unsigned count = holders->counts[yields];
    pthread_mutex_unlock(&holders->lock);
    return count;
}
