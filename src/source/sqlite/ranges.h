/*
 * Ranges of rowids, gathered in about their order. However many come, few are kept: when there are
 * too many, each is joined with its neighbour.
 */
#ifndef DBSNAPFS_SOURCE_SQLITE_RANGES_H
#define DBSNAPFS_SOURCE_SQLITE_RANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dbsnapfs/source/pages.h"

#define RANGES_MOST 16384u

struct ranges {
    struct rowid_range *items; /* ascending, disjoint */
    size_t count, capacity;
};

/* With `join`, what lies between the range and the last one is taken in too. -ENOMEM. */
int ranges_add(struct ranges *ranges, int64_t first, int64_t last, bool join);
/* A copy: a heap array, NULL for none. -ENOMEM. */
int ranges_copy(const struct ranges *ranges, struct rowid_range **ret_items);
void ranges_release(struct ranges *ranges);

#endif
