/*
 * A page begins with its type, the number of its cells and where their content begins; the first
 * page of all has the file's header before that. Then follow the cells' places, in key order.
 */
#include "source/sqlite/btree.h"

#define FILE_HEADER_BYTES 100u
#define MIN_CELL_BYTES 4u

bool btree_page_read(const uint8_t *bytes, uint32_t number, uint32_t usable,
                     struct btree_page *ret_page)
{
    uint32_t start = number == 1 ? FILE_HEADER_BYTES : 0;
    const uint8_t *head = bytes + start;
    bool interior = head[0] == BTREE_INDEX_INTERIOR || head[0] == BTREE_TABLE_INTERIOR;
    struct btree_page page = {.bytes = bytes, .usable = usable, .interior = interior};
    uint32_t content;

    if (!interior && head[0] != BTREE_INDEX_LEAF && head[0] != BTREE_TABLE_LEAF)
        return false;
    page.type = (enum btree_type)head[0];
    page.cell_count = btree_get16(head + 3);
    content = btree_get16(head + 5);
    if (content == 0)
        content = 65536;
    page.pointers = start + (interior ? 12 : 8);
    if (content > usable || page.pointers + 2 * page.cell_count > content)
        return false;
    for (uint32_t i = 0; i < page.cell_count; i++) {
        uint32_t at = btree_get16(bytes + page.pointers + 2 * i);

        if (at < content || at > usable - MIN_CELL_BYTES)
            return false;
    }
    if (interior)
        page.right_child = btree_get32(head + 8);
    *ret_page = page;
    return true;
}

struct reader {
    const uint8_t *at, *end;
};

static bool read32(struct reader *reader, uint32_t *ret_value)
{
    if (reader->end - reader->at < 4)
        return false;
    *ret_value = btree_get32(reader->at);
    reader->at += 4;
    return true;
}

/* Big-endian, seven bits a byte, but all eight of the ninth. */
static bool read_varint(struct reader *reader, uint64_t *ret_value)
{
    uint64_t value = 0;

    for (int i = 0; i < 9; i++) {
        uint8_t byte;

        if (reader->at == reader->end)
            return false;
        byte = *reader->at++;
        if (i == 8) {
            value = value << 8 | byte;
        } else {
            value = value << 7 | (byte & 0x7f);
            if (!(byte & 0x80))
                break;
        }
    }
    *ret_value = value;
    return true;
}

/* How much of the payload is in the cell: section 1.6, "U", "P", "X", "M" and "K". */
static uint64_t payload_local(const struct btree_page *page, uint64_t payload)
{
    uint64_t usable = page->usable, smallest = (usable - 12) * 32 / 255 - 23;
    uint64_t most = page->type == BTREE_TABLE_LEAF ? usable - 35 : (usable - 12) * 64 / 255 - 23;
    uint64_t local = smallest + (payload - smallest) % (usable - 4);

    if (payload <= most)
        return payload;
    return local <= most ? local : smallest;
}

static bool read_payload(const struct btree_page *page, struct reader *reader,
                         struct btree_cell *cell)
{
    uint64_t local = payload_local(page, cell->payload_bytes), outside;

    if (cell->payload_bytes > INT32_MAX || (uint64_t)(reader->end - reader->at) < local)
        return false;
    if (local == cell->payload_bytes)
        return true;
    reader->at += local;
    outside = cell->payload_bytes - local;
    cell->overflow_pages = (outside + page->usable - 5) / (page->usable - 4);
    return read32(reader, &cell->overflow_first);
}

static const uint8_t *cell_at(const struct btree_page *page, uint32_t index)
{
    return page->bytes + btree_get16(page->bytes + page->pointers + 2 * index);
}

uint32_t btree_left_child(const struct btree_page *page, uint32_t index)
{
    return btree_get32(cell_at(page, index));
}

bool btree_cell_read(const struct btree_page *page, uint32_t index, struct btree_cell *ret_cell)
{
    struct reader reader = {cell_at(page, index), page->bytes + page->usable};
    bool table = page->type == BTREE_TABLE_INTERIOR || page->type == BTREE_TABLE_LEAF;
    struct btree_cell cell = {0, 0, 0, 0, 0};
    uint64_t rowid = 0;

    if (page->interior && !read32(&reader, &cell.left_child))
        return false;
    if (page->type != BTREE_TABLE_INTERIOR && !read_varint(&reader, &cell.payload_bytes))
        return false;
    if (table && !read_varint(&reader, &rowid))
        return false;
    cell.rowid = (int64_t)rowid;
    if (page->type != BTREE_TABLE_INTERIOR && !read_payload(page, &reader, &cell))
        return false;
    *ret_cell = cell;
    return true;
}
