/*
 * Text that is made before it is read.
 *
 * A program that reads a long text from its beginning asks for a piece, uses it, and asks for the
 * next; meanwhile the next one can be made by another processor. An `ahead` is a part of its open
 * file and stands between its reads and whatever makes the text. It makes nothing before reads have
 * followed one another; and of several that come at once, as the kernel's read-ahead sends them, it
 * lets the one go first whose text is next.
 */
#ifndef DBSNAPFS_SRC_VIEW_AHEAD_H
#define DBSNAPFS_SRC_VIEW_AHEAD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dbsnapfs/util/pool.h"

struct err;

/* As node_file_ops.read: fewer bytes only at the end. Called by one thread or another, one at a
 * time or not: it has its own lock. */
typedef int ahead_make(void *arg, uint64_t offset, void *bytes, size_t len, size_t *ret_len,
                       struct err *err);

/* Protected by ahead->lock, but for the bytes while they are made. */
struct ahead_chunk {
    enum { CHUNK_EMPTY, CHUNK_MAKING, CHUNK_READY } state;
    uint64_t offset;
    size_t len; /* less than a whole chunk: the text ends with it */
    unsigned char *bytes;
};

struct ahead {
    struct pool *pool;
    ahead_make *make;
    void *arg;
    pthread_mutex_t reading; /* held by a read from its beginning to its end */
    uint64_t expected;       /* where the last read ended; protected by reading, as is: */
    unsigned in_turn;        /* how many reads began there */
    pthread_cond_t turn;     /* with reading: a read ended */
    atomic_uint readers;     /* that are here, waiting or not */
    struct pool_job job;     /* makes chunks */
    bool submitted;          /* the job has to be waited for; protected by reading */
    pthread_mutex_t lock;
    pthread_cond_t made;       /* with lock: a chunk was, or could not be */
    uint64_t read_to;          /* nobody reads before this; protected by lock, as is: */
    bool goes_on;              /* reads follow one another */
    struct ahead_chunk *first; /* that the job is to make; NULL: the job does not run */
    struct ahead_chunk chunks[2];
};

void ahead_init(struct ahead *ahead, struct pool *pool, ahead_make *make, void *arg);
void ahead_release(struct ahead *ahead); /* waits for what is being made */

int ahead_read(struct ahead *ahead, uint64_t offset, void *bytes, size_t len, size_t *ret_len,
               struct err *err);

#endif
