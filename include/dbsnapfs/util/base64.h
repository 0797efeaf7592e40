/*
 * Base64 (RFC 4648, with padding), for bytes within text. libcrypto does the work.
 */
#ifndef DBSNAPFS_UTIL_BASE64_H
#define DBSNAPFS_UTIL_BASE64_H

#include <stddef.h>
#include <stdint.h>

struct buf;

void base64_add(const void *bytes, size_t len, struct buf *out);

/* How long the text of `len` bytes is. */
uint64_t base64_length(size_t len);

#endif
