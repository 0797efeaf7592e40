/*
 * src/source/sqlite/foresight.c: of a backup only what a scan comes to is decoded, whatever bytes its pages
 * are.
 */
#include "source/sqlite/foresight.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/store/snapshot.h"
#include "source/sqlite/btree.h"
#include "source/sqlite/opened_support.h"
#include "source/sqlite/support.h"
#include "store/snapshot_internal.h"

Suite *suite_source_sqlite_foresight(void);

/* Reads of the repository's files that a scan of `t` takes. */
static uint64_t reads_of_scan(void)
{
    struct opened opened;
    struct selection selection = {.what = SELECT_ROWS};
    struct cursor *cursor = NULL;
    struct err err = ERR_INIT;
    uint64_t before, rows = 0;

    opened_begin(&opened, true);
    selection.relation = opened_find(&opened, "t");
    before = reads_so_far();
    ck_assert_int_eq(cursor_open(opened.database, &selection, &cursor, &err), 0);
    while (cursor_next(cursor, &err) > 0)
        rows++;
    cursor_close(cursor);
    opened_end(&opened); /* waits for what is decoded ahead */
    ck_assert_uint_eq(rows, 4000);
    return reads_so_far() - before;
}

static uint64_t reads_of_all(void)
{
    struct opened opened;
    uint8_t page[4096];
    uint64_t before;
    size_t got = 1;

    opened_begin(&opened, true);
    before = reads_so_far();
    for (uint64_t at = 0; got > 0; at += got)
        ck_assert_int_eq(snapshot_read(opened.snapshot, at, page, sizeof(page), &got, NULL), 0);
    opened_end(&opened);
    return reads_so_far() - before;
}

START_TEST(a_scan_decodes_no_pages_of_other_tables)
{
    uint64_t scan, all;

    interleaved_make();
    scan = reads_of_scan();
    all = reads_of_all();
    ck_assert_msg(scan * 10 <= all * 7, "%llu reads for half of what takes %llu",
                  (unsigned long long)scan, (unsigned long long)all);
}
END_TEST

/* A page with as many cells as there is room for, all of them in one place. */
static void crowd(uint8_t *page, size_t size, uint8_t type)
{
    size_t cells = (size - 12 - 4) / 2;

    memset(page, 0xff, size);
    page[0] = type;
    page[3] = (uint8_t)(cells >> 8);
    page[4] = (uint8_t)cells;
    page[5] = (uint8_t)((size - 4) >> 8);
    page[6] = (uint8_t)(size - 4);
    for (size_t i = 0; i < cells; i++) {
        page[12 + 2 * i] = (uint8_t)((size - 4) >> 8);
        page[13 + 2 * i] = (uint8_t)(size - 4);
    }
}

START_TEST(any_bytes_may_be_seen)
{
    struct opened opened;
    struct snapshot_stream *stream = NULL;
    uint8_t *page = malloc(4096), read[4096];
    uint64_t noise = 1;
    struct err err = ERR_INIT;
    size_t got = 0;

    interleaved_make();
    opened_begin(&opened, true);
    ck_assert_int_eq(snapshot_stream_new(opened.snapshot, false, &stream, &err), 0);
    for (unsigned i = 0; i < 20000; i++) {
        for (size_t at = 0; at < 4096; at++)
            page[at] = (uint8_t)((noise = noise * UINT64_C(6364136223846793005) + 1) >> 56);
        if (i % 2)
            crowd(page, 4096, i % 4 == 1 ? BTREE_TABLE_INTERIOR : BTREE_INDEX_INTERIOR);
        page[4092 + i % 4] = (uint8_t)i; /* child pages, most of them beyond the end */
        foresight_see(opened.snapshot, stream, i % 7 * 4096, page, i % 11 ? 4096 : i % 4096);
        ck_assert_int_eq(
            snapshot_stream_read(stream, i % 500 * 4096, read, sizeof(read), &got, &err), 0);
    }
    snapshot_stream_free(stream);
    opened_end(&opened);
    free(page);
}
END_TEST

/* A repository's word for how large pages are may be as wrong as its pages. */
START_TEST(any_page_size_may_be_told)
{
    static const uint32_t sizes[] = {0, 1, 16, 100, 108, 511, 131072};
    struct opened opened;
    struct snapshot_stream *stream = NULL;
    struct err err = ERR_INIT;
    uint32_t size = sizes[_i];
    uint8_t *page = malloc(size);

    interleaved_make();
    opened_begin(&opened, true);
    ck_assert_int_eq(snapshot_stream_new(opened.snapshot, false, &stream, &err), 0);
    opened.snapshot->page_size = size;
    memset(page, 0, size);
    if (size > 512)
        page[0] = BTREE_TABLE_INTERIOR;
    foresight_see(opened.snapshot, stream, size, page, size);
    foresight_see(opened.snapshot, stream, 0, page, size);
    snapshot_stream_free(stream);
    opened_end(&opened);
    free(page);
}
END_TEST

Suite *suite_source_sqlite_foresight(void)
{
    Suite *suite = suite_create("source/sqlite/foresight");
    TCase *tests = tcase_create("foresight");

    tcase_add_checked_fixture(tests, folder_set_up, folder_tear_down);
    tcase_add_test(tests, a_scan_decodes_no_pages_of_other_tables);
    tcase_add_test(tests, any_bytes_may_be_seen);
    tcase_add_loop_test(tests, any_page_size_may_be_told, 0, 7);
    suite_add_tcase(suite, tests);
    return suite;
}
