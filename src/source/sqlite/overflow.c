/*
 * The b-trees' interior pages tell which pages are theirs. On most days no changed page is another,
 * and nothing else is read. The others are read once, in their order; where that leaves suspects, the
 * free list is walked, and then the chains that begin on changed pages.
 *
 * An overflow page begins with the number of the next one, so its first byte is no page type of a
 * b-tree in a database of less than 2^25 pages; in a larger one a b-tree's page is under suspicion too.
 */
#include "source/sqlite/overflow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/util/err.h"
#include "source/sqlite/btree.h"
#include "source/sqlite/leaf_walk.h"
#include "source/sqlite/page_reader.h"
#include "source/sqlite/ranges.h"
#include "source/sqlite/tree_pages.h"

#define FIRST_BYTE_TELLS_BELOW (UINT32_C(1) << 25)
#define TRUNK_HEAD_BYTES 8u
#define INTERIOR_PART 64u /* one page of so many, or fewer, is an interior one */

static bool page_changed(const struct overflow *overflow, uint32_t page)
{
    return bitmap_has(overflow->changed, page_reader_block(overflow->after, page));
}

/* The next changed page of the later backup from `page` on; 0: there is none. */
static uint32_t next_changed(const struct overflow *overflow, uint32_t page)
{
    const struct page_reader *after = overflow->after;
    uint64_t block, first_page;
    uint32_t pages_per_block;

    if (page > after->page_count || page_changed(overflow, page))
        return page > after->page_count ? 0 : page;
    block = bitmap_next(overflow->changed, page_reader_block(after, page));
    if (block >= overflow->changed->limit)
        return 0;
    pages_per_block = after->page_size < 4096 ? 4096 / after->page_size : 1;
    first_page = block * pages_per_block + 1;
    return first_page > after->page_count ? 0 : (uint32_t)first_page;
}

static bool has_overflow(const struct btree_page *page)
{
    struct btree_cell cell;

    for (uint32_t i = 0; i < page->cell_count; i++) {
        if (!btree_cell_read(page, i, &cell) || cell.overflow_pages > 0)
            return true; /* looked at again if there are suspects */
    }
    return false;
}

/* Where pages are smaller than blocks: is this one different indeed? */
static int page_differs(struct overflow *overflow, uint32_t page, bool *ret_differs,
                        struct err *err)
{
    uint32_t size = overflow->after->page_size;
    int r;

    *ret_differs = true;
    if (size >= 4096)
        return 0;
    r = page_reader_get(overflow->before, page, overflow->other, size, err);
    if (r == 0)
        *ret_differs = memcmp(overflow->page, overflow->other, size) != 0;
    return r;
}

/* What is this changed page, which both backups have? */
static int page_look(struct overflow *overflow, uint32_t number, struct err *err)
{
    const struct page_reader *after = overflow->after;
    struct btree_page page;
    bool differs = true, btree;
    int r = page_reader_get(overflow->after, number, overflow->page, after->page_size, err);

    if (r < 0)
        return r;
    btree = btree_page_read(overflow->page, number, after->usable, &page);
    if (btree && page.type != BTREE_TABLE_INTERIOR && has_overflow(&page))
        bitmap_add(&overflow->origins, number);
    if (btree && after->page_count < FIRST_BYTE_TELLS_BELOW)
        return 0;
    r = page_differs(overflow, number, &differs, err);
    if (r == 0 && differs)
        bitmap_add(&overflow->suspects, number);
    return r;
}

static int changed_look(struct overflow *overflow, struct err *err)
{
    const struct page_reader *after = overflow->after;
    int r = 0;

    for (uint32_t page = next_changed(overflow, 1); page != 0 && r == 0;
         page = next_changed(overflow, page + 1)) {
        if (page > overflow->before->page_count)
            break;
        if (bitmap_has(&overflow->trees, page))
            bitmap_add(&overflow->origins, page);
        else if (!page_reader_is_map(after, page))
            r = page_look(overflow, page, err);
    }
    return r;
}

/* A page that is free holds no row, and what it still says is not true any more. */
static void page_is_free(struct overflow *overflow, uint32_t page)
{
    bitmap_remove(&overflow->suspects, page);
    bitmap_remove(&overflow->origins, page);
}

static int free_list_walk(struct overflow *overflow, struct err *err)
{
    struct page_reader *after = overflow->after;
    uint32_t trunk = after->free_trunk, leaves;

    for (uint32_t i = 0; trunk != 0; i++) {
        int r = i < after->page_count
                    ? page_reader_get(after, trunk, overflow->page, after->page_size, err)
                    : -EUCLEAN;

        if (r < 0)
            return r;
        page_is_free(overflow, trunk);
        leaves = btree_get32(overflow->page + 4);
        if (leaves > (after->usable - TRUNK_HEAD_BYTES) / 4)
            return -EUCLEAN;
        for (uint32_t k = 0; k < leaves; k++)
            page_is_free(overflow, btree_get32(overflow->page + TRUNK_HEAD_BYTES + 4 * k));
        trunk = btree_get32(overflow->page);
    }
    return 0;
}

/* What is met in the chain of a cell is no suspect any more. */
static int chain_follow(struct overflow *overflow, const struct btree_cell *cell, bool *ret_met,
                        struct err *err)
{
    uint32_t page = cell->overflow_first;
    uint8_t next[4];

    *ret_met = false;
    for (uint64_t i = 0; i < cell->overflow_pages && overflow->suspects.count > 0; i++) {
        int r;

        if (overflow->steps_left-- == 0) {
            overflow->steps_left = 0;
            return -EUCLEAN;
        }
        if (bitmap_has(&overflow->suspects, page))
            *ret_met = true;
        bitmap_remove(&overflow->suspects, page);
        if (i + 1 == cell->overflow_pages)
            break;
        r = page_reader_get(overflow->after, page, next, sizeof(next), err);
        if (r < 0)
            return r;
        page = btree_get32(next);
    }
    return 0;
}

static int origin_follow(struct overflow *overflow, uint32_t number, struct err *err)
{
    struct page_reader *after = overflow->after;
    struct btree_page page;
    struct btree_cell cell;
    bool met;
    int r = page_reader_get(after, number, overflow->page, after->page_size, err);

    if (r < 0 || !btree_page_read(overflow->page, number, after->usable, &page) ||
        page.type == BTREE_TABLE_INTERIOR)
        return r;
    for (uint32_t i = 0; i < page.cell_count && r == 0; i++) {
        if (!btree_cell_read(&page, i, &cell))
            return -EUCLEAN;
        r = chain_follow(overflow, &cell, &met, err);
    }
    return r;
}

/* Pages that the earlier backup lacks are looked at here for the first time. */
static int origins_follow(struct overflow *overflow, struct err *err)
{
    int r = 0;

    for (uint32_t page = next_changed(overflow, overflow->before->page_count + 1); page != 0;
         page = next_changed(overflow, page + 1)) {
        if (!page_reader_is_map(overflow->after, page))
            bitmap_add(&overflow->origins, page);
    }
    r = free_list_walk(overflow, err);
    for (uint64_t page = bitmap_next(&overflow->origins, 1);
         page < overflow->origins.limit && overflow->suspects.count > 0 && r == 0;
         page = bitmap_next(&overflow->origins, page + 1))
        r = origin_follow(overflow, (uint32_t)page, err);
    return r;
}

int overflow_init(struct overflow *overflow, struct page_reader *before, struct page_reader *after,
                  const struct bitmap *changed, struct err *err)
{
    uint64_t limit = (uint64_t)after->page_count + 1;
    int r;

    *overflow = (struct overflow){
        .before = before, .after = after, .changed = changed, .steps_left = 2 * limit};
    overflow->page = malloc(after->page_size);
    overflow->other = malloc(after->page_size);
    if (!overflow->page || !overflow->other || bitmap_init(&overflow->suspects, limit) < 0 ||
        bitmap_init(&overflow->origins, limit) < 0 || bitmap_init(&overflow->trees, limit) < 0)
        return err_set(err, ENOMEM, "out of memory for the pages of a backup");
    /* Where few pages changed they are fewer than the trees' interior pages. */
    r = changed->count > after->page_count / INTERIOR_PART
            ? tree_pages_find(after, &overflow->trees, err)
            : 0;
    if (r == 0)
        r = changed_look(overflow, err);
    if (r == 0 && overflow->suspects.count > 0)
        r = origins_follow(overflow, err);
    return r;
}

bool overflow_pending(const struct overflow *overflow)
{
    return overflow->suspects.count > 0;
}

int overflow_look_on(struct overflow *overflow, const struct leaf *leaf, struct ranges *ranges,
                     struct err *err)
{
    struct page_reader *after = overflow->after;
    struct btree_page page;
    struct btree_cell cell;
    bool met = false;
    int r = page_reader_get(after, leaf->page, overflow->page, after->page_size, err);

    if (r < 0)
        return r;
    if (!btree_page_read(overflow->page, leaf->page, after->usable, &page) ||
        page.type != BTREE_TABLE_LEAF)
        return -EUCLEAN;
    for (uint32_t i = 0; i < page.cell_count && r == 0; i++) {
        if (!btree_cell_read(&page, i, &cell) || cell.rowid < leaf->first ||
            cell.rowid > leaf->last)
            return -EUCLEAN;
        r = chain_follow(overflow, &cell, &met, err);
        if (r == 0 && met && ranges_add(ranges, cell.rowid, cell.rowid, false) < 0)
            r = err_set(err, ENOMEM, "out of memory for ranges of rows");
    }
    return r;
}

void overflow_release(struct overflow *overflow)
{
    bitmap_release(&overflow->suspects);
    bitmap_release(&overflow->origins);
    bitmap_release(&overflow->trees);
    free(overflow->page);
    free(overflow->other);
    overflow->page = overflow->other = NULL;
}
