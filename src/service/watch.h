/*
 * Carries a caller's wish to cancel over to a running command.
 *
 * The caller's flag is polled 10 times a second by a thread that lives as long as the command
 * runs; so the command itself has one flag to look at, whoever wants it to stop.
 */
#ifndef SERVICE_WATCH_H
#define SERVICE_WATCH_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct err;
struct turn;
struct turns;

struct watch {
    struct turns *turns;
    struct turn *turn;
    const atomic_bool *cancel; /* NULL: nothing is watched */
    bool ended;                /* protected by turns->lock */
    pthread_t thread;
};

int watch_start(struct watch *watch, struct turns *turns, struct turn *turn,
                const atomic_bool *cancel, struct err *err);
void watch_end(struct watch *watch);

#endif
