/*
 * UTF-8 as Unicode defines it: no overlong forms, no surrogates, nothing beyond U+10FFFF.
 */
#ifndef DBSNAPFS_UTIL_UTF8_H
#define DBSNAPFS_UTIL_UTF8_H

#include <stddef.h>

/* The length of the character at `bytes`, of which `len` (at least 1) are there; 0: it is none. */
size_t utf8_length(const void *bytes, size_t len);

#endif
