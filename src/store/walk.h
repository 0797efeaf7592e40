/*
 * Walking through a segment from record to record, without the catalog.
 */
#ifndef DBSNAPFS_STORE_WALK_H
#define DBSNAPFS_STORE_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;
struct repo;

struct segment_walk {
    void *arg;
    /* A record whose checksum matches. */
    int (*record)(void *arg, uint64_t offset, uint32_t type, const struct buf *body,
                  struct err *err);
    /* Bytes from `offset` to `end` that belong to no whole record. NULL: the walk fails there. */
    int (*damage)(void *arg, uint64_t offset, uint64_t end, const char *text);
};

/* Walks from `from` (the end of the header, or where a record begins) to `end` (the footer's
 * offset). */
int segment_walk(struct repo *repo, uint64_t id, uint64_t from, uint64_t end,
                 const struct segment_walk *walk, struct err *err);

#endif
