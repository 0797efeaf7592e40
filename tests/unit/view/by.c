/* src/view/by.c: rows by the values of indexed columns. */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "view/rows_support.h"

Suite *suite_view_by(void);

START_TEST(indexed_columns_have_their_values_and_these_their_rows)
{
    rows_make_both("CREATE TABLE t(k TEXT PRIMARY KEY, \"a/b\" INT, c, d) WITHOUT ROWID;"
                   "CREATE INDEX ta ON t(\"a/b\"); CREATE INDEX tc ON t(c, d);"
                   "INSERT INTO t VALUES('x', 1, 'v,', 1), ('/', 1, NULL, 1), ('z', 20, '', 1)");
    rows_check_list(_i, "t/by", "a%2Fb/ c/ ");
    rows_check_list(_i, "t/by/a%2Fb", "1/ 20/ ");
    rows_check_list(_i, "t/by/a%2Fb/1", "%2F@ x@ ");
    rows_check_link(_i, "t/by/a%2Fb/1/%2F", "../../../rows/%2F");
    rows_check_text(_i, "t/by/a%2Fb/1/%2F/k", "/");
    rows_check_list(_i, "t/by/c", "%~null/ %~/ v,/ ");
    rows_check_list(_i, "t/by/c/%~null", "%2F@ ");
    rows_check_list(_i, "t/by/c/v,", "x@ ");
}
END_TEST

START_TEST(a_column_that_alone_is_the_key_is_left_to_rows)
{
    rows_make_both("CREATE TABLE t(id INTEGER PRIMARY KEY, a UNIQUE); INSERT INTO t VALUES(1, 2);"
                   "CREATE TABLE u(k TEXT PRIMARY KEY); INSERT INTO u VALUES('x');"
                   "CREATE TABLE v(a, b, PRIMARY KEY(a, b)) WITHOUT ROWID;"
                   "INSERT INTO v VALUES(1, 2)");
    rows_check_list(_i, "t/by", "a/ ");
    rows_check_none(_i, "t/by/id", "id: t is not looked up by such a column");
    rows_check_none(_i, "u/by", "u: no column but its key is indexed");
    rows_check_list(_i, "v/by", "a/ ");
    rows_check_list(_i, "v/by/a/1", "1,2@ ");
}
END_TEST

START_TEST(what_is_not_there_is_not_found)
{
    rows_make_both("CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT UNIQUE, b, n INT UNIQUE);"
                   "INSERT INTO t VALUES(1, 'x', 1, 1), (2, '1', 1, 2)");
    rows_check_none(_i, "t/by/b", "b: t is not looked up by such a column");
    rows_check_none(_i, "t/by/A", "A: t is not looked up by such a column");
    rows_check_none(_i, "t/by/a/y", "t: no row has this value any more");
    rows_check_none(_i, "t/by/a/%78", "%78: no such value of a in t");
    rows_check_none(_i, "t/by/a/%~null", "t: no row has this value any more");
    rows_check_none(_i, "t/by/n/%~text~1", "%~text~1: the rows with this value are below 1");
    rows_check_none(_i, "t/by/a/x/2", "2: the row has another value");
    rows_check_none(_i, "t/by/a/x/3", "3: no such row in t");
    rows_check_none(_i, "t/by/a/x/01", "01: no such row in t");
}
END_TEST

START_TEST(values_that_sqlite_takes_for_equal_are_one)
{
    rows_make_both(
        "CREATE TABLE t(a TEXT COLLATE NOCASE, n); CREATE INDEX ta ON t(a); CREATE INDEX tn ON t(n, a);"
        "INSERT INTO t VALUES('b', 1), ('B', 1.0), ('a', '1'), ('A', x'31')");
    rows_check_list(_i, "t/by/a", "a/ b/ ");
    rows_check_list(_i, "t/by/a/b", "1@ 2@ ");
    rows_check_none(_i, "t/by/a/B", "B: the rows with this value are below b");
    /* The index has 1.0 first: as the row's order has it, it is 1. */
    rows_check_list(_i, "t/by/n", "1/ %~text~1/ %~blob~1/ ");
    rows_check_list(_i, "t/by/n/1", "1@ 2@ ");
    rows_check_none(_i, "t/by/n/1.0", "1.0: the rows with this value are below 1");
}
END_TEST

START_TEST(many_values_and_rows_are_listed_in_pieces)
{
    struct buf names = BUF_INIT;
    rows_make_both("CREATE TABLE t(id INTEGER PRIMARY KEY, a); CREATE INDEX ta ON t(a);"
                   "WITH RECURSIVE c(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM c WHERE i < 300)"
                   "INSERT INTO t SELECT i, i % 30 FROM c");
    rows_list_in_pieces(_i, "t/by/a", 7, &names);
    ck_assert_mem_eq(names.data, "0/ 1/ 2/ ", 9);
    ck_assert_str_eq(names.data + names.len - 8, "28/ 29/ ");
    buf_clear(&names);
    rows_list_in_pieces(_i, "t/by/a/3", 3, &names);
    ck_assert_str_eq(buf_text(&names), "3@ 33@ 63@ 93@ 123@ 153@ 183@ 213@ 243@ 273@ ");
    buf_free(&names);
}
END_TEST

START_TEST(where_nothing_is_indexed_there_is_no_such_directory)
{
    rows_make_both(
        "CREATE TABLE t(a); CREATE INDEX ta ON t(a) WHERE a > 1; CREATE INDEX te ON t(a + 1);"
        "CREATE TABLE u(rowid, oid, _rowid_, a UNIQUE)");
    rows_check_none(_i, "t/by", "t: no column but its key is indexed");
    rows_check_none(_i, "u/by", "u: no column but its key is indexed");
    rows_check_list(_i, "t", "schema.sql columns.json count rows.csv rows.ndjson rows.sql rows/ ");
}
END_TEST

START_TEST(live_values_come_and_go)
{
    rows_make_both(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, a UNIQUE); INSERT INTO t VALUES(1, 'x')");
    struct node *node = stage_node(&rows_stage, "live/tables/t/by/a/x");
    struct node *link = NULL;
    struct err err = ERR_INIT;
    stage_sql(&rows_stage, "UPDATE t SET a = 'y'");
    ck_assert_int_eq(node_lookup(node, "1", &link, &err), -ENOENT);
    ck_assert_str_eq(err.text, "t: no row has this value any more");
    rows_check_list(0, "t/by/a", "y/ ");
    rows_check_list(1, "t/by/a", "x/ ");
    node_unref(node);
}
END_TEST

Suite *suite_view_by(void)
{
    Suite *suite = suite_create("view/by");
    TCase *tests = tcase_create("by");
    tcase_add_checked_fixture(tests, rows_set, rows_clear);
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, indexed_columns_have_their_values_and_these_their_rows, 0, 2);
    tcase_add_loop_test(tests, a_column_that_alone_is_the_key_is_left_to_rows, 0, 2);
    tcase_add_loop_test(tests, what_is_not_there_is_not_found, 0, 2);
    tcase_add_loop_test(tests, values_that_sqlite_takes_for_equal_are_one, 0, 2);
    tcase_add_loop_test(tests, many_values_and_rows_are_listed_in_pieces, 0, 2);
    tcase_add_loop_test(tests, where_nothing_is_indexed_there_is_no_such_directory, 0, 2);
    tcase_add_test(tests, live_values_come_and_go);
    suite_add_tcase(suite, tests);
    return suite;
}
