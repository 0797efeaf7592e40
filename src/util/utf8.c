/*
 * The table of well-formed byte sequences: Unicode 15, table 3-7. Only the second byte's range
 * depends on the first.
 */
#include "dbsnapfs/util/utf8.h"

size_t utf8_length(const void *bytes, size_t len)
{
    const unsigned char *p = bytes;
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
