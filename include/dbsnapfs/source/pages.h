/*
 * Which rows of a table may differ between two backups, told from the pages they do not share.
 *
 * Both b-trees of a table are walked by their interior pages; a leaf that both trees have at the
 * same page number, in a block that both backups have stored in the same place, holds the same
 * rows, and is not read. What the other leaves hold, as ranges of rowids, is all that has to be
 * compared. A row whose overflow pages changed while its leaf did not is found too: a changed page
 * that belongs to no b-tree, to no free list and to no chain of a changed leaf makes the leaves
 * with overflow be looked through until each is accounted for.
 *
 * https://www.sqlite.org/fileformat2.html is the source of every layout here.
 */
#ifndef DBSNAPFS_SOURCE_PAGES_H
#define DBSNAPFS_SOURCE_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct snapshot;

/* Two backups side by side, open as long as this. Belongs to one thread at a time. -ENOTSUP where
 * their page sizes or text encodings differ, or one is empty or does not begin as SQLite's files do:
 * everything has to be compared then. */
struct page_comparison;
int page_comparison_new(struct snapshot *before, struct snapshot *after,
                        struct page_comparison **ret_comparison, struct err *err);
void page_comparison_free(struct page_comparison *comparison); /* NULL is fine */

/* No page differs at all. */
bool page_comparison_equal(const struct page_comparison *comparison);

/* Rows whose rowid is in [first, last]. */
struct rowid_range {
    int64_t first, last;
};

/*
 * Where the table with these root pages (relation->root_page of either schema) may differ:
 * `ret_ranges` is a heap array of ascending, disjoint ranges, close ones joined. No range and not
 * `ret_whole`: equal rows, as they are stored; a schema that changed (a column added, with a default)
 * may show them differently. `ret_whole`: it cannot be told where, so everything has to be compared;
 * always so for a WITHOUT ROWID table of which any page differs.
 */
int page_comparison_ranges(struct page_comparison *comparison, uint32_t before_root,
                           uint32_t after_root, bool *ret_whole, struct rowid_range **ret_ranges,
                           size_t *ret_count, struct err *err);

/* How many pages were read from the two, for tests, which count work. */
uint64_t page_comparison_pages_read(const struct page_comparison *comparison);

#endif
