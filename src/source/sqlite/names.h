/*
 * Many things by their names, as SQL compares names.
 *
 * Names are added in an order, which gives each its place; then they are sorted once, and found as often
 * as there is need to. They are the caller's, for as long. Belongs to one thread at a time.
 */
#ifndef DBSNAPFS_SOURCE_SQLITE_NAMES_H
#define DBSNAPFS_SOURCE_SQLITE_NAMES_H

#include <stddef.h>
#include <stdint.h>

#include "dbsnapfs/util/buf.h"

struct named {
    const char *name;
    size_t place; /* how many were added before */
};

struct names {
    struct buf list;   /* struct named each */
    uint64_t compared; /* how often two names were compared, for tests */
};

#define NAMES_INIT       \
    {                    \
        .list = BUF_INIT \
    }

void names_add(struct names *names, const char *name);
/* -ENOMEM if memory ran out for any. */
int names_sort(struct names *names);
/* Those that are equal, by place; their number. */
size_t names_find(struct names *names, const char *name, const struct named **ret_first);
void names_free(struct names *names);

#endif
