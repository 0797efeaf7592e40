/*
 * Bytes as text in more than one form: between quotes, and as hex digits.
 *
 * Text in databases is often full of quotes, since it is JSON, and then looking for the next one with
 * memchr() costs more than all the rest. So eight bytes are looked at in one word, and copied: see
 * "Determine if a word has a byte equal to n" in Sean Eron Anderson's Bit Twiddling Hacks.
 */
#include <string.h>

#include "dbsnapfs/util/buf.h"
#include "table/text_internal.h"

#define WORD_BYTES sizeof(uint64_t)
#define EACH_BYTE UINT64_C(0x0101010101010101)
#define LOW_BITS UINT64_C(0x7f7f7f7f7f7f7f7f)

/* What may be written behind the end of what is doubled. */
#define SPARE_BYTES (2 * WORD_BYTES)

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

/* Of such a mask: how many bytes, and of one that is not 0 which byte in memory is the first, and
 * what is left without it. bytes_from() has in front what a word has from a byte in memory on. */
static size_t count_bytes(uint64_t mask)
{
    return (size_t)((mask >> 7) * EACH_BYTE >> 56);
}

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define LAST_BYTE (UINT64_C(0x80) << 56)

static size_t first_byte(uint64_t mask)
{
    return (size_t)__builtin_ctzll(mask) / 8;
}

static uint64_t without_first(uint64_t mask)
{
    return mask & (mask - 1);
}

static uint64_t bytes_from(uint64_t word, size_t at)
{
    return word >> (8 * at);
}
#else
#define LAST_BYTE UINT64_C(0x80)

static size_t first_byte(uint64_t mask)
{
    return (size_t)__builtin_clzll(mask) / 8;
}

static uint64_t without_first(uint64_t mask)
{
    return mask & ~(UINT64_C(0x80) << 56 >> (8 * first_byte(mask | LAST_BYTE)));
}

static uint64_t bytes_from(uint64_t word, size_t at)
{
    return word << (8 * at);
}
#endif

size_t text_count(const char *bytes, size_t len, char c)
{
    const uint64_t pattern = EACH_BYTE * (unsigned char)c;
    size_t count = 0;

    for (; len >= WORD_BYTES; bytes += WORD_BYTES, len -= WORD_BYTES)
        count += count_bytes(equal_bytes(load(bytes), pattern));
    for (; len > 0; bytes++, len--)
        count += *bytes == c;
    return count;
}

/* Writes the bytes of a word from the first one of `mask` on, once more behind it. */
static char *double_first(uint64_t word, uint64_t mask, char *to)
{
    size_t at = first_byte(mask);
    uint64_t rest = bytes_from(word, at);

    memcpy(to + at + 1, &rest, sizeof(rest));
    return to + 1;
}

/* Returns where it ends; has room for SPARE_BYTES more than it takes.
 *
 * A word is written as it is, and once more a byte further on from each quote in it. The first two
 * quotes are written whether they are there or not, as what is written behind the end does not
 * count: where quotes stand close together a branch would be guessed wrong half of the time. */
static char *copy_doubled(const char *bytes, size_t len, char quote, char *to)
{
    const uint64_t pattern = EACH_BYTE * (unsigned char)quote;

    for (; len >= WORD_BYTES; bytes += WORD_BYTES, len -= WORD_BYTES) {
        uint64_t word = load(bytes), mask = equal_bytes(word, pattern);
        uint64_t others = without_first(mask);
        size_t count = count_bytes(mask);

        memcpy(to, &word, sizeof(word));
        (void)double_first(word, mask | LAST_BYTE, to);
        (void)double_first(word, others | LAST_BYTE, to + 1);
        for (size_t i = 2; i < count; i++) {
            others = without_first(others);
            (void)double_first(word, others, to + i);
        }
        to += WORD_BYTES + count;
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
    char *to = buf_reserve(out, len + quotes + 2 + SPARE_BYTES);

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

void text_hex_digits(const void *bytes, size_t len, struct buf *out)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *p = bytes;
    char *to = buf_reserve(out, len * 2);

    if (!to)
        return;
    for (size_t i = 0; i < len; i++) {
        *to++ = digits[p[i] >> 4];
        *to++ = digits[p[i] & 15];
    }
    *to = '\0';
    out->len = (size_t)(to - out->data);
}

void text_hex(const void *bytes, size_t len, struct buf *out)
{
    buf_add_text(out, TEXT_HEX_HEAD);
    text_hex_digits(bytes, len, out);
    buf_add_text(out, TEXT_HEX_TAIL);
}

uint64_t text_hex_length(size_t len)
{
    return (uint64_t)len * 2 + strlen(TEXT_HEX_HEAD) + strlen(TEXT_HEX_TAIL);
}
