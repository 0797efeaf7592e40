/* FNV-1a as its authors give it: xor a byte in, multiply by the prime. */
#include "dbsnapfs/util/hash.h"

uint64_t hash_bytes(uint64_t start, const void *bytes, size_t len)
{
    const unsigned char *p = bytes;
    uint64_t hash = start;
    for (size_t i = 0; i < len; i++) {
        hash ^= p[i];
        hash *= UINT64_C(0x100000001b3);
    }
    return hash;
}
