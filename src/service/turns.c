/*
 * The queue of commands.
 *
 * It is a list of places, linked through memory that the commands own. The first place is the
 * one that runs or is about to; everyone else sleeps on one condition variable and looks, each
 * time something changes, whether it has become first. With at most 33 places, waking all of
 * them is cheaper than to keep a condition variable for each.
 *
 * `lock` guards the list and every counter. It is never held while a command works, nor while
 * any other lock is taken, so its order against others does not matter. Two flags are atomic,
 * though written under the lock, since they are polled by work that must not take it: `busy`
 * by the background check, which gives way to commands, and `stopping`. A command's own
 * `cancel` is written by turns_cancel() and turns_stop() under the lock, which is what keeps
 * the place alive meanwhile, and polled by the command without it.
 *
 * A caller's own wish to cancel (an interrupted write to the control file) comes as a flag
 * that nobody signals, so whoever waits on behalf of such a caller looks every 100 ms. Without
 * a caller's flag nobody wakes up by the clock.
 */
#include "service/turns.h"

#include <errno.h>

#include "dbsnapfs/util/clock.h"
#include "dbsnapfs/util/err.h"

#define NAP_NS 100000000L

int turns_init(struct turns *turns, struct err *err)
{
    int code;

    *turns = (struct turns){.next_id = 1};
    code = pthread_mutex_init(&turns->lock, NULL);
    if (code != 0)
        return err_sys(err, code, "cannot make a lock");
    code = clock_condition_init(&turns->changed);
    if (code < 0) {
        (void)pthread_mutex_destroy(&turns->lock);
        return err_sys(err, -code, "cannot make a condition variable");
    }
    return 0;
}

void turns_release(struct turns *turns)
{
    (void)pthread_cond_destroy(&turns->changed);
    (void)pthread_mutex_destroy(&turns->lock);
}

void turns_nap(struct turns *turns)
{
    (void)clock_condition_wait(&turns->changed, &turns->lock, clock_monotonic_ns() + NAP_NS);
}

static void wait_for_change(struct turns *turns, const atomic_bool *cancel)
{
    if (cancel)
        turns_nap(turns);
    else
        (void)pthread_cond_wait(&turns->changed, &turns->lock);
}

/* Wakes everyone; the lock is held. */
static void announce(struct turns *turns)
{
    atomic_store(&turns->busy, turns->first != NULL || atomic_load(&turns->stopping));
    (void)pthread_cond_broadcast(&turns->changed);
}

static void remove_place(struct turns *turns, struct turn *turn)
{
    struct turn *before = NULL;

    for (struct turn *t = turns->first; t && t != turn; t = t->next)
        before = t;
    if (before)
        before->next = turn->next;
    else
        turns->first = turn->next;
    if (turns->last == turn)
        turns->last = before;
    announce(turns);
}

static int shut_down(struct err *err)
{
    return err_set(err, ESHUTDOWN, "no command is taken any more: the mount is ending");
}

static int join_locked(struct turns *turns, struct turn *turn, bool nowait, struct err *err)
{
    if (atomic_load(&turns->stopping))
        return shut_down(err);
    if (nowait && turns->first)
        return err_set(err, EBUSY, "%s is running and nowait was given", turns->first->verb);
    if (turns->waiting >= TURNS_MAX_WAITING)
        return err_set(err, EAGAIN, "too many commands are waiting");
    turn->id = turns->next_id++;
    turn->next = NULL;
    if (turns->last)
        turns->last->next = turn;
    else
        turns->first = turn;
    turns->last = turn;
    turns->waiting++;
    announce(turns);
    return 0;
}

int turns_join(struct turns *turns, struct turn *turn, bool nowait, struct err *err)
{
    int code;

    (void)pthread_mutex_lock(&turns->lock);
    code = join_locked(turns, turn, nowait, err);
    (void)pthread_mutex_unlock(&turns->lock);
    return code;
}

int turns_wait(struct turns *turns, struct turn *turn, const atomic_bool *cancel, struct err *err)
{
    int code = 0;

    (void)pthread_mutex_lock(&turns->lock);
    for (;;) {
        if (atomic_load(&turns->stopping))
            code = shut_down(err);
        else if (cancel && atomic_load(cancel))
            code = err_set(err, ECANCELED, "cancelled while it waited");
        if (code != 0 || turns->first == turn)
            break;
        wait_for_change(turns, cancel);
    }
    turns->waiting--;
    if (code != 0) {
        remove_place(turns, turn);
    } else {
        turns->running = true;
        turn->started_ns = clock_monotonic_ns();
        atomic_store(&turn->underway, true);
    }
    (void)pthread_mutex_unlock(&turns->lock);
    return code;
}

void turns_end(struct turns *turns, struct turn *turn, int code)
{
    (void)pthread_mutex_lock(&turns->lock);
    turns->running = false;
    turns->ended_id = turn->id;
    turns->ended_code = code;
    remove_place(turns, turn);
    (void)pthread_mutex_unlock(&turns->lock);
}

bool turns_cancel(struct turns *turns, const atomic_bool *cancel, const char **ret_verb,
                  int *ret_code)
{
    bool found;

    (void)pthread_mutex_lock(&turns->lock);
    found = turns->running;
    if (found) {
        uint64_t id = turns->first->id;

        *ret_verb = turns->first->verb;
        *ret_code = -EINPROGRESS;
        atomic_store(&turns->first->cancel, true);
        announce(turns);
        /* ended_id may have gone past it when another one ran before this thread woke up */
        while (turns->running && turns->first->id == id && !(cancel && atomic_load(cancel)))
            wait_for_change(turns, cancel);
        if (turns->ended_id == id)
            *ret_code = turns->ended_code;
        else if (turns->ended_id > id)
            *ret_code = -ECANCELED;
    }
    (void)pthread_mutex_unlock(&turns->lock);
    return found;
}

void turns_stop(struct turns *turns)
{
    (void)pthread_mutex_lock(&turns->lock);
    atomic_store(&turns->stopping, true);
    if (turns->running)
        atomic_store(&turns->first->cancel, true);
    announce(turns);
    (void)pthread_mutex_unlock(&turns->lock);
}

void turns_drain(struct turns *turns)
{
    (void)pthread_mutex_lock(&turns->lock);
    while (turns->first || turns->threads > 0)
        (void)pthread_cond_wait(&turns->changed, &turns->lock);
    (void)pthread_mutex_unlock(&turns->lock);
}
