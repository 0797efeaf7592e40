/*
 * An interior page is the list of what is expected. A page that only looks like one costs a few frames
 * that are decoded for nothing.
 */
#include "source/sqlite/foresight.h"

#include <stdlib.h>

#include "dbsnapfs/store/snapshot.h"
#include "source/sqlite/btree.h"

/* SQLite's pages have at least so many. What the repository says need not be so. */
#define PAGE_BYTES_LEAST 512u

struct children {
    uint32_t pages_a_block;
    size_t count;
    uint64_t *blocks;
};

/* Adds a child's block, if it is another one than the last. */
static void add_child(struct children *children, uint32_t page)
{
    uint64_t block = (page - UINT64_C(1)) / children->pages_a_block;

    if (page > 0 && (children->count == 0 || children->blocks[children->count - 1] != block))
        children->blocks[children->count++] = block;
}

void foresight_see(const struct snapshot *snapshot, struct snapshot_stream *stream, uint64_t offset,
                   const void *bytes, size_t len)
{
    uint32_t size = snapshot_page_size(snapshot);
    struct children children = {.count = 0};
    struct btree_page page;

    if (size < PAGE_BYTES_LEAST || size > snapshot_block_size(snapshot) || len != size ||
        offset % size != 0 || !btree_page_read(bytes, (uint32_t)(offset / size + 1), size, &page) ||
        !page.interior)
        return;
    children.pages_a_block = snapshot_block_size(snapshot) / size;
    children.blocks = calloc(page.cell_count + 1, sizeof(*children.blocks));
    if (!children.blocks)
        return;
    for (uint32_t i = 0; i < page.cell_count; i++)
        add_child(&children, btree_left_child(&page, i));
    add_child(&children, page.right_child);
    snapshot_stream_expect(stream, children.blocks, children.count);
    free(children.blocks);
}
