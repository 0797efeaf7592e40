/*
 * src/source/sqlite/tree_pages.c: which pages belong to b-trees, by SQLite's own dbstat.
 */
#include <check.h>
#include <stdio.h>

#include "dbsnapfs/store/snapshot.h"
#include "source/sqlite/bitmap.h"
#include "source/sqlite/page_reader.h"
#include "source/sqlite/pages_support.h"
#include "source/sqlite/support.h"
#include "source/sqlite/tree_pages.h"

Suite *suite_source_sqlite_tree_pages(void);

static const char *const make_all =
    "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT, b BLOB); CREATE INDEX t_a ON t(a);"
    "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 3000)"
    " INSERT INTO t SELECT i, 'text ' || (i * 7919 % 3000), randomblob(i % 50 * 200) FROM c;"
    "CREATE TABLE w(a TEXT, b, PRIMARY KEY(b, a)) WITHOUT ROWID; CREATE TABLE empty(x UNIQUE);"
    "INSERT INTO w SELECT a, hex(a) FROM t; CREATE VIRTUAL TABLE f USING fts5(x);"
    "INSERT INTO f SELECT a FROM t; CREATE VIEW v AS SELECT 1;"
    "DELETE FROM t WHERE id BETWEEN 1000 AND 1500";

static struct two_states two;

static void keep(int page_size, int auto_vacuum)
{
    char sql[2000];

    (void)snprintf(sql, sizeof sql, "PRAGMA page_size = %d; PRAGMA auto_vacuum = %d; %s", page_size,
                   auto_vacuum, make_all);
    two_states_begin(&two);
    database_make("a.db", sql);
    two_states_keep(&two, 0);
    two_states_keep(&two, 1);
    two_states_compare(&two);
}

static bool is_of_a_tree(uint32_t page)
{
    sqlite3_stmt *stmt = NULL;
    bool is;

    ck_assert_int_eq(sqlite3_prepare_v2(two.oracle,
                                        "SELECT count(*) FROM dbstat WHERE schema = 'after' AND "
                                        "pageno = ?1 AND pagetype IN ('internal', 'leaf')",
                                        -1, &stmt, NULL),
                     SQLITE_OK);
    ck_assert_int_eq(sqlite3_bind_int64(stmt, 1, page), SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(stmt), SQLITE_ROW);
    is = sqlite3_column_int(stmt, 0) > 0;
    sqlite3_finalize(stmt);
    return is;
}

START_TEST(each_page_of_a_tree_is_found_and_no_other)
{
    static const int sizes[] = {512, 1024, 4096, 65536};
    struct page_reader reader;
    struct bitmap pages;
    uint32_t found = 0;

    keep(sizes[_i / 2], _i % 2);
    ck_assert_int_eq(page_reader_init(&reader, two.snapshots[1], NULL), 0);
    ck_assert_int_eq(bitmap_init(&pages, (uint64_t)reader.page_count + 1), 0);
    ck_assert_int_eq(tree_pages_find(&reader, &pages, NULL), 0);
    /* dbstat goes through all trees for each question: every page of a few hundred is asked about. */
    for (uint32_t page = 1; page <= reader.page_count; page += 1 + reader.page_count / 200) {
        ck_assert_msg(bitmap_has(&pages, page) == is_of_a_tree(page), "page %u of %u",
                      (unsigned)page, (unsigned)reader.page_count);
        found += bitmap_has(&pages, page);
    }
    ck_assert_uint_gt(found, 5);
    ck_assert_uint_lt(pages.count, reader.page_count);
    ck_assert_uint_lt(reader.pages_read, reader.page_count / (sizes[_i / 2] < 4096 ? 5 : 2));
    bitmap_release(&pages);
    two_states_end(&two);
}
END_TEST

Suite *suite_source_sqlite_tree_pages(void)
{
    Suite *suite = suite_create("source/sqlite/tree_pages");
    TCase *pages = tcase_create("pages");

    tcase_add_checked_fixture(pages, folder_set_up, folder_tear_down);
    tcase_set_timeout(pages, 120);
    tcase_add_loop_test(pages, each_page_of_a_tree_is_found_and_no_other, 0, 8);
    suite_add_tcase(suite, pages);
    return suite;
}
