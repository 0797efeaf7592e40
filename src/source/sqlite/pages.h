/*
 * Comparing the pages of two backups: the driver's part of dbsnapfs/source/pages.h.
 */
#ifndef DBSNAPFS_SOURCE_SQLITE_PAGES_H
#define DBSNAPFS_SOURCE_SQLITE_PAGES_H

struct err;
struct page_comparison;
struct snapshot;

/* page_comparison_new() */
int pages_compare(struct snapshot *before, struct snapshot *after,
                  struct page_comparison **ret_comparison, struct err *err);

#endif
