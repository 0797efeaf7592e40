/*
 * A table, and a row of it, while somebody looks at it: known by their names, and looked for in the
 * database at each use, because a live table may be another by now.
 */
#ifndef DBSNAPFS_SRC_VIEW_LOOK_H
#define DBSNAPFS_SRC_VIEW_LOOK_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "dbsnapfs/source/database.h"

struct buf;
struct err;
struct node;
struct node_attr;
struct relation;
struct scope;

struct look {
    struct scope *scope;
    struct database *database; /* begun */
    const struct relation *relation;
    struct cursor *cursor; /* at the row; NULL: no row is looked at */
};

/* -ENOENT when there is no such table, now; `table` is the database's name. `scope` is only used. */
int look_begin(struct scope *scope, const char *table, struct look *ret_look, struct err *err);
void look_end(struct look *look);

/* Goes to the row; `what` as in struct selection. */
int look_row(struct look *look, const char *key, enum selected what, struct err *err);
/* The same, and only these columns of it are read, which may be none. */
int look_columns(struct look *look, const char *key, enum selected what, const size_t *columns,
                 size_t count, struct err *err);
/* The row's values in these columns, which last as long as the cursor stays. */
int look_values(struct look *look, const char *key, const size_t *columns, size_t count,
                struct value *ret_values, struct err *err);

/* A row's directory and all in it, by name. */
struct row {
    atomic_uint references;
    struct scope *scope;
    char *table; /* the database's name */
    char *key;   /* the row's, as it is called below rows/ */
};
int row_new(struct scope *scope, const char *table, const char *key, struct row **ret_row,
            struct err *err);
struct row *row_ref(struct row *row);
void row_unref(struct row *row);
void row_release(void *row); /* row_unref() as a node's free_context */

/* Of a directory. Those of live/ may show a time that is a second old. */
int look_attr(struct scope *scope, struct node_attr *ret_attr, struct err *err);
/* A link that leads to `target` as long as it can be found at all. */
int look_link(struct scope *scope, const char *target, struct node **ret_node, struct err *err);

#endif
