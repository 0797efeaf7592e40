/*
 * Which rows of a table may differ between two backups, told from the pages they do not share.
 *
 * Pages that lie at the same place of the same b-tree in both backups and are stored as one block
 * hold the same rows. What is left, as ranges of rowids, is all that has to be compared.
 */
#ifndef DBSNAPFS_SOURCE_PAGES_H
#define DBSNAPFS_SOURCE_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct database;
struct err;
struct relation;
struct snapshot;

/* Two backups side by side: which pages differ, and to which tables they belong. */
struct page_comparison;
int page_comparison_new(struct snapshot *before, struct snapshot *after,
                        struct page_comparison **ret_comparison, struct err *err);
void page_comparison_free(struct page_comparison *comparison); /* NULL is fine */

/* Rows whose rowid is in [first, last]. */
struct rowid_range {
    int64_t first, last;
};

/*
 * Where the tables of this name may differ: `ret_ranges` is a heap array of ascending, disjoint
 * ranges. `ret_whole` is true when it could not be told (a WITHOUT ROWID table, a root page that
 * moved): then everything has to be compared. No range: the tables have equal rows.
 */
int page_comparison_ranges(struct page_comparison *comparison, const char *table, bool *ret_whole,
                           struct rowid_range **ret_ranges, size_t *ret_count, struct err *err);

#endif
