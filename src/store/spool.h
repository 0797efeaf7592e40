/*
 * A spool: pieces of an image in an unlinked file, first in, first out. One thread.
 */
#ifndef DBSNAPFS_STORE_SPOOL_H
#define DBSNAPFS_STORE_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct spool;

/* The file is made in `directory`. */
int spool_new(const char *directory, struct spool **ret_spool, struct err *err);
void spool_free(struct spool *spool); /* NULL is fine */

int spool_add(struct spool *spool, uint64_t number, const void *bytes, size_t len, struct err *err);
bool spool_left(const struct spool *spool);
/* The next piece; `capacity` is at least what was added. */
int spool_next(struct spool *spool, uint64_t *ret_number, void *bytes, size_t capacity,
               size_t *ret_len, struct err *err);

#endif
