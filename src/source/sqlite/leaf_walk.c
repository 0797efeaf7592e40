/*
 * A walk keeps the interior pages between the root and where it is, one a level.
 *
 * It ends for every input: the keys of a table's interior page lie between those that lead to it,
 * so none is gone through twice; and in an index, whose keys are not looked at, no more pages are
 * gone through than there are.
 */
#include "source/sqlite/leaf_walk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/util/err.h"
#include "source/sqlite/bitmap.h"
#include "source/sqlite/page_reader.h"

static bool page_changed(const struct leaf_walk *walk, uint32_t number)
{
    return bitmap_has(walk->changed, page_reader_block(walk->reader, number));
}

/* The page's bytes where the peer stands on the same page now. */
static const uint8_t *peer_bytes(const struct leaf_walk *walk, uint32_t number)
{
    if (!walk->peer || number == 0 || page_changed(walk, number))
        return NULL;
    for (unsigned i = 0; i <= LEAF_WALK_DEPTH; i++) {
        if (walk->peer->levels[i].number == number)
            return walk->peer->levels[i].bytes;
    }
    return NULL;
}

/* Loads a page into a level. */
static int level_load(struct leaf_walk *walk, unsigned depth, uint32_t number, struct err *err)
{
    struct leaf_walk_level *level = &walk->levels[depth];
    uint32_t size = walk->reader->page_size;
    const uint8_t *there = peer_bytes(walk, number);
    int r = 0;

    level->number = 0;
    if (!level->bytes)
        level->bytes = malloc(size);
    if (!level->bytes)
        return err_set(err, ENOMEM, "out of memory for the pages of a backup");
    if (there)
        memcpy(level->bytes, there, size);
    else
        r = page_reader_get(walk->reader, number, level->bytes, size, err);
    if (r < 0)
        return r;
    if (!btree_page_read(level->bytes, number, walk->reader->usable, &level->page))
        return -EUCLEAN;
    level->number = number;
    level->next = 0;
    /* Only the root, as page 1, has too little room for keys at times. */
    if (level->page.interior && level->page.cell_count == 0 && (depth > 0 || number != 1))
        return -EUCLEAN;
    if (level->page.interior && walk->interior_pages++ >= walk->reader->page_count)
        return -EUCLEAN;
    return 0;
}

/* The child that comes next, and the rowids below it. */
static int level_child(const struct leaf_walk *walk, struct leaf_walk_level *level,
                       struct leaf *ret_child)
{
    struct leaf child = {level->page.right_child, level->first, level->last};
    struct btree_cell cell;

    if (level->next < level->page.cell_count) {
        if (!btree_cell_read(&level->page, level->next, &cell))
            return -EUCLEAN;
        child.page = cell.left_child;
        if (!walk->index) {
            if (cell.rowid < level->first || cell.rowid > level->last || cell.rowid == INT64_MAX)
                return -EUCLEAN;
            child.last = cell.rowid;
            level->first = cell.rowid + 1;
        }
    } else if (!walk->index && level->first > level->last) {
        return -EUCLEAN;
    }
    if (child.page == 0 || child.page > walk->reader->page_count)
        return -EUCLEAN;
    level->next++;
    *ret_child = child;
    return 0;
}

/* Loads an interior page below the root, for the rowids that lead to it. */
static int level_enter(struct leaf_walk *walk, unsigned depth, const struct leaf *from,
                       struct err *err)
{
    struct leaf_walk_level *level = &walk->levels[depth];
    int r = level_load(walk, depth, from->page, err);

    level->first = from->first;
    level->last = from->last;
    return r;
}

static bool page_is_of_index(const struct btree_page *page)
{
    return page->type == BTREE_INDEX_INTERIOR || page->type == BTREE_INDEX_LEAF;
}

int leaf_walk_begin(struct leaf_walk *walk, struct page_reader *reader,
                    const struct bitmap *changed, const struct leaf_walk *peer, uint32_t root,
                    struct err *err)
{
    struct leaf at = {root, INT64_MIN, INT64_MAX};
    unsigned depth = 0;
    int r;

    *walk = (struct leaf_walk){.reader = reader, .changed = changed, .peer = peer};
    for (;;) {
        r = level_enter(walk, depth, &at, err);
        if (r < 0)
            return r;
        if (depth == 0)
            walk->index = page_is_of_index(&walk->levels[0].page);
        if (page_is_of_index(&walk->levels[depth].page) != walk->index)
            return -EUCLEAN;
        if (!walk->levels[depth].page.interior)
            break;
        r = level_child(walk, &walk->levels[depth], &at);
        if (r < 0)
            return r;
        if (++depth > LEAF_WALK_DEPTH)
            return -EUCLEAN;
    }
    walk->depth = depth;
    walk->level = depth > 0 ? depth - 1 : 0;
    walk->leaf = at;
    walk->there = true;
    return 0;
}

static bool level_done(const struct leaf_walk_level *level)
{
    return level->next > level->page.cell_count;
}

int leaf_walk_next(struct leaf_walk *walk, struct err *err)
{
    struct leaf child;
    int r;

    if (!walk->there || walk->depth == 0) {
        walk->there = false;
        return 0;
    }
    while (level_done(&walk->levels[walk->level])) {
        if (walk->level == 0) {
            walk->there = false;
            return 0;
        }
        walk->level--;
    }
    for (;;) {
        r = level_child(walk, &walk->levels[walk->level], &child);
        if (r < 0)
            return r;
        if (walk->level + 1 == walk->depth)
            break;
        r = level_enter(walk, ++walk->level, &child, err);
        if (r < 0)
            return r;
        if (!walk->levels[walk->level].page.interior ||
            page_is_of_index(&walk->levels[walk->level].page) != walk->index)
            return -EUCLEAN;
    }
    walk->leaf = child;
    return 0;
}

bool leaf_walk_way_changed(const struct leaf_walk *walk)
{
    for (unsigned i = 0; i < walk->depth; i++) {
        if (page_changed(walk, walk->levels[i].number))
            return true;
    }
    return false;
}

void leaf_walk_end(struct leaf_walk *walk)
{
    for (unsigned i = 0; i <= LEAF_WALK_DEPTH; i++)
        free(walk->levels[i].bytes);
    *walk = (struct leaf_walk){0};
}
