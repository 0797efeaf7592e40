/*
 * The log: REPO/log, one line an operation, and syslog.
 */
#ifndef SERVICE_LOG_H
#define SERVICE_LOG_H

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct err;
struct service;

/* Appends `2026-11-22T12:39:57Z VERB ok TEXT (0.21 s)`, or `… VERB error: TEXT`; without a
 * duration if it is negative. Best effort: what cannot be written there is still in syslog. */
void log_line(struct service *service, const char *verb, bool ok, const char *text,
              int64_t duration_ns);

/* The line itself, ending in a newline; control characters as \n, \t, \xHH. */
void log_format(int64_t now_ns, const char *verb, bool ok, const char *text, int64_t duration_ns,
                struct buf *out);

#endif
