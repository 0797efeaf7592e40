/*
 * The makers of what is in rows/KEY/. Each takes a reference of its own.
 */
#ifndef DBSNAPFS_SRC_VIEW_ROW_H
#define DBSNAPFS_SRC_VIEW_ROW_H

struct err;
struct node;
struct row;
struct value;

/* rows/KEY/; the row must be there. */
int row_make(struct row *row, struct node **ret_node, struct err *err);
/* row.json, or a column's file, by its name; `head`: what the column has, which is not NULL. */
int row_json_make(struct row *row, struct node **ret_node, struct err *err);
int row_column_make(struct row *row, const char *name, const struct value *head,
                    struct node **ret_node, struct err *err);
/* referenced-by/ */
int referenced_make(struct row *row, struct node **ret_node, struct err *err);

#endif
