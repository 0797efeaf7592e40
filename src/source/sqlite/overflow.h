/*
 * Overflow pages that changed while nothing says in which row.
 *
 * SQLite overwrites a row in place where its size stays the same, so the overflow pages of a row may
 * change while its leaf does not. Such a page is an overflow page in both backups. So each changed
 * page is under suspicion until it is known what it is in the later backup: of a b-tree, free, a map,
 * or in the chain of a row on a changed page, which is compared anyway. For what stays, rows on
 * unchanged leaves are looked at, until each suspect is found.
 */
#ifndef DBSNAPFS_SOURCE_SQLITE_OVERFLOW_H
#define DBSNAPFS_SOURCE_SQLITE_OVERFLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "source/sqlite/bitmap.h"

struct err;
struct leaf;
struct page_reader;
struct ranges;

struct overflow {
    struct page_reader *before, *after;
    const struct bitmap *changed; /* blocks */
    struct bitmap suspects;       /* pages */
    struct bitmap origins;        /* changed pages from which chains may lead to suspects */
    struct bitmap trees;          /* pages of b-trees, as far as is known */
    uint64_t steps_left;          /* of chains: in a good database they hold each page once */
    uint8_t *page, *other;        /* scratch */
};

/* Finds the suspects. overflow_release() afterwards, whatever this returns. -EUCLEAN, without a
 * message: the database makes no sense. */
int overflow_init(struct overflow *overflow, struct page_reader *before, struct page_reader *after,
                  const struct bitmap *changed, struct err *err);
void overflow_release(struct overflow *overflow);

/* Are there suspects still? Then overflow_look_on() is to be called for each leaf of a table that both
 * backups have, with one content: it adds the rows in whose chains one is met. Each leaf may be
 * looked on once only. -EUCLEAN as above. */
bool overflow_pending(const struct overflow *overflow);
int overflow_look_on(struct overflow *overflow, const struct leaf *leaf, struct ranges *ranges,
                     struct err *err);

#endif
