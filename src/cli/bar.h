/*
 * The progress bar: one line on a terminal's standard error, redrawn five times a second.
 */
#ifndef CLI_BAR_H
#define CLI_BAR_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

struct buf;
struct service_progress;

struct bar {
    void (*poll)(void *arg, struct service_progress *ret_progress); /* in the bar's thread */
    void *arg;
    bool started;
    bool drawn; /* the thread's own */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t ended_changed;
    bool ended; /* protected by lock */
};

/* Draws what `poll` tells until bar_end(), unless `quiet` or standard error is no terminal. */
void bar_start(struct bar *bar, bool quiet,
               void (*poll)(void *arg, struct service_progress *ret_progress), void *arg);
void bar_end(struct bar *bar); /* clears the line */

/* Puts a line (with its newline) on standard error, in the place of the bar, which goes on below. */
void bar_say(const struct bar *bar, const char *line);

/* Cuts UTF-8 text to `columns` characters. */
void bar_cut(struct buf *text, size_t columns);

#endif
