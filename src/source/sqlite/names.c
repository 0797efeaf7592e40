/*
 * A sorted array. Equal names stand in the order of their places, so that whoever goes over them comes
 * upon them as in a walk over all.
 */
#include "source/sqlite/names.h"

#include <stdlib.h>
#include <strings.h>

static size_t count_of(const struct names *names)
{
    return names->list.len / sizeof(struct named);
}

static const struct named *all_of(const struct names *names)
{
    return (const struct named *)(const void *)names->list.data;
}

void names_add(struct names *names, const char *name)
{
    const struct named named = {name, count_of(names)};

    buf_add(&names->list, &named, sizeof(named));
}

static int compare(const void *a, const void *b, void *arg)
{
    const struct named *one = a, *other = b;
    struct names *names = arg;
    int order = strcasecmp(one->name, other->name);

    names->compared++;
    if (order != 0)
        return order;
    return one->place < other->place ? -1 : one->place > other->place;
}

int names_sort(struct names *names)
{
    int r = buf_error(&names->list);

    if (r == 0 && count_of(names) > 1)
        qsort_r(names->list.data, count_of(names), sizeof(struct named), compare, names);
    return r;
}

size_t names_find(struct names *names, const char *name, const struct named **ret_first)
{
    const struct named *all = all_of(names);
    size_t count = count_of(names), first = 0, end = count;

    while (first < end) {
        size_t middle = first + (end - first) / 2;

        names->compared++;
        if (strcasecmp(all[middle].name, name) < 0)
            first = middle + 1;
        else
            end = middle;
    }
    while (end < count && (names->compared++, strcasecmp(all[end].name, name) == 0))
        end++;
    if (end > first)
        *ret_first = &all[first];
    return end - first;
}

void names_free(struct names *names)
{
    buf_free(&names->list);
}
