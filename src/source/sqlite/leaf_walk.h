/*
 * The leaves of a b-tree in key order, told from its interior pages: leaves are not read.
 *
 * All leaves of a b-tree are equally deep, so the way down to the first one says how deep, and costs
 * the only leaf that is read. Two walks may go side by side, each as the other's peer: an interior
 * page that both trees share is then read once.
 *
 * Everything here returns -EUCLEAN, without a message, for a tree that makes no sense: keys out of
 * order, pages of another type, cycles.
 */
#ifndef DBSNAPFS_SOURCE_SQLITE_LEAF_WALK_H
#define DBSNAPFS_SOURCE_SQLITE_LEAF_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "source/sqlite/btree.h"

struct bitmap;
struct err;
struct page_reader;

#define LEAF_WALK_DEPTH 20u /* SQLite goes no deeper */

/* Rows on this leaf have rowids in [first, last]; of an index both say nothing. */
struct leaf {
    uint32_t page;
    int64_t first, last;
};

struct leaf_walk {
    struct page_reader *reader;
    const struct bitmap *changed; /* blocks that are not the peer's too */
    const struct leaf_walk *peer; /* NULL: none */
    bool index;                   /* the root is a page of an index */
    unsigned depth;               /* of the leaves; 0: the root is one */
    unsigned level;               /* of the interior page whose children come next */
    uint32_t interior_pages;      /* that were gone through */
    struct leaf leaf;             /* where the walk is, while `there` */
    bool there;
    struct leaf_walk_level {
        uint32_t number; /* 0: none */
        uint8_t *bytes;
        struct btree_page page;
        uint32_t next; /* child to be gone to */
        int64_t first, last;
    } levels[LEAF_WALK_DEPTH + 1];
};

/* Goes to the first leaf. leaf_walk_end() afterwards, whatever this returns. */
int leaf_walk_begin(struct leaf_walk *walk, struct page_reader *reader,
                    const struct bitmap *changed, const struct leaf_walk *peer, uint32_t root,
                    struct err *err);
/* To the next one; behind the last `there` is false. */
int leaf_walk_next(struct leaf_walk *walk, struct err *err);
void leaf_walk_end(struct leaf_walk *walk);

/* Is any interior page on the way to this leaf in a block that changed? */
bool leaf_walk_way_changed(const struct leaf_walk *walk);

#endif
