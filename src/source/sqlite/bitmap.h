/*
 * A set of numbers below a limit, a bit each: pages, blocks.
 */
#ifndef DBSNAPFS_SOURCE_SQLITE_BITMAP_H
#define DBSNAPFS_SOURCE_SQLITE_BITMAP_H

#include <stdbool.h>
#include <stdint.h>

struct bitmap {
    uint64_t limit; /* members are below */
    uint64_t count; /* of members */
    uint64_t *words;
};

int bitmap_init(struct bitmap *map, uint64_t limit); /* empty; -ENOMEM */
void bitmap_release(struct bitmap *map);

/* What is not below the limit is never a member. */
bool bitmap_has(const struct bitmap *map, uint64_t number);
void bitmap_add(struct bitmap *map, uint64_t number);
void bitmap_remove(struct bitmap *map, uint64_t number);

/* The first member that is not below `from`; the limit if there is none. */
uint64_t bitmap_next(const struct bitmap *map, uint64_t from);

#endif
