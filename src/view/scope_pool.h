/*
 * Databases that are open for the tree.
 *
 * Any thread may call; a pool is empty and joined after scope_pool_close(), and what is given back
 * later is closed at once.
 */
#ifndef DBSNAPFS_SRC_VIEW_SCOPE_POOL_H
#define DBSNAPFS_SRC_VIEW_SCOPE_POOL_H

#include <stdint.h>

struct database;
struct entry;
struct err;
struct scope_pool;

/* How many are kept when nobody uses them, and how long after their last use. */
struct scope_pool_limits {
    unsigned live_count, backup_count;
    int64_t live_ns, backup_ns;
};

/* `limits` NULL: the usual ones. */
int scope_pool_new(const struct scope_pool_limits *limits, struct scope_pool **ret_pool,
                   struct err *err);
void scope_pool_close(struct scope_pool *pool);
void scope_pool_free(struct scope_pool *pool); /* NULL is fine */

unsigned scope_pool_idle(struct scope_pool *pool); /* how many nobody uses */

struct opened {
    struct database *database;
    struct entry *entry; /* held, with its snapshot; NULL: the live database */
    int64_t until_ns;    /* monotonic; the pool's own, as is: */
    struct opened *next;
};
/* Closes what is in no pool; NULL is fine. */
void opened_close(struct opened *opened);

/* An idle one of this backup (0: the live database), the caller's from now on; NULL: none. */
struct opened *scope_pool_take(struct scope_pool *pool, uint64_t id);
/* The pool remembers what `opened` is while somebody uses its database … */
void scope_pool_lend(struct scope_pool *pool, struct opened *opened);
/* … and gets it back here, ended. */
void scope_pool_give(struct scope_pool *pool, struct database *database);

#endif
