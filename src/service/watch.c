/*
 * A thread beside a command, which sleeps on the queue's condition variable.
 */
#include "service/watch.h"

#include "dbsnapfs/util/err.h"
#include "service/turns.h"

static void *watch_run(void *arg)
{
    struct watch *watch = arg;

    (void)pthread_mutex_lock(&watch->turns->lock);
    while (!watch->ended && !atomic_load(watch->cancel))
        turns_nap(watch->turns);
    if (!watch->ended)
        atomic_store(&watch->turn->cancel, true);
    (void)pthread_mutex_unlock(&watch->turns->lock);
    return NULL;
}

int watch_start(struct watch *watch, struct turns *turns, struct turn *turn,
                const atomic_bool *cancel, struct err *err)
{
    int code;

    *watch = (struct watch){.turns = turns, .turn = turn, .cancel = cancel};
    if (!cancel)
        return 0;
    code = pthread_create(&watch->thread, NULL, watch_run, watch);
    if (code != 0)
        return err_sys(err, code, "cannot start a thread");
    return 0;
}

void watch_end(struct watch *watch)
{
    if (!watch->cancel)
        return;
    (void)pthread_mutex_lock(&watch->turns->lock);
    watch->ended = true;
    (void)pthread_cond_broadcast(&watch->turns->changed);
    (void)pthread_mutex_unlock(&watch->turns->lock);
    (void)pthread_join(watch->thread, NULL);
}
