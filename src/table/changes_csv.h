/*
 * What changed in a table, as CSV.
 */
#ifndef DBSNAPFS_TABLE_CHANGES_CSV_H
#define DBSNAPFS_TABLE_CHANGES_CSV_H

#include "table/merge.h"

struct buf;
struct pair;

void changes_csv_head(const struct pair *pair, struct buf *out);
/* A row that was inserted, updated or deleted, with the cursors that merge_each gets. */
void changes_csv_row(const struct pair *pair, enum merge_op op, struct cursor *before,
                     struct cursor *after, struct buf *out);

#endif
