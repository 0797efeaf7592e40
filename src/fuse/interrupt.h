/*
 * Ctrl-C for requests that take long.
 */
#ifndef DBSNAPFS_SRC_FUSE_INTERRUPT_H
#define DBSNAPFS_SRC_FUSE_INTERRUPT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#include "dbsnapfs/tree.h"

struct fuse_req;

/* All requests of a mount that can be interrupted now. */
struct interrupt_list {
    pthread_mutex_t lock;
    struct interrupt *first; /* protected by lock */
    bool stopping;           /* protected by lock: the mount ends, new ones are too late */
};

struct interrupt {
    atomic_bool cancel; /* what the request polls */
    struct node_request request;
    struct interrupt_list *list;
    struct fuse_req *req;
    pid_t thread;    /* of the process that waits for the reply */
    pthread_t owner; /* the thread that works on it */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool done;                         /* protected by lock */
    struct interrupt *previous, *next; /* protected by list->lock */
};

void interrupt_list_init(struct interrupt_list *list);
void interrupt_list_release(struct interrupt_list *list);
void interrupt_all(struct interrupt_list *list); /* the mount ends */

/* Around the work on one request; end before the reply is sent. In between the thread serves it, see
 * node_serve(). */
void interrupt_begin(struct interrupt *in, struct interrupt_list *list, struct fuse_req *req);
void interrupt_end(struct interrupt *in);

/* What the signals that wait for a thread ask for. */
enum interrupt_verdict { INTERRUPT_IGNORE, INTERRUPT_CANCEL };

/* From the text of /proc/THREAD/status. */
enum interrupt_verdict interrupt_judge(const char *status);

#endif
