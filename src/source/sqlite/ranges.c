/*
 * A range that begins before the end of others swallows these.
 */
#include "source/sqlite/ranges.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void join_neighbours(struct ranges *ranges)
{
    size_t kept = 0;

    for (size_t i = 0; i < ranges->count; i += 2) {
        size_t last = i + 1 < ranges->count ? i + 1 : i;

        ranges->items[kept++] =
            (struct rowid_range){ranges->items[i].first, ranges->items[last].last};
    }
    ranges->count = kept;
}

static int make_room(struct ranges *ranges)
{
    size_t capacity = ranges->capacity ? ranges->capacity * 2 : 64;
    struct rowid_range *items;

    if (ranges->count < ranges->capacity)
        return 0;
    if (ranges->count >= RANGES_MOST) {
        join_neighbours(ranges);
        return 0;
    }
    items = realloc(ranges->items, capacity * sizeof(*items));
    if (!items)
        return -ENOMEM;
    ranges->items = items;
    ranges->capacity = capacity;
    return 0;
}

int ranges_add(struct ranges *ranges, int64_t first, int64_t last, bool join)
{
    int r = make_room(ranges);

    if (r < 0)
        return r;
    while (ranges->count > 0) {
        const struct rowid_range *end = &ranges->items[ranges->count - 1];

        if (!join && first > INT64_MIN && end->last < first - 1)
            break;
        join = false;
        first = end->first < first ? end->first : first;
        last = end->last > last ? end->last : last;
        ranges->count--;
    }
    ranges->items[ranges->count++] = (struct rowid_range){first, last};
    return 0;
}

int ranges_copy(const struct ranges *ranges, struct rowid_range **ret_items)
{
    struct rowid_range *items = NULL;

    if (ranges->count > 0) {
        items = malloc(ranges->count * sizeof(*items));
        if (!items)
            return -ENOMEM;
        memcpy(items, ranges->items, ranges->count * sizeof(*items));
    }
    *ret_items = items;
    return 0;
}

void ranges_release(struct ranges *ranges)
{
    free(ranges->items);
    *ranges = (struct ranges){NULL, 0, 0};
}
