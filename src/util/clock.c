/*
 * Times, and times as text, always UTC, so that no result depends on where the program runs.
 */
#include "dbsnapfs/util/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NS_PER_S INT64_C(1000000000)

static int64_t clock_read(clockid_t id)
{
    struct timespec ts = {0, 0};

    clock_gettime(id, &ts);
    return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

int64_t clock_now_ns(void)
{
    return clock_read(CLOCK_REALTIME);
}

int64_t clock_monotonic_ns(void)
{
    return clock_read(CLOCK_MONOTONIC);
}

int clock_condition_init(pthread_cond_t *condition)
{
    pthread_condattr_t monotonic;
    int code = pthread_condattr_init(&monotonic);

    if (code != 0)
        return -code;
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    code = pthread_cond_init(condition, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    return -code;
}

int clock_condition_wait(pthread_cond_t *condition, pthread_mutex_t *lock, int64_t until_ns)
{
    const struct timespec until = {
        .tv_sec = (time_t)(until_ns / NS_PER_S),
        .tv_nsec = (long)(until_ns % NS_PER_S),
    };

    if (until_ns == INT64_MAX)
        return -pthread_cond_wait(condition, lock);
    return -pthread_cond_timedwait(condition, lock, &until);
}

/* Formats whole seconds; returns the nanoseconds that are left, 0 to 999,999,999. */
static int64_t clock_format(int64_t time_ns, char between, char in_time, const char *end,
                            char ret_text[CLOCK_TEXT_BYTES])
{
    int64_t rest = time_ns % NS_PER_S;
    time_t seconds = (time_t)(time_ns / NS_PER_S);
    struct tm tm = {0};

    if (rest < 0) {
        rest += NS_PER_S;
        seconds--;
    }
    gmtime_r(&seconds, &tm);
    snprintf(ret_text, CLOCK_TEXT_BYTES, "%04d-%02d-%02d%c%02d%c%02d%c%02d%s", tm.tm_year + 1900,
             tm.tm_mon + 1, tm.tm_mday, between, tm.tm_hour, in_time, tm.tm_min, in_time, tm.tm_sec,
             end);
    return rest;
}

void clock_name(int64_t time_ns, char ret_text[CLOCK_TEXT_BYTES])
{
    clock_format(time_ns, 'T', '-', "Z", ret_text);
}

void clock_iso(int64_t time_ns, char ret_text[CLOCK_TEXT_BYTES])
{
    clock_format(time_ns, 'T', ':', "Z", ret_text);
}

void clock_sql(int64_t time_ns, char ret_text[CLOCK_TEXT_BYTES])
{
    int64_t rest = clock_format(time_ns, ' ', ':', "", ret_text);
    size_t used = strlen(ret_text);

    snprintf(ret_text + used, CLOCK_TEXT_BYTES - used, ".%06d", (int)(rest / 1000));
}

int clock_parse_sql(const char *text, int64_t *ret_time_ns)
{
    struct tm tm = {0};
    const char *rest = strptime(text, "%Y-%m-%d %H:%M:%S", &tm);

    if (!rest || *rest != '.' || strlen(rest) != 7 || strspn(rest + 1, "0123456789") != 6)
        return -EINVAL;
    *ret_time_ns = (int64_t)timegm(&tm) * NS_PER_S + strtol(rest + 1, NULL, 10) * 1000;
    return 0;
}
