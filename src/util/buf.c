/*
 * The buffer grows by doubling, and keeps one byte behind its contents for the NUL.
 */
#include "dbsnapfs/util/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *buf_reserve(struct buf *b, size_t len)
{
    size_t capacity = b->capacity ? b->capacity : 128;
    char *data;

    if (b->failed)
        return NULL;
    if (b->capacity && len < b->capacity - b->len)
        return b->data + b->len;
    while (capacity - b->len <= len) {
        if (capacity > SIZE_MAX / 2) {
            b->failed = true;
            return NULL;
        }
        capacity *= 2;
    }
    data = realloc(b->data, capacity);
    if (!data) {
        b->failed = true;
        return NULL;
    }
    b->data = data;
    b->capacity = capacity;
    return b->data + b->len;
}

void buf_add(struct buf *b, const void *bytes, size_t len)
{
    char *to = buf_reserve(b, len);

    if (!to)
        return;
    if (len)
        memcpy(to, bytes, len);
    b->len += len;
    b->data[b->len] = '\0';
}

void buf_add_text(struct buf *b, const char *text)
{
    buf_add(b, text, strlen(text));
}

void buf_add_char(struct buf *b, char c)
{
    buf_add(b, &c, 1);
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    int len;
    char *to;

    va_start(ap, fmt);
    len = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (len < 0) {
        b->failed = true;
        return;
    }
    to = buf_reserve(b, (size_t)len);
    if (!to)
        return;
    va_start(ap, fmt);
    vsnprintf(to, (size_t)len + 1, fmt, ap);
    va_end(ap);
    b->len += (size_t)len;
}

int buf_error(const struct buf *b)
{
    return b->failed ? -ENOMEM : 0;
}

const char *buf_text(const struct buf *b)
{
    return b->data ? b->data : "";
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->failed = false;
    if (b->data)
        b->data[0] = '\0';
}

void buf_free(struct buf *b)
{
    free(b->data);
    *b = (struct buf)BUF_INIT;
}
