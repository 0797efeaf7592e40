/*
 * Facts about backups as they stand in the catalog.
 *
 * A fact is of the library that it was found out with: what text a REAL has is found by asking SQLite, and
 * not every version reads numbers alike. What another one has noted is as good as not known.
 */
#ifndef SERVICE_NOTED_H
#define SERVICE_NOTED_H

#include <stdint.h>

struct buf;
struct err;
struct repo;

/* Appends what is noted: -ENOENT, without a message, if nothing is. */
int noted_find(struct repo *repo, uint64_t backup_id, const char *kind, struct buf *out,
               struct err *err);
int noted_put(struct repo *repo, uint64_t backup_id, const char *kind, const struct buf *fact,
              struct err *err);

#endif
