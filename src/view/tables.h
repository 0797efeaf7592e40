/*
 * The makers of what shows tables, for live/ and for backups alike. Each takes references of its
 * own.
 */
#ifndef DBSNAPFS_SRC_VIEW_TABLES_H
#define DBSNAPFS_SRC_VIEW_TABLES_H

struct entry;
struct err;
struct node;
struct scope;
struct view;

int tables_make(struct scope *scope, struct node **ret_node, struct err *err);
int views_make(struct scope *scope, struct node **ret_node, struct err *err);
int dump_make(struct scope *scope, struct node **ret_node, struct err *err); /* database.sql */

/* tables/TABLE/rows/ and by/; `table` is the database's name for it and is copied. -ENOENT where
 * nothing names the table's rows, or no column is indexed. */
int rows_make(struct scope *scope, const char *table, struct node **ret_node, struct err *err);
int by_make(struct scope *scope, const char *table, struct node **ret_node, struct err *err);

int changes_make(struct entry *entry, struct node **ret_node, struct err *err);
int history_make(struct view *view, struct node **ret_node, struct err *err);

#endif
