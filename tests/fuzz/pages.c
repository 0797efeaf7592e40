/*
 * Two backups of a database, damaged as you like, compared page by page: two bytes that say how many
 * pages of 512 bytes the earlier one has, its pages, and those of the later one.
 *
 * The store is left out: this file has its own snapshots, which are the input's bytes. A block is
 * one page here, and is shared where its bytes are equal.
 */
#include "fuzz.h"

#include <errno.h>
#include <string.h>

#include "dbsnapfs/source/pages.h"
#include "dbsnapfs/store/snapshot.h"
#include "dbsnapfs/util/err.h"
#include "source/sqlite/pages.h"

#define PAGE 512u
#define ROOTS 6u

struct snapshot {
    const uint8_t *bytes;
    uint64_t len;
    uint32_t block_size;
};

uint64_t snapshot_bytes(const struct snapshot *snapshot)
{
    return snapshot->len;
}

uint32_t snapshot_block_size(const struct snapshot *snapshot)
{
    return snapshot->block_size;
}

uint32_t snapshot_page_size(const struct snapshot *snapshot)
{
    (void)snapshot;
    return PAGE;
}

int snapshot_read(struct snapshot *snapshot, uint64_t offset, void *bytes, size_t len,
                  size_t *ret_len, struct err *err)
{
    size_t got = 0;

    (void)err;
    if (offset < snapshot->len)
        got = len < snapshot->len - offset ? len : (size_t)(snapshot->len - offset);
    if (got > 0)
        memcpy(bytes, snapshot->bytes + offset, got);
    *ret_len = got;
    return 0;
}

static bool block_differs(const struct snapshot *a, const struct snapshot *b, uint64_t block)
{
    uint64_t at = block * a->block_size;
    size_t a_len = at >= a->len ? 0 : (size_t)(a->len - at);
    size_t b_len = at >= b->len ? 0 : (size_t)(b->len - at);

    a_len = a_len < a->block_size ? a_len : a->block_size;
    b_len = b_len < b->block_size ? b_len : b->block_size;
    return a_len != b_len || memcmp(a->bytes + at, b->bytes + at, a_len) != 0;
}

int snapshot_compare(struct snapshot *before, struct snapshot *after,
                     int (*each)(void *arg, uint64_t first, uint64_t count), void *arg,
                     struct err *err)
{
    uint64_t most = before->len > after->len ? before->len : after->len;
    int r = 0;

    (void)err;
    for (uint64_t block = 0; block * before->block_size < most && r == 0; block++) {
        if (block_differs(before, after, block))
            r = each(arg, block, 1);
    }
    return r;
}

static void must(int condition, const char *what)
{
    if (!condition) {
        (void)fprintf(stderr, "pages: %s\n", what);
        abort();
    }
}

/* Work is in proportion to the bytes, whatever they say: a child of an interior page takes 8. */
static void must_be_little_work(const struct page_comparison *comparison, uint64_t was,
                                uint64_t bytes)
{
    must(page_comparison_pages_read(comparison) - was <= bytes / 4 + 100, "too many pages read");
}

static void ranges_of(struct page_comparison *comparison, uint32_t before_root, uint32_t after_root,
                      uint64_t bytes)
{
    uint64_t was = page_comparison_pages_read(comparison);
    struct rowid_range *ranges = NULL;
    struct err err = ERR_INIT;
    bool whole = false;
    size_t count = 0;

    must(page_comparison_ranges(comparison, before_root, after_root, &whole, &ranges, &count,
                                &err) == 0,
         "an error where nothing failed");
    must(!whole || (count == 0 && !ranges), "ranges and the whole as well");
    for (size_t i = 0; i < count; i++) {
        must(ranges[i].first <= ranges[i].last, "a range that ends before it begins");
        must(i == 0 || ranges[i - 1].last < ranges[i].first, "ranges that are not in order");
    }
    must(whole || count == 0 || !page_comparison_equal(comparison) || before_root != after_root,
         "equal backups that differ");
    must_be_little_work(comparison, was, bytes);
    free(ranges);
}

static void compare(struct snapshot *before, struct snapshot *after)
{
    struct page_comparison *comparison = NULL;
    struct err err = ERR_INIT;
    int r = pages_compare(before, after, &comparison, &err);

    if (r < 0) {
        must(r == -ENOTSUP && err.text[0] != '\0', "a refusal that is none");
        return;
    }
    for (uint32_t root = 0; root <= ROOTS; root++)
        ranges_of(comparison, root, root, before->len + after->len);
    ranges_of(comparison, 2, 3, before->len + after->len);
    ranges_of(comparison, UINT32_MAX, 2, before->len + after->len);
    page_comparison_free(comparison);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct snapshot before = {.block_size = PAGE}, after = {.block_size = PAGE};
    size_t pages;

    if (len < 2)
        return 0;
    pages = (size_t)bytes[0] << 8 | bytes[1];
    before.bytes = bytes + 2;
    before.len = pages * PAGE < len - 2 ? pages * PAGE : len - 2;
    after.bytes = before.bytes + before.len;
    after.len = len - 2 - before.len;
    compare(&before, &after);
    compare(&after, &before);
    before.block_size = after.block_size = 4096; /* as the store has it for such pages */
    compare(&before, &after);
    return 0;
}
