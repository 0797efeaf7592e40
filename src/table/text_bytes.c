/*
 * Bytes as text in more than one form: between quotes, and as hex digits.
 *
 * Text in databases is often full of quotes, since it is JSON, and then looking for the next one with
 * memchr() costs more than all the rest. So eight bytes are copied at a time and looked at in one
 * word: see "Determine if a word has a byte equal to n" in Sean Eron Anderson's Bit Twiddling Hacks.
 */
#include <string.h>

#include "dbsnapfs/util/buf.h"
#include "table/text_internal.h"

#define WORD_BYTES sizeof(uint64_t)
#define EACH_BYTE UINT64_C(0x0101010101010101)
#define LOW_BITS UINT64_C(0x7f7f7f7f7f7f7f7f)

/* Longer texts have their quotes counted, so that twice their room is not taken for nothing. */
#define SHORT_BYTES 4096

static uint64_t load(const char *bytes)
{
    uint64_t word;

    memcpy(&word, bytes, sizeof(word));
    return word;
}

/* The highest bit of each byte that is as those of `pattern`, and no other bit. */
static uint64_t equal_bytes(uint64_t word, uint64_t pattern)
{
    uint64_t other = word ^ pattern;

    return ~(((other & LOW_BITS) + LOW_BITS) | other | LOW_BITS);
}

/* Which byte in memory the first bit of a mask that is not 0 belongs to. */
static size_t first_byte(uint64_t mask)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return (size_t)__builtin_ctzll(mask) / 8;
#else
    return (size_t)__builtin_clzll(mask) / 8;
#endif
}

size_t text_count(const char *bytes, size_t len, char c)
{
    const uint64_t pattern = EACH_BYTE * (unsigned char)c;
    size_t count = 0;

    for (; len >= WORD_BYTES; bytes += WORD_BYTES, len -= WORD_BYTES)
        count += (size_t)((equal_bytes(load(bytes), pattern) >> 7) * EACH_BYTE >> 56);
    for (; len > 0; bytes++, len--)
        count += *bytes == c;
    return count;
}

/* Returns where it ends; has room for a word more than it takes. */
static char *copy_doubled(const char *bytes, size_t len, char quote, char *to)
{
    const uint64_t pattern = EACH_BYTE * (unsigned char)quote;

    while (len >= WORD_BYTES) {
        uint64_t word = load(bytes), mask = equal_bytes(word, pattern);
        size_t taken = mask ? first_byte(mask) + 1 : WORD_BYTES;

        memcpy(to, &word, sizeof(word));
        to += taken;
        if (mask)
            *to++ = quote;
        bytes += taken;
        len -= taken;
    }
    for (; len > 0; bytes++, len--) {
        *to++ = *bytes;
        if (*bytes == quote)
            *to++ = quote;
    }
    return to;
}

void text_quoted(const char *bytes, size_t len, char quote, struct buf *out)
{
    size_t quotes = len < SHORT_BYTES ? len : text_count(bytes, len, quote);
    char *to = buf_reserve(out, len + quotes + 2 + WORD_BYTES);

    if (!to)
        return;
    *to++ = quote;
    to = copy_doubled(bytes, len, quote, to);
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
