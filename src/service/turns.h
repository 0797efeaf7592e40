/*
 * Commands take turns: one runs, the others wait in the order they came.
 *
 * A command joins the queue, waits until it is first, runs in its own thread and ends its
 * turn. While it runs anyone may ask it to stop through its `cancel` flag, which it polls.
 */
#ifndef SERVICE_TURNS_H
#define SERVICE_TURNS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct err;

#define TURNS_MAX_WAITING 32

/* One command's place in the queue, kept alive by its owner from join to end. */
struct turn {
    const char *verb;                         /* static storage */
    atomic_bool cancel;                       /* polled by the command while it runs */
    atomic_bool underway;                     /* it may be asked how far it is */
    _Atomic uint64_t done_bytes, total_bytes; /* written by the command */
    int64_t started_ns; /* monotonic; set when its turn comes, under turns.lock */
    uint64_t id;        /* under turns.lock, as is: */
    struct turn *next;
};

struct turns {
    pthread_mutex_t lock;
    pthread_cond_t changed; /* something below changed; on the monotonic clock */
    struct turn *first;     /* the one that runs, once it has seen that it is first */
    struct turn *last;
    bool running; /* is `first` running? */
    unsigned waiting;
    uint64_t next_id;
    uint64_t ended_id; /* the last command that ran, and its result */
    int ended_code;
    unsigned threads;     /* that run commands nobody waits for */
    atomic_bool busy;     /* someone runs, waits or stops; written under lock */
    atomic_bool stopping; /* written under lock */
};

int turns_init(struct turns *turns, struct err *err);
void turns_release(struct turns *turns); /* nobody may be in it any more */

/* Takes a place at the end of the queue: -EBUSY if there is anyone before it and `nowait`,
 * -EAGAIN if too many wait, -ESHUTDOWN after turns_stop(). */
int turns_join(struct turns *turns, struct turn *turn, bool nowait, struct err *err);

/* Waits until the turn has come. If it fails (-ECANCELED by `*cancel`, which may be NULL, or
 * -ESHUTDOWN) the place is given up and turns_end() must not be called. */
int turns_wait(struct turns *turns, struct turn *turn, const atomic_bool *cancel, struct err *err);

void turns_end(struct turns *turns, struct turn *turn, int code);

/*
 * Asks the command that runs to stop and waits until it has ended. Returns false when none
 * runs. `ret_verb` is its name and `ret_code` its result, -EINPROGRESS if `*cancel` came first.
 */
bool turns_cancel(struct turns *turns, const atomic_bool *cancel, const char **ret_verb,
                  int *ret_code);

/* Cancels the command that runs and sends away those that wait and come. Does not wait. */
void turns_stop(struct turns *turns);

/* Waits until nothing runs, waits, or is run for nobody. After turns_stop() only. */
void turns_drain(struct turns *turns);

/* Waits on `changed` for at most 100 ms; the lock is held. */
void turns_nap(struct turns *turns);

#endif
