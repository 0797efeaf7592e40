/*
 * The makers of what shows tables, for live/ and for backups alike. Each takes references of its
 * own.
 */
#ifndef DBSNAPFS_SRC_VIEW_TABLES_H
#define DBSNAPFS_SRC_VIEW_TABLES_H

#include <stdbool.h>

struct entry;
struct err;
struct node;
struct relation;
struct schema;
struct scope;

/* The table, or view, that has this name below tables/, or views/; NULL. */
const struct relation *tables_relation(const struct schema *schema, const char *name, bool views);
/* Does it stand in listings? What SQLite keeps for itself does not. */
bool tables_lists(const struct relation *relation);

int tables_make(struct scope *scope, struct node **ret_node, struct err *err);
int views_make(struct scope *scope, struct node **ret_node, struct err *err);
int dump_make(struct scope *scope, struct node **ret_node, struct err *err); /* database.sql */

/* tables/TABLE/rows/ and by/; `table` is the database's name for it and is copied. -ENOENT where
 * nothing names the table's rows, or no column is indexed. */
int rows_make(struct scope *scope, const char *table, struct node **ret_node, struct err *err);
int by_make(struct scope *scope, const char *table, struct node **ret_node, struct err *err);

#endif
