/*
 * A table's changes as SQL that makes them.
 */
#ifndef DBSNAPFS_TABLE_PATCH_H
#define DBSNAPFS_TABLE_PATCH_H

#include <stdint.h>

#include "table/merge.h"

struct err;
struct pair;
struct patch;
struct pieces;

/* `pair` and `pieces` last longer. */
int patch_new(const struct pair *pair, struct pieces *pieces, struct patch **ret_patch,
              struct err *err);
void patch_free(struct patch *patch); /* NULL is fine */

/* What comes before the rows; each row that merge_run() tells; what comes behind them. */
int patch_begin(struct patch *patch, struct err *err);
int patch_row(struct patch *patch, enum merge_op op, struct cursor *before, struct cursor *after,
              struct err *err);
/* Adds to `rows_read` where all rows are needed. */
int patch_end(struct patch *patch, uint64_t *rows_read, struct err *err);

#endif
