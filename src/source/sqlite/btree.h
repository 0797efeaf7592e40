/*
 * What a page of a b-tree holds: children, rowids, and where rows go on in overflow pages.
 *
 * Takes any bytes: what is not as SQLite writes it is refused, and nothing outside the page is
 * looked at. Sections 1.6 and 2 of https://www.sqlite.org/fileformat2.html.
 */
#ifndef DBSNAPFS_SOURCE_SQLITE_BTREE_H
#define DBSNAPFS_SOURCE_SQLITE_BTREE_H

#include <stdbool.h>
#include <stdint.h>

enum btree_type {
    BTREE_INDEX_INTERIOR = 2,
    BTREE_TABLE_INTERIOR = 5,
    BTREE_INDEX_LEAF = 10,
    BTREE_TABLE_LEAF = 13,
};

/* The bytes stay the caller's, and in place while this is used. */
struct btree_page {
    const uint8_t *bytes;
    uint32_t usable; /* bytes of a page that SQLite uses */
    enum btree_type type;
    bool interior;
    uint32_t cell_count;
    uint32_t pointers;    /* where the cell pointers are */
    uint32_t right_child; /* interior only */
};

struct btree_cell {
    uint32_t left_child;     /* interior only */
    int64_t rowid;           /* tables only */
    uint64_t payload_bytes;  /* all but of table interiors */
    uint32_t overflow_first; /* 0: all of it is in the cell */
    uint64_t overflow_pages; /* how many it takes */
};

/* False: that is no page of a b-tree. */
bool btree_page_read(const uint8_t *bytes, uint32_t number, uint32_t usable,
                     struct btree_page *ret_page);
/* `index` below cell_count. False: the cell makes no sense. */
bool btree_cell_read(const struct btree_page *page, uint32_t index, struct btree_cell *ret_cell);

/* Of an interior page; `index` below cell_count. */
uint32_t btree_left_child(const struct btree_page *page, uint32_t index);

static inline uint32_t btree_get32(const uint8_t *from)
{
    return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

static inline uint32_t btree_get16(const uint8_t *from)
{
    return (uint32_t)from[0] << 8 | from[1];
}

#endif
