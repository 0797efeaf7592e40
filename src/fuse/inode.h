/*
 * What the kernel knows of the tree: a table of inodes, keyed by directory and name.
 *
 * The kernel speaks of files by a number that a look-up gave it, and says when it forgets
 * it. Here that number is the inode's address; the root's is FUSE_ROOT_ID. The number that
 * stat(2) shows is another: a hash of the path, so it stays the same from mount to mount.
 *
 * The kernel forgets only when it wants memory for itself. So the table also keeps those inodes
 * in an order that it could do without, and says when they are too many: see pruner.c.
 */
#ifndef DBSNAPFS_SRC_FUSE_INODE_H
#define DBSNAPFS_SRC_FUSE_INODE_H

#include <stddef.h>
#include <stdint.h>

#include "dbsnapfs/tree.h"

struct err;

struct open_file;

struct inode {
    /* fixed while the kernel knows the inode */
    struct node *node;
    struct inode *parent; /* NULL: the root */
    uint64_t number;      /* st_ino */
    enum node_kind kind;
    char *name;
    /* protected by the table's lock */
    uint64_t lookups; /* that the kernel has not forgotten */
    uint64_t pins;   /* inodes in memory whose parent this is, and whoever has it open or in hand */
    bool listed;     /* found by its name; false once another took its place */
    uint64_t states; /* how often it is open with a state of its own: then no look-up finds it */
    struct inode *next;
    struct inode *older, *younger; /* in the order of last use; NULL: it is pinned */
    /* protected by the lock of the open files */
    struct open_file *open; /* the last opened of those with a state of their own; NULL: none is */
};

struct inode_table;

/* `bound`: how many inodes are not too many. */
int inode_table_new(struct node *root, size_t bound, struct inode_table **ret_table,
                    struct err *err);
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

/* Around the time that it is open: it is in use then, and was last used when it is closed. */
void inode_pin(struct inode_table *table, struct inode *inode);
void inode_unpin(struct inode_table *table, struct inode *inode);

/*
 * Around the time that it is open and the open file shows a state of its own, which what has the name
 * may have no more. fstat(2) comes without the open file that it asks about, with nothing but the inode.
 * So the inode stands for the open file then, and the next look-up of the name gets another.
 */
void inode_state_begin(struct inode_table *table, struct inode *inode);
void inode_state_end(struct inode_table *table, struct inode *inode);

/* Does its name still stand for it? */
bool inode_is_listed(struct inode_table *table, struct inode *inode);

/* How many inodes are too many, so that the kernel should be asked to forget them; 0 as well when
 * there were few new ones since it was last said, for what is in use it does not forget. */
size_t inode_surplus(struct inode_table *table);
/* Waits for there to be some; 0: inode_surplus_end() was called. */
size_t inode_surplus_wait(struct inode_table *table);
void inode_surplus_end(struct inode_table *table);

/* Takes up to `room` of those that nothing pins and that were last used the longest ago. They stay
 * in memory, whatever the kernel forgets, until they are put back, as the last used. */
size_t inode_take_oldest(struct inode_table *table, struct inode **ret_inodes, size_t room);
void inode_put_back(struct inode_table *table, struct inode *const *inodes, size_t count);

/* How many there are, the root included. */
size_t inode_count(struct inode_table *table);

#endif
