/*
 * Blocks in a list, each filled from its beginning to its end.
 */
#include "source/sqlite/arena.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/util/buf.h"

#define ARENA_BLOCK_BYTES 16000

struct arena_block {
    struct arena_block *next;
    alignas(max_align_t) char bytes[];
};

static bool add_block(struct arena *arena, size_t bytes)
{
    struct arena_block *block = calloc(1, sizeof(*block) + bytes);

    if (!block)
        return false;
    block->next = arena->blocks;
    arena->blocks = block;
    arena->next = block->bytes;
    arena->left = bytes;
    return true;
}

void *arena_alloc(struct arena *arena, size_t bytes)
{
    size_t rounded = (bytes + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    void *result;

    if (rounded > arena->left &&
        !add_block(arena, rounded > ARENA_BLOCK_BYTES ? rounded : ARENA_BLOCK_BYTES)) {
        arena->failed = true;
        return NULL;
    }
    result = arena->next;
    arena->next += rounded;
    arena->left -= rounded;
    return result;
}

const char *arena_text(struct arena *arena, const char *text)
{
    size_t size = text ? strlen(text) + 1 : 0;
    char *copy = text ? arena_alloc(arena, size) : NULL;

    if (copy)
        memcpy(copy, text, size);
    return copy;
}

void *arena_take(struct arena *arena, struct buf *gathered)
{
    void *taken = NULL;

    if (buf_error(gathered) < 0)
        arena->failed = true;
    else if (gathered->len > 0)
        taken = arena_alloc(arena, gathered->len);
    if (taken)
        memcpy(taken, gathered->data, gathered->len);
    buf_clear(gathered);
    return taken;
}

void arena_free(struct arena *arena)
{
    while (arena->blocks) {
        struct arena_block *next = arena->blocks->next;

        free(arena->blocks);
        arena->blocks = next;
    }
    *arena = (struct arena){NULL, NULL, 0, false};
}
