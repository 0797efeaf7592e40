/*
 * A damaged block that is read in a loop must not fill a disk with the news of it: the same
 * line comes once a minute, and no more than MINUTE_LINES different ones.
 */
#include "report.h"

#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "dbsnapfs/util/clock.h"
#include "dbsnapfs/util/hash.h"

#define MINUTE_NS INT64_C(60000000000)
#define MINUTE_LINES 30

void report_init(struct report *report, bool to_stderr)
{
    memset(report, 0, sizeof(*report));
    report->to_stderr = to_stderr;
    pthread_mutex_init(&report->lock, NULL);
}

void report_release(struct report *report)
{
    pthread_mutex_destroy(&report->lock);
}

static void report_print(const struct report *report, const char *text)
{
    syslog(LOG_DAEMON | LOG_ERR, "%s", text);
    if (report->to_stderr)
        fprintf(stderr, "dbsnapfs: %s\n", text);
}

void report_line(struct report *report, const char *text)
{
    uint64_t hash = hash_bytes(HASH_START, text, strlen(text));
    int64_t now = clock_monotonic_ns();

    pthread_mutex_lock(&report->lock);
    if (report->last_hash == hash && now - report->last_ns < MINUTE_NS)
        goto out;
    if (report->minute_count == 0 || now - report->minute_ns >= MINUTE_NS) {
        if (report->minute_dropped > 0) {
            char more[64];
            snprintf(more, sizeof(more), "%u further errors were not logged",
                     report->minute_dropped);
            report_print(report, more);
        }
        report->minute_ns = now;
        report->minute_count = 0;
        report->minute_dropped = 0;
    }
    if (report->minute_count == MINUTE_LINES) {
        report->minute_dropped++;
        goto out;
    }
    report->minute_count++;
    report->last_hash = hash;
    report->last_ns = now;
    report_print(report, text);
out:
    pthread_mutex_unlock(&report->lock);
}
