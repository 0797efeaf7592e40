/*
 * Names made of data as file names and back: the contract's percent-encoding. `/`, `%`,
 * control characters (those of Unicode's first 256), a leading `.` and bytes that are not
 * UTF-8 become %XX; the empty name becomes `%~`. Encoded names have at most 255 bytes; a
 * longer one is cut and ends in `%~` and 16 hex digits of a hash of the whole.
 */
#ifndef DBSNAPFS_UTIL_NAME_H
#define DBSNAPFS_UTIL_NAME_H

#include <stddef.h>

struct buf;

int name_encode(const void *bytes, size_t len, struct buf *out);

/* -EINVAL for what no encoding gives, so that a thing has one name only, and -ENAMETOOLONG for a cut
 * one: then encode the candidates and compare. */
int name_decode(const char *name, struct buf *out);

#endif
