/*
 * Errors carry their code and one line of text from the place that knows the cause to the
 * edge that reports it. Text is formatted into a fixed array, so that an error can be made
 * when memory has run out.
 */
#include "dbsnapfs/util/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int(err_set)(struct err *err, int code, const char *fmt, ...)
{
    va_list ap;

    if (!err)
        return -code;
    err->code = -code;
    va_start(ap, fmt);
    vsnprintf(err->text, sizeof(err->text), fmt, ap);
    va_end(ap);
    return -code;
}

int(err_sys)(struct err *err, int code, const char *fmt, ...)
{
    va_list ap;
    char reason[128];
    size_t used;

    if (!err)
        return -code;
    err->code = -code;
    va_start(ap, fmt);
    vsnprintf(err->text, sizeof(err->text), fmt, ap);
    va_end(ap);
    used = strlen(err->text);
    snprintf(err->text + used, sizeof(err->text) - used, ": %s",
             strerror_r(code, reason, sizeof(reason)));
    return -code;
}

void err_at(struct err *err, const char *fmt, ...)
{
    va_list ap;
    char text[sizeof(err->text)];
    size_t used;

    if (!err)
        return;
    memcpy(text, err->text, sizeof(text));
    va_start(ap, fmt);
    vsnprintf(err->text, sizeof(err->text), fmt, ap);
    va_end(ap);
    used = strlen(err->text);
    snprintf(err->text + used, sizeof(err->text) - used, ": %s", text);
}

int err_to_mount(int code)
{
    return code == -EBADMSG ? EIO : -code;
}
