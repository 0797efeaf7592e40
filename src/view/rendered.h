/*
 * Files whose text may be too long to be made at once: the rows of a table, and a whole database.
 */
#ifndef DBSNAPFS_SRC_VIEW_RENDERED_H
#define DBSNAPFS_SRC_VIEW_RENDERED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dbsnapfs/table/rendering.h"

struct database;
struct err;
struct node;
struct node_file;
struct node_request;
struct scope;

/* Which text. */
struct rendered {
    struct scope *scope; /* held */
    char *table;         /* the database's name for it; NULL: the database as SQL */
    bool is_view;
    enum text_form form;
};

/* A copy, with a reference of its own to the scope. */
int rendered_copy(const struct rendered *rendered, struct rendered *ret_copy, struct err *err);
void rendered_release(struct rendered *rendered);

int rendered_new(const struct rendered *rendered, struct rendering **ret_rendering,
                 struct err *err);
/* Where it is, in a message: "live/tables/a%2Fb/rows.csv". -ENOMEM without a message. */
int rendered_path(const struct rendered *rendered, struct buf *out);
/* The length of this text, of sizes that were measured. */
uint64_t rendered_of_sizes(const struct rendered *rendered, const struct row_sizes *sizes);

/* The nodes. `table` is copied. */
int rendered_rows_make(struct scope *scope, const char *table, bool is_view, enum text_form form,
                       struct node **ret_node, struct err *err);

/* Opens a text of a backup; `cached`: the kernel may keep it. */
int past_open(const struct rendered *rendered, bool cached, struct node_file **ret_file,
              struct err *err);
/* Opens a text of the live database. */
int live_open(const struct rendered *rendered, const struct node_request *request,
              struct node_file **ret_file, struct err *err);

/* For one read, of a MiB at most, or one measurement: what a schema can make endless is ended. */
#define RENDERED_NS (60 * INT64_C(1000000000))

#endif
