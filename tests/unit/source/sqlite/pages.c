/*
 * src/source/sqlite/pages.c, leaf_walk.c: no row that differs is missed, and what did not change is
 * not read.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "source/sqlite/pages_support.h"
#include "source/sqlite/support.h"
#include "store/support.h"

Suite *suite_source_sqlite_pages(void);

static const char *const make_big =
    "CREATE TABLE big(id INTEGER PRIMARY KEY, name TEXT, n INTEGER);"
    "CREATE INDEX by_name ON big(name);"
    "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 60000)"
    " INSERT INTO big SELECT i, 'the name of row ' || i || hex(i * 7919), i % 97 FROM c;";

static struct two_states two;

/* Two states with `change` between them, compared. */
static void states_of(const char *make, const char *change)
{
    two_states_begin(&two);
    database_make("a.db", make);
    two_states_keep(&two, 0);
    database_make("a.db", change);
    two_states_keep(&two, 1);
    two_states_compare(&two);
}

START_TEST(equal_backups_are_equal_without_a_look)
{
    struct table_ranges ranges;

    states_of(make_big, "SELECT 1");
    ck_assert(page_comparison_equal(two.comparison));
    table_ranges_get(&two, "big", &ranges);
    ck_assert(!ranges.whole);
    ck_assert_uint_eq(ranges.count, 0);
    ck_assert_uint_eq(page_comparison_pages_read(two.comparison), 0);
    two_states_end(&two);
}
END_TEST

START_TEST(a_changed_row_costs_few_pages)
{
    struct table_ranges ranges;

    states_of(make_big, "UPDATE big SET n = -1 WHERE id = 31234");
    ck_assert(!page_comparison_equal(two.comparison));
    ck_assert_int_eq(assert_sound(&two, "big"), 1);
    table_ranges_get(&two, "big", &ranges);
    ck_assert_uint_eq(ranges.count, 1);
    ck_assert(ranges.items[0].last - ranges.items[0].first < 500);
    table_ranges_free(&ranges);
    /* interior pages once, the first leaf, the page that changed; and again for the second call */
    ck_assert_uint_gt(page_count(&two, 1), 1000);
    ck_assert_uint_le(page_comparison_pages_read(two.comparison), 2 + 2 * (4 + 1));
    two_states_end(&two);
}
END_TEST

START_TEST(changes_here_and_there_cost_as_many_pages)
{
    uint64_t read, pages;

    states_of(make_big, "UPDATE big SET n = n + 1 WHERE id % 6000 = 17");
    ck_assert_int_eq(assert_sound(&two, "big"), 10);
    read = page_comparison_pages_read(two.comparison);
    pages = page_count(&two, 1);
    ck_assert_msg(read < pages / 40, "%d of %d", (int)read, (int)pages);
    two_states_end(&two);
}
END_TEST

START_TEST(ranges_that_are_close_are_joined)
{
    struct table_ranges ranges;

    states_of(make_big, "UPDATE big SET n = -1 WHERE id IN (30000, 30150, 50000)");
    ck_assert_int_eq(assert_sound(&two, "big"), 3);
    table_ranges_get(&two, "big", &ranges);
    ck_assert_uint_eq(ranges.count, 2);
    table_ranges_free(&ranges);
    two_states_end(&two);
}
END_TEST

START_TEST(rows_at_the_end_are_found_and_no_others)
{
    struct table_ranges ranges;

    states_of(make_big, "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE"
                        " i < 2000) INSERT INTO big SELECT NULL, 'new ' || i, i FROM c");
    ck_assert_int_eq(assert_sound(&two, "big"), 2000);
    table_ranges_get(&two, "big", &ranges);
    ck_assert_uint_eq(ranges.count, 1);
    ck_assert(ranges.items[0].first > 59000 && ranges.items[0].last == INT64_MAX);
    table_ranges_free(&ranges);
    two_states_end(&two);
}
END_TEST

START_TEST(a_table_that_was_not_touched_is_equal)
{
    struct table_ranges ranges;

    states_of("CREATE TABLE a(x); CREATE TABLE b(x); INSERT INTO a VALUES(1);"
              "INSERT INTO b VALUES(randomblob(100000))",
              "INSERT INTO a VALUES(2)");
    table_ranges_get(&two, "b", &ranges);
    ck_assert(!ranges.whole);
    ck_assert_uint_eq(ranges.count, 0);
    ck_assert_int_eq(assert_sound(&two, "a"), 1);
    two_states_end(&two);
}
END_TEST

START_TEST(a_table_without_rowid_is_equal_or_whole)
{
    struct table_ranges ranges;

    states_of("CREATE TABLE w(k TEXT PRIMARY KEY, v) WITHOUT ROWID;"
              "CREATE TABLE u(k TEXT PRIMARY KEY, v) WITHOUT ROWID;"
              "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 20000)"
              " INSERT INTO w SELECT 'a key of some length ' || i, i FROM c;"
              "INSERT INTO u SELECT * FROM w;",
              "UPDATE w SET v = -1 WHERE k = 'a key of some length 777'");
    table_ranges_get(&two, "w", &ranges);
    ck_assert(ranges.whole);
    ck_assert_ptr_null(ranges.items);
    table_ranges_get(&two, "u", &ranges);
    ck_assert(!ranges.whole);
    ck_assert_uint_eq(ranges.count, 0);
    ck_assert_uint_lt(page_comparison_pages_read(two.comparison), page_count(&two, 1) / 10);
    two_states_end(&two);
}
END_TEST

START_TEST(a_row_in_an_interior_page_of_a_table_without_rowid_counts)
{
    struct table_ranges ranges;
    int whole = 0;

    for (int i = 0; i < 40; i++) {
        char change[100];

        (void)snprintf(change, sizeof change, "UPDATE w SET v = 'B' WHERE k = %d", 7 + i);
        states_of("PRAGMA page_size = 512;"
                  "CREATE TABLE w(k INTEGER PRIMARY KEY, v, pad) WITHOUT ROWID;"
                  "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 300)"
                  " INSERT INTO w SELECT i, 'A', 'some padding that is not short' FROM c;",
                  change);
        table_ranges_get(&two, "w", &ranges);
        whole += ranges.whole;
        two_states_end(&two);
        ck_assert_int_eq(remove(folder_path("a.db")), 0);
        folder_tear_down();
        folder_set_up();
    }
    ck_assert_int_eq(whole, 40);
}
END_TEST

START_TEST(a_table_without_a_root_is_whole)
{
    struct table_ranges ranges;

    states_of("CREATE TABLE a(x)", "CREATE TABLE b(x)");
    table_ranges_get(&two, "nothing", &ranges);
    ck_assert(ranges.whole);
    two_states_end(&two);
}
END_TEST

START_TEST(backups_of_other_page_sizes_cannot_be_compared)
{
    struct err err = ERR_INIT;
    struct page_comparison *comparison = NULL;

    two_states_begin(&two);
    database_make("a.db", "PRAGMA page_size = 1024; CREATE TABLE a(x)");
    two_states_keep(&two, 0);
    database_make("a.db", "PRAGMA page_size = 2048; VACUUM");
    two_states_keep(&two, 1);
    assert_fails(page_comparison_new(two.snapshots[0], two.snapshots[1], &comparison, &err),
                 -ENOTSUP, &err, "pages of different sizes or encodings");
    two_states_end(&two);
}
END_TEST

START_TEST(what_is_no_database_cannot_be_compared)
{
    struct err err = ERR_INIT;
    struct page_comparison *comparison = NULL;

    two_states_begin(&two);
    database_make("a.db", "CREATE TABLE a(x)");
    two_states_keep(&two, 0);
    buf_add(&two.images[1], two.images[0].data, two.images[0].len);
    two.images[1].data[3] = 'x';
    two_states_put(&two, 1);
    assert_fails(page_comparison_new(two.snapshots[0], two.snapshots[1], &comparison, &err),
                 -ENOTSUP, &err, "another header than SQLite writes");
    two_states_end(&two);
}
END_TEST

Suite *suite_source_sqlite_pages(void)
{
    Suite *suite = suite_create("source/sqlite/pages");
    TCase *pages = tcase_create("pages");

    tcase_add_checked_fixture(pages, folder_set_up, folder_tear_down);
    tcase_set_timeout(pages, 120);
    tcase_add_test(pages, equal_backups_are_equal_without_a_look);
    tcase_add_test(pages, a_changed_row_costs_few_pages);
    tcase_add_test(pages, changes_here_and_there_cost_as_many_pages);
    tcase_add_test(pages, ranges_that_are_close_are_joined);
    tcase_add_test(pages, rows_at_the_end_are_found_and_no_others);
    tcase_add_test(pages, a_table_that_was_not_touched_is_equal);
    tcase_add_test(pages, a_table_without_rowid_is_equal_or_whole);
    tcase_add_test(pages, a_row_in_an_interior_page_of_a_table_without_rowid_counts);
    tcase_add_test(pages, a_table_without_a_root_is_whole);
    tcase_add_test(pages, backups_of_other_page_sizes_cannot_be_compared);
    tcase_add_test(pages, what_is_no_database_cannot_be_compared);
    suite_add_tcase(suite, pages);
    return suite;
}
