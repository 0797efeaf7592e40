/*
 * Buffers for replies: large ones that are used again, since fresh memory costs a page
 * fault every 4 KiB.
 */
#ifndef DBSNAPFS_SRC_FUSE_BUFFERS_H
#define DBSNAPFS_SRC_FUSE_BUFFERS_H

#include <pthread.h>
#include <stddef.h>

#define BUFFERS_KEPT 4 /* when idle; more exist while more are in use */

struct buffers {
    size_t bytes; /* of each; fixed */
    pthread_mutex_t lock;
    void *kept[BUFFERS_KEPT]; /* protected by lock */
    size_t count;             /* protected by lock */
};

void buffers_init(struct buffers *buffers, size_t bytes);
void buffers_release(struct buffers *buffers);

void *buffers_get(struct buffers *buffers); /* NULL: out of memory */
void buffers_put(struct buffers *buffers, void *buffer);

#endif
