/*
 * Is the newest backup good? Answered in the background, after each backup.
 */
#ifndef SERVICE_CHECK_H
#define SERVICE_CHECK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct err;
struct service;

struct check {
    bool started; /* is there a thread? */
    pthread_t thread;
    bool wanted;        /* there may be an unchecked backup; protected by turns.lock, as is: */
    uint64_t first_id;  /* older ones are left to `verify` */
    char name[40];      /* what is being checked, "" when nothing is */
    unsigned disturbed; /* how often commands ended the check of one backup; the thread's own */
    uint64_t disturbed_id;
};

/* Starts the thread; it looks at once whether the newest backup was ever checked. */
int check_start(struct service *service, struct err *err);

/* A backup was made. */
void check_want(struct service *service);

/* Waits for the thread, after turns_stop(). */
void check_end(struct service *service);

#endif
