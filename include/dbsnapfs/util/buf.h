/*
 * A growable byte buffer, for text and for bytes.
 *
 * Appending never fails visibly: when memory runs out the buffer is marked
 * `failed`, keeps what it has and ignores what follows, so that a long rendering
 * checks once, at its end, with buf_error(). `data` is always NUL-terminated
 * behind `len` once anything was appended. Not for use by two threads at once.
 */
#ifndef DBSNAPFS_UTIL_BUF_H
#define DBSNAPFS_UTIL_BUF_H

#include <stdbool.h>
#include <stddef.h>

struct buf {
    char *data;
    size_t len;
    size_t capacity;
    bool failed;
};

#define BUF_INIT          \
    {                     \
        NULL, 0, 0, false \
    }

void buf_add(struct buf *b, const void *bytes, size_t len);
void buf_add_text(struct buf *b, const char *text);
void buf_add_char(struct buf *b, char c);
void buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Makes room for `len` more bytes and returns where they go, or NULL; the caller
 * fills them and adds to `len`. */
void *buf_reserve(struct buf *b, size_t len);

/* 0, or -ENOMEM if any append failed. */
int buf_error(const struct buf *b);

/* The text, never NULL. */
const char *buf_text(const struct buf *b);

void buf_clear(struct buf *b); /* keeps the memory */
void buf_free(struct buf *b);  /* gives it back; the buffer can be used again */

#endif
