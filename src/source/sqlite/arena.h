/*
 * Memory that is given back at once.
 */
#ifndef DBSNAPFS_SOURCE_SQLITE_ARENA_H
#define DBSNAPFS_SOURCE_SQLITE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

struct arena {
    struct arena_block *blocks;
    char *next;
    size_t left;
    bool failed; /* memory ran out once: what was made is not whole */
};

/* Zeros, aligned for anything; NULL when memory runs out. */
void *arena_alloc(struct arena *arena, size_t bytes);
/* NULL stays NULL. */
const char *arena_text(struct arena *arena, const char *text);
/* What was gathered in a buffer, which is cleared; NULL if it was nothing. */
void *arena_take(struct arena *arena, struct buf *gathered);
void arena_free(struct arena *arena);

#endif
