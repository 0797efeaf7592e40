/*
 * Words of 64 bits; looking for the next member skips empty ones.
 */
#include "source/sqlite/bitmap.h"

#include <errno.h>
#include <stdlib.h>

int bitmap_init(struct bitmap *map, uint64_t limit)
{
    map->words = calloc((size_t)(limit / 64 + 1), sizeof(*map->words));
    map->count = 0;
    map->limit = map->words ? limit : 0;
    return map->words ? 0 : -ENOMEM;
}

void bitmap_release(struct bitmap *map)
{
    free(map->words);
    *map = (struct bitmap){0, 0, NULL};
}

bool bitmap_has(const struct bitmap *map, uint64_t number)
{
    return number < map->limit && map->words[number / 64] >> number % 64 & 1;
}

void bitmap_add(struct bitmap *map, uint64_t number)
{
    if (number >= map->limit || bitmap_has(map, number))
        return;
    map->words[number / 64] |= UINT64_C(1) << number % 64;
    map->count++;
}

void bitmap_remove(struct bitmap *map, uint64_t number)
{
    if (!bitmap_has(map, number))
        return;
    map->words[number / 64] &= ~(UINT64_C(1) << number % 64);
    map->count--;
}

uint64_t bitmap_next(const struct bitmap *map, uint64_t from)
{
    uint64_t rest;

    while (from < map->limit) {
        rest = map->words[from / 64] >> from % 64;
        if (rest)
            return from + (uint64_t)__builtin_ctzll(rest);
        from = (from / 64 + 1) * 64;
    }
    return map->limit;
}
