/*
 * tables/TABLE/ and views/VIEW/.
 */
#ifndef DBSNAPFS_SRC_VIEW_TABLE_H
#define DBSNAPFS_SRC_VIEW_TABLE_H

struct database;
struct err;
struct node;
struct relation;
struct scope;

/* Takes what it needs of `relation`, and a reference to `scope`. */
int table_make(struct scope *scope, const struct relation *relation, struct node **ret_node,
               struct err *err);

/* The table of exactly this name. -ENOENT when it was dropped meanwhile. */
int table_find(struct database *database, const char *name, const struct relation **ret_relation,
               struct err *err);

#endif
