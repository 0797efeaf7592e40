/*
 * What the kernel knows of the tree: a table of inodes, keyed by directory and name.
 *
 * The kernel speaks of files by a number that a look-up gave it, and says when it forgets
 * it. Here that number is the inode's address; the root's is FUSE_ROOT_ID. The number that
 * stat(2) shows is another: a hash of the path, so it stays the same from mount to mount.
 */
#ifndef DBSNAPFS_SRC_FUSE_INODE_H
#define DBSNAPFS_SRC_FUSE_INODE_H

#include <stddef.h>
#include <stdint.h>

#include "dbsnapfs/tree.h"

struct err;

struct inode {
    /* fixed while the kernel knows the inode */
    struct node *node;
    struct inode *parent; /* NULL: the root */
    uint64_t number;      /* st_ino */
    enum node_kind kind;
    char *name;
    /* protected by the table's lock */
    uint64_t lookups;  /* that the kernel has not forgotten */
    uint64_t children; /* inodes in memory whose parent this is */
    bool listed;       /* found by its name; false once another took its place */
    struct inode *next;
};

struct inode_table;

int inode_table_new(struct node *root, struct inode_table **ret_table, struct err *err);
void inode_table_free(struct inode_table *table); /* and all that is in it; NULL is fine */

/* The inode of a number that the kernel names. */
struct inode *inode_get(struct inode_table *table, uint64_t id);
uint64_t inode_id(const struct inode_table *table, const struct inode *inode);

/* "/backups/NAME/database.sqlite", cut from the left if it is longer; "" for the root. */
const char *inode_path(const struct inode *inode, char *buffer, size_t size);

/* st_ino of what `name` is in a directory with `parent_number`. */
uint64_t inode_number(uint64_t parent_number, const char *name);

/* Finds or makes the inode of `name` and counts one more look-up. The reference to `node`
 * is the table's afterwards; an inode that is there already keeps the node it has. */
int inode_remember(struct inode_table *table, struct inode *parent, const char *name,
                   enum node_kind kind, struct node *node, struct inode **ret_inode,
                   struct err *err);

/* The same, but always makes an inode, which no other look-up finds. */
int inode_add(struct inode_table *table, struct inode *parent, const char *name,
              enum node_kind kind, struct node *node, struct inode **ret_inode, struct err *err);

/* The kernel forgets `count` look-ups; with the last one the inode goes. */
void inode_forget(struct inode_table *table, struct inode *inode, uint64_t count);

/* How many there are, the root included. */
size_t inode_count(struct inode_table *table);

#endif
