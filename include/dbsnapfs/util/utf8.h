/*
 * What is UTF-8 (Unicode 15, table 3-7): no overlong forms, no surrogates, nothing beyond U+10FFFF.
 */
#ifndef DBSNAPFS_UTIL_UTF8_H
#define DBSNAPFS_UTIL_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* The length of the character at `p`, of at least one byte, or 0 if there is none. */
size_t utf8_length(const unsigned char *p, size_t len);

bool utf8_valid(const void *bytes, size_t len);

#endif
