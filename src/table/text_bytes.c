/*
 * Bytes as text in more than one form: between quotes, and as hex digits.
 */
#include <string.h>

#include "dbsnapfs/util/buf.h"
#include "table/text_internal.h"

size_t text_count(const char *bytes, size_t len, char c)
{
    const char *end = bytes + len;
    size_t count = 0;

    if (len == 0)
        return 0;
    while ((bytes = memchr(bytes, c, (size_t)(end - bytes)))) {
        count++;
        if (++bytes == end)
            break;
    }
    return count;
}

void text_quoted(const char *bytes, size_t len, char quote, struct buf *out)
{
    size_t quotes = text_count(bytes, len, quote);
    char *to = buf_reserve(out, len + quotes + 2);

    if (!to)
        return;
    *to++ = quote;
    for (size_t plain; quotes > 0; quotes--, bytes += plain, len -= plain) {
        const char *found = memchr(bytes, quote, len);

        plain = (size_t)(found - bytes) + 1;
        memcpy(to, bytes, plain);
        to += plain;
        *to++ = quote;
    }
    if (len > 0)
        memcpy(to, bytes, len);
    to += len;
    *to++ = quote;
    *to = '\0';
    out->len = (size_t)(to - out->data);
}

uint64_t text_quoted_length(const char *bytes, size_t len, char quote)
{
    return (uint64_t)len + text_count(bytes, len, quote) + 2;
}

void text_hex(const void *bytes, size_t len, struct buf *out)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *p = bytes;
    char *to = buf_reserve(out, len * 2 + 3);

    if (!to)
        return;
    *to++ = 'x';
    *to++ = '\'';
    for (size_t i = 0; i < len; i++) {
        *to++ = digits[p[i] >> 4];
        *to++ = digits[p[i] & 15];
    }
    *to++ = '\'';
    *to = '\0';
    out->len = (size_t)(to - out->data);
}

uint64_t text_hex_length(size_t len)
{
    return (uint64_t)len * 2 + 3;
}
