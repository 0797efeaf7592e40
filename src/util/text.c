/*
 * Numbers for people: three figures are enough to see what something costs.
 */
#include "dbsnapfs/util/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

void text_bytes(uint64_t bytes, char ret_text[TEXT_BYTES])
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes / 1024;
    size_t unit = 0;

    if (bytes < 1024) {
        snprintf(ret_text, TEXT_BYTES, "%" PRIu64 " B", bytes);
        return;
    }
    while (value >= 1023.95 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        value /= 1024;
        unit++;
    }
    snprintf(ret_text, TEXT_BYTES, "%.1f %s", value, units[unit]);
}

void text_duration(int64_t ns, char ret_text[TEXT_BYTES])
{
    double seconds = (double)ns / 1e9;
    int64_t whole = (ns + 500000000) / 1000000000;

    if (seconds < 9.995)
        snprintf(ret_text, TEXT_BYTES, "%.2f s", seconds);
    else if (seconds < 59.95)
        snprintf(ret_text, TEXT_BYTES, "%.1f s", seconds);
    else if (whole < 3600)
        snprintf(ret_text, TEXT_BYTES, "%d min %02d s", (int)(whole / 60), (int)(whole % 60));
    else
        snprintf(ret_text, TEXT_BYTES, "%" PRId64 " h %02d min", whole / 3600,
                 (int)(whole % 3600 / 60));
}

/* Reads decimal digits; the rest of the text goes to `ret_rest`. */
static int text_digits(const char *text, uint64_t *ret_value, const char **ret_rest)
{
    uint64_t value = 0;

    if (*text < '0' || *text > '9')
        return -EINVAL;
    for (; *text >= '0' && *text <= '9'; text++) {
        if (__builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value))
            return -ERANGE;
    }
    *ret_value = value;
    *ret_rest = text;
    return 0;
}

int text_parse_u64(const char *text, uint64_t *ret_value)
{
    uint64_t value;
    const char *rest;
    int code = text_digits(text, &value, &rest);

    if (code)
        return code;
    if (*rest)
        return -EINVAL;
    *ret_value = value;
    return 0;
}

int text_parse_bytes(const char *text, uint64_t *ret_bytes)
{
    uint64_t value;
    const char *rest;
    int code = text_digits(text, &value, &rest);
    unsigned shift = 0;

    if (code)
        return code;
    switch (*rest) {
    case '\0':
        break;
    case 'k':
    case 'K':
        shift = 10;
        break;
    case 'm':
    case 'M':
        shift = 20;
        break;
    case 'g':
    case 'G':
        shift = 30;
        break;
    case 't':
    case 'T':
        shift = 40;
        break;
    default:
        return -EINVAL;
    }
    if (shift && rest[1])
        return -EINVAL;
    if (shift && value > UINT64_MAX >> shift)
        return -ERANGE;
    *ret_bytes = value << shift;
    return 0;
}
