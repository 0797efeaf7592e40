/*
 * Listings of rows, and of values, in pieces.
 */
#ifndef DBSNAPFS_SRC_VIEW_ROW_LIST_H
#define DBSNAPFS_SRC_VIEW_ROW_LIST_H

#include "dbsnapfs/source/database.h"
#include "dbsnapfs/tree.h"

/* Which rows, and how their names are listed. */
struct row_list {
    struct database *database;
    struct selection selection; /* without `after`, `last` and `at` */
    enum node_kind kind;
    /* 1: the row where the cursor is belongs to it, 0: it does not; NULL: all do. */
    int (*fits)(void *arg, struct cursor *cursor, struct err *err);
    void *arg;
};
/* As a node's list. */
int row_list(const struct row_list *list, struct node_place *place, uint64_t cookie, node_emit emit,
             void *arg, struct err *err);
/* Whether there is any. */
int row_list_any(const struct row_list *list, bool *ret_any, struct err *err);

/* The values of an indexed column, as directories. */
int value_list(struct database *database, const struct relation *relation, size_t column,
               struct node_place *place, uint64_t cookie, node_emit emit, void *arg,
               struct err *err);

/* The name of those rows' directory that have this value: as the first of them has it, since others
 * may have what is equal to SQLite: 1 and 1.0, or "a" and "A". -ENOENT if there is no such row. */
int value_name(struct database *database, const struct relation *relation, size_t column,
               const struct value *value, struct buf *out, struct err *err);

#endif
