/*
 * Text is mostly ASCII: eight bytes are looked at in one, until one is not.
 */
#include "dbsnapfs/util/utf8.h"

#include <stdint.h>
#include <string.h>

#define HIGH_BITS UINT64_C(0x8080808080808080)

size_t utf8_length(const unsigned char *p, size_t len)
{
    unsigned char low = 0x80, high = 0xbf;
    size_t need = 0;
    if (p[0] < 0x80)
        return 1;
    if (p[0] >= 0xc2 && p[0] <= 0xdf)
        need = 2;
    else if (p[0] >= 0xe0 && p[0] <= 0xef)
        need = 3;
    else if (p[0] >= 0xf0 && p[0] <= 0xf4)
        need = 4;
    else
        return 0;
    if (len < need)
        return 0;
    if (p[0] == 0xe0)
        low = 0xa0; /* shorter forms exist below */
    else if (p[0] == 0xed)
        high = 0x9f; /* surrogates above */
    else if (p[0] == 0xf0)
        low = 0x90;
    else if (p[0] == 0xf4)
        high = 0x8f; /* beyond U+10FFFF */
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < need; i++)
        if (p[i] < 0x80 || p[i] > 0xbf)
            return 0;
    return need;
}

bool utf8_valid(const void *bytes, size_t len)
{
    const unsigned char *p = bytes;
    size_t at = 0;

    while (at < len) {
        uint64_t eight = 0;
        size_t count;

        if (len - at >= sizeof(eight)) {
            memcpy(&eight, p + at, sizeof(eight));
            if (!(eight & HIGH_BITS)) {
                at += sizeof(eight);
                continue;
            }
        }
        count = utf8_length(p + at, len - at);
        if (count == 0)
            return false;
        at += count;
    }
    return true;
}
