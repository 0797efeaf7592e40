/*
 * The administrator's log: causes that a client of the mount cannot be told.
 */
#ifndef DBSNAPFS_SRC_FUSE_REPORT_H
#define DBSNAPFS_SRC_FUSE_REPORT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct report {
    bool to_stderr; /* besides syslog; fixed */
    pthread_mutex_t lock;
    uint64_t last_hash; /* protected by lock, as is what follows */
    int64_t last_ns;
    int64_t minute_ns;       /* when the running minute began */
    unsigned minute_count;   /* lines in it */
    unsigned minute_dropped; /* and lines it had no room for */
};

void report_init(struct report *report, bool to_stderr);
void report_release(struct report *report);

/* Logs a line, unless it was the last one too and less than a minute ago, or there were many
 * in this minute. */
void report_line(struct report *report, const char *text);

#endif
