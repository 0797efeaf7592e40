/*
 * A b-tree page says what it is: leaf or interior, table or index. Which table or index it does
 * not say, but its rows do, by their shape: a record begins with the number of its columns and their
 * types. So the kind is made of the page's type and the shape of its first cell's record, with all
 * lengths of text as one type and all of blobs as another.
 *
 * The layout is that of https://www.sqlite.org/fileformat2.html, sections 1.6 and 2.1.
 */
#include "source/sqlite/page_kind.h"

#include <stdbool.h>

enum page_type { INDEX_INTERIOR = 2, TABLE_INTERIOR = 5, INDEX_LEAF = 10, TABLE_LEAF = 13 };

#define SHAPE_COLUMNS 6 /* whose types count */

/* A place in a page; reading past the end gives zeros. */
struct cell_reader {
    const uint8_t *at, *end;
};

static uint64_t cell_varint(struct cell_reader *cell)
{
    uint64_t value = 0;

    for (int i = 0; i < 9 && cell->at < cell->end; i++) {
        uint8_t byte = *cell->at++;

        value = value << 7 | (byte & 0x7f);
        if (!(byte & 0x80))
            break;
    }
    return value;
}

/* NULL, number, text, blob, by a column's serial type. */
static uint32_t column_shape(uint64_t serial_type)
{
    if (serial_type >= 12)
        return serial_type & 1 ? 3 : 2;
    return serial_type == 0 ? 0 : 1;
}

static uint32_t record_shape(struct cell_reader *cell)
{
    const uint8_t *start = cell->at;
    uint64_t header_bytes = cell_varint(cell);
    uint32_t shape = (uint32_t)header_bytes;

    for (int i = 0; i < SHAPE_COLUMNS && (uint64_t)(cell->at - start) < header_bytes; i++)
        shape = shape * 31 + column_shape(cell_varint(cell));
    return shape;
}

uint32_t sqlite_page_kind(const void *page, size_t len)
{
    const uint8_t *bytes = page;
    uint32_t type = len > 16 ? bytes[0] : 0;
    bool interior = type == INDEX_INTERIOR || type == TABLE_INTERIOR;
    struct cell_reader cell;
    size_t pointer = interior ? 12 : 8, offset;

    if (!interior && type != INDEX_LEAF && type != TABLE_LEAF)
        return 0; /* an overflow page, a free one, or the first page of all */
    offset = (size_t)bytes[pointer] << 8 | bytes[pointer + 1];
    if (type == TABLE_INTERIOR || (bytes[3] == 0 && bytes[4] == 0) || offset + 4 > len)
        return type;
    cell = (struct cell_reader){bytes + offset, bytes + len};
    if (type == INDEX_INTERIOR)
        cell.at += 4;   /* the left child */
    cell_varint(&cell); /* the payload's length */
    if (type == TABLE_LEAF)
        cell_varint(&cell); /* the rowid */
    return type + 31 * record_shape(&cell);
}
