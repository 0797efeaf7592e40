/*
 * Names made of data as file names and back: the contract's percent-encoding. `/`, `%`,
 * control characters (those of Unicode's first 256), a leading `.` and bytes that are not
 * UTF-8 become %XX; the empty name becomes `%~`. Encoded names have at most 255 bytes; a
 * longer one is cut and ends in `%~` and 16 hex digits of a hash of the whole.
 *
 * Several data in one name are joined by `,`, and a `,` in one of them is %2C. A `.` is
 * leading at the beginning of the whole name alone, and an empty part of several is empty. A
 * part may have a kind, a word of lower-case letters that stands in front, `%~blob~%FF`, or in its
 * place, `%~null`.
 */
#ifndef DBSNAPFS_UTIL_NAME_H
#define DBSNAPFS_UTIL_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

#define NAME_BYTES 255
#define NAME_PARTS 256 /* more than a name that was not cut has room for */

int name_encode(const void *bytes, size_t len, struct buf *out);

/* -EINVAL for what no encoding gives, so that a thing has one name only, and -ENAMETOOLONG for a cut
 * one: then encode the candidates and compare. */
int name_decode(const char *name, struct buf *out);

struct name_part {
    const char *kind;  /* NULL: none */
    const void *bytes; /* NULL: there is a kind and nothing else */
    size_t len;
};

/* In at most `most` bytes, 32 to NAME_BYTES. One part without a kind is name_encode()'s name. */
int name_encode_parts(const struct name_part *parts, size_t count, size_t most, struct buf *out);

/* The same a part at a time: begin, add `count` times, end. Nothing else is appended to `out`
 * meanwhile. */
struct name_writer {
    struct buf *out;
    size_t start, cut; /* in `out`: where the name begins, and where it may end if it is cut */
    size_t most, count, done;
    bool whole; /* until now */
    uint64_t hash;
};
void name_begin(struct name_writer *writer, size_t count, size_t most, struct buf *out);
void name_add(struct name_writer *writer, const struct name_part *part);
int name_end(struct name_writer *writer);

/* What a name of `count` parts was made of. */
struct name_decoded {
    size_t count;
    struct name_part parts[NAME_PARTS];
    char bytes[NAME_BYTES + 1]; /* theirs */
};
/* 0, or 1 for a name that was cut: then the parts are those that are left, the last of them in its
 * beginning only. -EINVAL for what no encoding gives; cut names are not checked. */
int name_decode_parts(const char *name, size_t count, struct name_decoded *ret_decoded);

#endif
