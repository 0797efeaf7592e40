/*
 * An interior page is the list of what is expected. A page that only looks like one costs a few frames
 * that are decoded for nothing.
 */
#include "source/sqlite/foresight.h"

#include <stdlib.h>

#include "dbsnapfs/store/snapshot.h"
#include "source/sqlite/btree.h"

/* The place of a cell on an interior page. Cells of sound pages take more, but these are any bytes. */
#define CHILD_BYTES_LEAST 2u

void foresight_init(struct foresight *foresight, const struct snapshot *snapshot,
                    struct snapshot_stream *stream)
{
    *foresight = (struct foresight){
        .stream = stream,
        .page_size = snapshot_page_size(snapshot),
        .block_size = snapshot_block_size(snapshot),
    };
    snapshot_stream_expect(stream, NULL, 0);
}

void foresight_release(struct foresight *foresight)
{
    free(foresight->blocks);
}

static uint64_t block_of(const struct foresight *foresight, uint32_t page)
{
    return (page - 1) * (uint64_t)foresight->page_size / foresight->block_size;
}

/* Adds a child's block, if it is another one than the last. */
static void add_child(const struct foresight *foresight, uint32_t page, size_t *count)
{
    uint64_t block = block_of(foresight, page);

    if (page > 0 && (*count == 0 || foresight->blocks[*count - 1] != block))
        foresight->blocks[(*count)++] = block;
}

void foresight_see(struct foresight *foresight, uint64_t offset, const void *bytes, size_t len)
{
    struct btree_page page;
    uint32_t size = foresight->page_size;
    size_t count = 0;

    if (len != size || offset % size != 0 ||
        !btree_page_read(bytes, (uint32_t)(offset / size + 1), size, &page) || !page.interior)
        return;
    if (!foresight->blocks)
        foresight->blocks = calloc(size / CHILD_BYTES_LEAST + 1, sizeof(*foresight->blocks));
    if (!foresight->blocks)
        return;
    for (uint32_t i = 0; i < page.cell_count; i++)
        add_child(foresight,
                  btree_get32(page.bytes + btree_get16(page.bytes + page.pointers + 2 * i)),
                  &count);
    add_child(foresight, page.right_child, &count);
    snapshot_stream_expect(foresight->stream, foresight->blocks, count);
}
