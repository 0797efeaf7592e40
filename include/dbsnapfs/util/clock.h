/*
 * Times: nanoseconds since 1970 in UTC inside the program, text at its edges.
 */
#ifndef DBSNAPFS_UTIL_CLOCK_H
#define DBSNAPFS_UTIL_CLOCK_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#define CLOCK_TEXT_BYTES 40

int64_t clock_now_ns(void);       /* wall clock */
int64_t clock_monotonic_ns(void); /* for durations */

/* A condition that is waited for by the monotonic clock, which nobody sets. */
int clock_condition_init(pthread_cond_t *condition);
/* pthread_cond_wait() until then at the longest (INT64_MAX: for ever), and then -ETIMEDOUT. */
int clock_condition_wait(pthread_cond_t *condition, pthread_mutex_t *lock, int64_t until_ns);

/* "2026-11-22T12-39-57Z", a backup's name */
void clock_name(int64_t time_ns, char ret_text[CLOCK_TEXT_BYTES]);
/* "2026-11-22T12:39:57Z", for logs and JSON */
void clock_iso(int64_t time_ns, char ret_text[CLOCK_TEXT_BYTES]);
/* "2026-11-22 12:39:57.123456", what SQLAlchemy's DateTime keeps in SQLite */
void clock_sql(int64_t time_ns, char ret_text[CLOCK_TEXT_BYTES]);
/* The way back from clock_sql(); -EINVAL for any other text. */
int clock_parse_sql(const char *text, int64_t *ret_time_ns);

#endif
