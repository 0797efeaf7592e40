/*
 * Pages of a backup by their numbers, from 1 on, and what its header says of them.
 */
#ifndef DBSNAPFS_SOURCE_SQLITE_PAGE_READER_H
#define DBSNAPFS_SOURCE_SQLITE_PAGE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct snapshot;

struct page_reader {
    struct snapshot *snapshot;
    uint32_t page_size, usable; /* usable: without what is reserved at each page's end */
    uint32_t page_count;
    uint32_t encoding; /* of text: 1 to 3 */
    bool auto_vacuum;
    uint32_t free_trunk; /* the first one; 0: none */
    uint64_t pages_read;
};

/* -ENOTSUP for what does not begin as a SQLite database. */
int page_reader_init(struct page_reader *reader, struct snapshot *snapshot, struct err *err);

/* The first `len` bytes of a page. -EUCLEAN, without a message, if there is no such page. */
int page_reader_get(struct page_reader *reader, uint32_t page, void *bytes, size_t len,
                    struct err *err);

/* The block of the store that holds a page, from 1 on, of either backup. */
uint64_t page_reader_block(const struct page_reader *reader, uint32_t page);

/* Pages that hold no content: they say what others are for, or are never used. */
bool page_reader_is_map(const struct page_reader *reader, uint32_t page);

#endif
