/*
 * The leaves of both trees go by side by side, in key order. One that is the next of both and in a
 * block that did not change is shared; else the one with the smaller last rowid goes on, and its
 * rowids are a range. Shared leaves stand in one order in both trees, so none is missed; if one were,
 * a range would be too many, and none too few.
 *
 * Rows in place of others are the business of overflow.c. It is asked when the first table is: that
 * there is no difference at all is known before.
 *
 * That a leaf is one is taken from its depth, as it is not read. In a database that SQLite's
 * integrity check finds damaged, ranges may be too few; then they are as good as its rows.
 */
#include "source/sqlite/pages.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/source/pages.h"
#include "dbsnapfs/store/snapshot.h"
#include "dbsnapfs/util/err.h"
#include "source/sqlite/bitmap.h"
#include "source/sqlite/leaf_walk.h"
#include "source/sqlite/overflow.h"
#include "source/sqlite/page_reader.h"
#include "source/sqlite/ranges.h"

#define CLOSE_LEAVES 2u /* ranges with so many shared leaves between are joined */

/* What was said of a table while rows were looked at for suspects: those found are none any more. */
struct answer {
    struct answer *next;
    uint32_t before_root, after_root;
    bool whole;
    struct ranges ranges;
};

struct page_comparison {
    struct page_reader before, after;
    struct bitmap changed; /* blocks */
    bool looked;           /* overflow is made */
    bool senseless;        /* … and found a database that makes no sense */
    struct overflow overflow;
    struct answer *answers;
};

static int out_of_memory(struct err *err)
{
    return err_set(err, ENOMEM, "out of memory for comparing two backups");
}

static int note_changed(void *arg, uint64_t first, uint64_t count)
{
    struct bitmap *changed = arg;

    for (uint64_t i = first; i < first + count; i++)
        bitmap_add(changed, i);
    return 0;
}

static int comparison_init(struct page_comparison *comparison, struct snapshot *before,
                           struct snapshot *after, struct err *err)
{
    const struct page_reader *a = &comparison->before, *b = &comparison->after;
    uint64_t bytes = snapshot_bytes(before);
    int r = page_reader_init(&comparison->before, before, err);

    if (r == 0)
        r = page_reader_init(&comparison->after, after, err);
    if (r < 0)
        return r;
    if (a->page_size != b->page_size || a->usable != b->usable || a->encoding != b->encoding)
        return err_set(err, ENOTSUP, "the two backups have pages of different sizes or encodings");
    if (bytes < snapshot_bytes(after))
        bytes = snapshot_bytes(after);
    if (bitmap_init(&comparison->changed, bytes / snapshot_block_size(before) + 1) < 0)
        return out_of_memory(err);
    return snapshot_compare(before, after, note_changed, &comparison->changed, err);
}

int pages_compare(struct snapshot *before, struct snapshot *after,
                  struct page_comparison **ret_comparison, struct err *err)
{
    struct page_comparison *comparison = calloc(1, sizeof(*comparison));
    int r = comparison ? comparison_init(comparison, before, after, err) : out_of_memory(err);

    if (r == 0) {
        *ret_comparison = comparison;
        comparison = NULL;
    }
    page_comparison_free(comparison);
    return r;
}

void page_comparison_free(struct page_comparison *comparison)
{
    if (!comparison)
        return;
    while (comparison->answers) {
        struct answer *answer = comparison->answers;

        comparison->answers = answer->next;
        ranges_release(&answer->ranges);
        free(answer);
    }
    overflow_release(&comparison->overflow);
    bitmap_release(&comparison->changed);
    free(comparison);
}

bool page_comparison_equal(const struct page_comparison *comparison)
{
    return comparison->changed.count == 0;
}

uint64_t page_comparison_pages_read(const struct page_comparison *comparison)
{
    return comparison->before.pages_read + comparison->after.pages_read;
}

static bool leaf_changed(const struct page_comparison *comparison, const struct leaf *leaf)
{
    return bitmap_has(&comparison->changed, page_reader_block(&comparison->after, leaf->page));
}

/* A step: what a walk's leaf holds may differ. */
static int leaf_differs(struct leaf_walk *walk, struct ranges *ranges, unsigned *shared,
                        struct err *err)
{
    if (ranges_add(ranges, walk->leaf.first, walk->leaf.last, *shared <= CLOSE_LEAVES) < 0)
        return out_of_memory(err);
    *shared = 0;
    return leaf_walk_next(walk, err);
}

static int leaf_is_shared(struct page_comparison *comparison, struct leaf_walk *before,
                          struct leaf_walk *after, struct ranges *ranges, struct err *err)
{
    int r = 0;

    if (overflow_pending(&comparison->overflow))
        r = overflow_look_on(&comparison->overflow, &after->leaf, ranges, err);
    if (r == 0)
        r = leaf_walk_next(before, err);
    return r < 0 ? r : leaf_walk_next(after, err);
}

static int table_compare(struct page_comparison *comparison, struct leaf_walk *before,
                         struct leaf_walk *after, struct ranges *ranges, struct err *err)
{
    unsigned shared = 0; /* since the last range */
    int r = 0;

    while ((before->there || after->there) && r == 0) {
        bool both = before->there && after->there;
        bool before_goes = !after->there || (both && before->leaf.last <= after->leaf.last);
        bool after_goes = !before->there || (both && after->leaf.last <= before->leaf.last);

        if (both && before->leaf.page == after->leaf.page &&
            !leaf_changed(comparison, &after->leaf)) {
            shared++;
            r = leaf_is_shared(comparison, before, after, ranges, err);
            continue;
        }
        if (before_goes)
            r = leaf_differs(before, ranges, &shared, err);
        if (after_goes && r == 0)
            r = leaf_differs(after, ranges, &shared, err);
    }
    return r;
}

/* Of a WITHOUT ROWID table. With one root, and no page changed, the trees are one. */
static int index_compare(struct page_comparison *comparison, const struct leaf_walk *before,
                         struct leaf_walk *after, bool *ret_whole, struct err *err)
{
    int r = 0;

    *ret_whole = before->levels[0].number != after->levels[0].number ||
                 overflow_pending(&comparison->overflow);
    while (after->there && !*ret_whole && r == 0) {
        *ret_whole = leaf_walk_way_changed(after) || leaf_changed(comparison, &after->leaf);
        r = leaf_walk_next(after, err);
    }
    return r;
}

static int trees_compare(struct page_comparison *comparison, struct answer *answer, struct err *err)
{
    struct leaf_walk before = {0}, after = {0};
    int r = leaf_walk_begin(&before, &comparison->before, &comparison->changed, &after,
                            answer->before_root, err);

    if (r == 0)
        r = leaf_walk_begin(&after, &comparison->after, &comparison->changed, &before,
                            answer->after_root, err);
    if (r < 0)
        goto out;
    if (before.index != after.index)
        r = -EUCLEAN;
    else if (after.index)
        r = index_compare(comparison, &before, &after, &answer->whole, err);
    else
        r = table_compare(comparison, &before, &after, &answer->ranges, err);
out:
    leaf_walk_end(&before);
    leaf_walk_end(&after);
    return r;
}

/* Looks for suspects, once. If a page that was to be looked at is damaged, any table may have suspects:
 * whose page it is shows when rows are read. */
static int look(struct page_comparison *comparison, struct err *err)
{
    int r;

    if (comparison->looked)
        return 0;
    r = overflow_init(&comparison->overflow, &comparison->before, &comparison->after,
                      &comparison->changed, err);
    if (r == 0 || r == -EUCLEAN || r == -EBADMSG) {
        comparison->looked = true;
        comparison->senseless = r < 0;
        return 0;
    }
    overflow_release(&comparison->overflow);
    return r;
}

static int answer_find(struct page_comparison *comparison, struct answer *answer, struct err *err)
{
    int r;

    answer->whole = comparison->senseless || answer->before_root == 0 || answer->after_root == 0;
    if (answer->whole ||
        (page_comparison_equal(comparison) && answer->before_root == answer->after_root))
        return 0;
    r = trees_compare(comparison, answer, err);
    if (r == -EUCLEAN) {
        answer->whole = true;
        r = 0;
    }
    return r;
}

static int answer_give(const struct answer *answer, bool *ret_whole,
                       struct rowid_range **ret_ranges, size_t *ret_count, struct err *err)
{
    struct rowid_range *items = NULL;

    if (!answer->whole && ranges_copy(&answer->ranges, &items) < 0)
        return out_of_memory(err);
    *ret_whole = answer->whole;
    *ret_ranges = items;
    *ret_count = answer->whole ? 0 : answer->ranges.count;
    return 0;
}

static int answer_keep(struct page_comparison *comparison, struct answer *answer, struct err *err)
{
    struct answer *kept = malloc(sizeof(*kept));

    if (!kept)
        return out_of_memory(err);
    *kept = *answer;
    kept->next = comparison->answers;
    comparison->answers = kept;
    answer->ranges = (struct ranges){NULL, 0, 0};
    return 0;
}

int page_comparison_ranges(struct page_comparison *comparison, uint32_t before_root,
                           uint32_t after_root, bool *ret_whole, struct rowid_range **ret_ranges,
                           size_t *ret_count, struct err *err)
{
    struct answer answer = {.before_root = before_root, .after_root = after_root};
    bool pending;
    int r = look(comparison, err);

    if (r < 0)
        return r;
    for (const struct answer *kept = comparison->answers; kept; kept = kept->next) {
        if (kept->before_root == before_root && kept->after_root == after_root)
            return answer_give(kept, ret_whole, ret_ranges, ret_count, err);
    }
    pending = overflow_pending(&comparison->overflow);
    r = answer_find(comparison, &answer, err);
    if (r == 0)
        r = answer_give(&answer, ret_whole, ret_ranges, ret_count, err);
    if (r == 0 && pending)
        r = answer_keep(comparison, &answer, err);
    if (r < 0 && pending)
        comparison->senseless = true; /* suspects may have been found for an answer that is lost */
    ranges_release(&answer.ranges);
    return r;
}
