/*
 * The rows in which two states of a table differ.
 */
#ifndef DBSNAPFS_TABLE_MERGE_H
#define DBSNAPFS_TABLE_MERGE_H

#include <stdint.h>

struct cursor;
struct err;
struct pair;
struct rowid_range;

enum merge_op {
    MERGE_INSERT, /* `before` is NULL */
    MERGE_UPDATE,
    MERGE_DELETE, /* `after` is NULL */
    MERGE_MOVE,   /* the same row at another rowid, though something else names it */
};

/* Both cursors are SELECT_ROWS at their row. Non-zero ends it and is returned. */
typedef int merge_each(void *arg, enum merge_op op, struct cursor *before, struct cursor *after,
                       struct err *err);

/* All of the table, or (where rows come by rowid) those in `range`, if it is not NULL. Adds to
 * `rows_read`. */
int merge_run(struct pair *pair, const struct rowid_range *range, merge_each *each, void *arg,
              uint64_t *rows_read, struct err *err);

#endif
