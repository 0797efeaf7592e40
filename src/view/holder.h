/*
 * Open files that hold a database from one read to the next, and give it back in time.
 *
 * A holder is a part of its open file. What it holds is given back when its time is up, by a thread
 * that the view has for this; and those that can take another database later may be asked for it
 * earlier, when too many are held.
 */
#ifndef DBSNAPFS_SRC_VIEW_HOLDER_H
#define DBSNAPFS_SRC_VIEW_HOLDER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct err;
struct holders;

#define HOLDER_FOR_EVER INT64_MAX

struct holder {
    pthread_mutex_t lock; /* the owner's: held while what is held is used, given back or taken */
    /* Called with `lock` held, by any thread, when the holder is on no list any more. */
    void (*give_back)(struct holder *holder);
    bool yields; /* may be asked before its time */
    /* protected by the lock of struct holders: */
    bool listed;
    int64_t until_ns; /* monotonic */
    struct holder *previous, *next;
};

void holder_init(struct holder *holder, void (*give_back)(struct holder *holder), bool yields);
/* Gives back what is held, if anything is; then nobody knows it any more. */
void holder_release(struct holders *holders, struct holder *holder);

/* At most `most` that yield hold something at a time, but for those that are being used. */
int holders_new(unsigned most, struct holders **ret_holders, struct err *err);
void holders_close(struct holders *holders); /* ends the thread; nothing is given back any more */
void holders_free(struct holders *holders);  /* NULL is fine; no holder may be listed */

/* With the holder's lock held: it holds something from now on, or still, until `until_ns`. */
void holders_keep(struct holders *holders, struct holder *holder, int64_t until_ns);
/* With the holder's lock held: it does not any more. */
void holders_drop(struct holders *holders, struct holder *holder);

unsigned holders_count(struct holders *holders, bool yields);

#endif
