/*
 * src/source/sqlite/btree.c: what SQLite writes is read, and any bytes can be looked at.
 */
#include "source/sqlite/btree.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "source/sqlite/support.h"
#include "store/support.h"

Suite *suite_source_sqlite_btree(void);

#define PAGE 1024u

/* All cells of all leaves of the table with this root, counted by going down to them. */
static void count_rows(const struct buf *image, uint32_t number, uint64_t *rows,
                       uint64_t *payload_bytes, uint64_t *overflow_pages)
{
    struct btree_page page;
    struct btree_cell cell;

    ck_assert(btree_page_read((const uint8_t *)image->data + (size_t)(number - 1) * PAGE, number,
                              PAGE, &page));
    for (uint32_t i = 0; i < page.cell_count; i++) {
        ck_assert(btree_cell_read(&page, i, &cell));
        if (page.interior) {
            count_rows(image, cell.left_child, rows, payload_bytes, overflow_pages);
        } else {
            (*rows)++;
            *payload_bytes += cell.payload_bytes;
            *overflow_pages += cell.overflow_pages;
            ck_assert((cell.overflow_first != 0) == (cell.overflow_pages != 0));
        }
    }
    if (page.interior)
        count_rows(image, page.right_child, rows, payload_bytes, overflow_pages);
}

START_TEST(rows_and_their_overflow_pages_are_those_that_sqlite_counts)
{
    static const char *const sums[] = {
        "SELECT sum(ncell) FROM dbstat WHERE name = 't' AND pagetype = 'leaf'",
        "SELECT sum(payload) FROM dbstat WHERE name = 't' AND pagetype <> 'internal'",
        "SELECT count(*) FROM dbstat WHERE name = 't' AND pagetype = 'overflow'",
        "SELECT rootpage FROM sqlite_schema WHERE name = 't'"};
    uint64_t rows = 0, payload_bytes = 0, overflow_pages = 0;
    struct buf image = BUF_INIT;
    int64_t told[4];
    sqlite3 *db;

    database_make("a.db",
                  "PRAGMA page_size = 1024; CREATE TABLE t(id INTEGER PRIMARY KEY, b);"
                  "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 3500)"
                  " INSERT INTO t SELECT i * i * i - 1000, zeroblob(i) FROM c");
    file_load("a.db", &image);
    db = shell_open("a.db");
    for (int i = 0; i < 4; i++)
        told[i] = database_int(db, sums[i]);
    sqlite3_close(db);
    count_rows(&image, (uint32_t)told[3], &rows, &payload_bytes, &overflow_pages);
    ck_assert_int_eq((int64_t)rows, told[0]);
    ck_assert_int_eq((int64_t)payload_bytes, told[1]);
    ck_assert_int_eq((int64_t)overflow_pages, told[2]);
    buf_free(&image);
}
END_TEST

START_TEST(any_bytes_can_be_looked_at)
{
    static const uint8_t types[] = {2, 5, 10, 13};
    uint8_t *bytes = malloc(512); /* so that a reader behind the end is found */
    uint64_t seed = 5;
    int pages = 0;

    ck_assert_ptr_nonnull(bytes);
    for (int i = 0; i < 200000; i++) {
        struct btree_page page;
        struct btree_cell cell;

        for (size_t k = 0; k < 512; k++)
            bytes[k] = (uint8_t)random_next(&seed);
        bytes[0] = types[i % 4];
        bytes[3] = 0;
        bytes[4] &= 7;
        bytes[5] = 0;
        for (size_t k = 8; k < 30; k += 2) /* pointers into the page, mostly */
            bytes[k] &= 1;
        if (!btree_page_read(bytes, i % 7 ? 2 : 1, 512, &page))
            continue;
        pages++;
        for (uint32_t k = 0; k < page.cell_count; k++)
            (void)btree_cell_read(&page, k, &cell);
    }
    ck_assert_int_gt(pages, 100);
    free(bytes);
}
END_TEST

Suite *suite_source_sqlite_btree(void)
{
    Suite *suite = suite_create("source/sqlite/btree");
    TCase *tests = tcase_create("btree");

    tcase_add_checked_fixture(tests, folder_set_up, folder_tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, rows_and_their_overflow_pages_are_those_that_sqlite_counts);
    tcase_add_test(tests, any_bytes_can_be_looked_at);
    suite_add_tcase(suite, tests);
    return suite;
}
