/*
 * FNV-1a, 64 bits: small keys to numbers that stay the same for ever.
 *
 * http://www.isthe.com/chongo/tech/comp/fnv/ . Not for data that somebody may choose in
 * order to collide, and not for long data: store has XXH3 for that.
 */
#ifndef DBSNAPFS_UTIL_HASH_H
#define DBSNAPFS_UTIL_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_START UINT64_C(0xcbf29ce484222325)

/* Goes on from `start`, which is HASH_START or the hash of what went before. */
uint64_t hash_bytes(uint64_t start, const void *bytes, size_t len);

#endif
