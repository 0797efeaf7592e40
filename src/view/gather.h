/*
 * What is gathered while a file is opened, to be read from then on: in memory while it is little, else
 * in a file without a name.
 */
#ifndef DBSNAPFS_SRC_VIEW_GATHER_H
#define DBSNAPFS_SRC_VIEW_GATHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dbsnapfs/util/buf.h"

struct err;
struct node_file;
struct view;

struct gather {
    const struct view *view;
    struct buf bytes; /* that are not written yet … */
    uint64_t offset;  /* … and where they belong */
    int fd;           /* -1: nothing is written yet */
};

void gather_init(struct gather *gather, const struct view *view);
void gather_release(struct gather *gather);

/* Behind what was put last, and anywhere; gaps are zeros. */
int gather_add(struct gather *gather, const void *bytes, size_t len, struct err *err);
int gather_put(struct gather *gather, uint64_t offset, const void *bytes, size_t len,
               struct err *err);
/* Zeros behind what was put, up to this size. */
int gather_extend(struct gather *gather, uint64_t size, struct err *err);

/* An open file of it; nothing is left in `gather`. It is read past the kernel's cache, unless it is
 * `immutable`. */
int gather_file(struct gather *gather, bool immutable, struct node_file **ret_file,
                struct err *err);

#endif
