/*
 * SHA-256, the digest that sha256sum(1) prints. libcrypto does the work: it knows the
 * processor's instructions for it.
 */
#ifndef DBSNAPFS_UTIL_SHA256_H
#define DBSNAPFS_UTIL_SHA256_H

#include <stddef.h>

struct err;
struct sha256;

#define SHA256_HEX_BYTES 65 /* 64 digits and NUL */

int sha256_new(struct sha256 **ret_sha256, struct err *err);
void sha256_free(struct sha256 *sha256); /* NULL is fine */

int sha256_add(struct sha256 *sha256, const void *bytes, size_t len, struct err *err);

/* The digest of all that was added; the sum begins anew. */
int sha256_hex(struct sha256 *sha256, char ret_hex[SHA256_HEX_BYTES], struct err *err);

#endif
