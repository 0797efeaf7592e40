/*
 * What kind of page of a SQLite database this is.
 */
#ifndef DBSNAPFS_SOURCE_SQLITE_PAGE_KIND_H
#define DBSNAPFS_SOURCE_SQLITE_PAGE_KIND_H

#include <stddef.h>
#include <stdint.h>

/* The same number for pages that are likely to belong to the same table or index; any bytes will
 * do, and no answer is wrong. */
uint32_t sqlite_page_kind(const void *page, size_t len);

#endif
