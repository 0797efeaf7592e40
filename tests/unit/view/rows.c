/* src/view/rows.c: rows/, and the listings of src/view/row_list.c. */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "view/rows_support.h"

Suite *suite_view_rows(void);

START_TEST(rows_have_their_keys_names)
{
    rows_make_both("CREATE TABLE i(id INTEGER PRIMARY KEY); INSERT INTO i VALUES(3), (-1), (20);"
                   "CREATE TABLE t(k TEXT PRIMARY KEY, v) WITHOUT ROWID;"
                   "INSERT INTO t VALUES('b', 1), ('a/b', 2), ('.', 3), ('', 4);"
                   "CREATE TABLE p(a TEXT, b INT, PRIMARY KEY(a DESC, b)) WITHOUT ROWID;"
                   "INSERT INTO p VALUES('x', 1), ('x', 2), ('y', 1), ('a,b', 0);"
                   "CREATE TABLE r(x); INSERT INTO r VALUES(1), (2);"
                   "CREATE TABLE none(x);");
    rows_check_list(_i, "i/rows", "-1/ 3/ 20/ ");
    rows_check_list(_i, "t/rows", "%~/ %2E/ a%2Fb/ b/ ");
    rows_check_list(_i, "p/rows", "y,1/ x,1/ x,2/ a%2Cb,0/ ");
    rows_check_list(_i, "r/rows", "1/ 2/ ");
    rows_check_list(_i, "none/rows", "");
}
END_TEST

START_TEST(rows_without_positions_are_listed_too)
{
    rows_make_both("CREATE TABLE t(rowid, oid, _rowid_, PRIMARY KEY(oid));"
                   "INSERT INTO t VALUES(1, 2, 3), (1, 5, 3), (1, 7, 3)");
    rows_check_list(_i, "t/rows", "2/ 5/ 7/ ");
}
END_TEST

START_TEST(a_listing_of_many_pieces_has_each_row_once)
{
    struct buf all = BUF_INIT, pieces = BUF_INIT;
    rows_make_both("CREATE TABLE t(k TEXT PRIMARY KEY) WITHOUT ROWID;"
                   "WITH RECURSIVE c(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM c WHERE i < 1000)"
                   "INSERT INTO t SELECT printf('%.*c%d', i % 50, 'x', i) FROM c");
    rows_list_in_pieces(_i, "t/rows", 2000, &all);
    rows_list_in_pieces(_i, "t/rows", 7, &pieces);
    ck_assert_str_eq(buf_text(&all), buf_text(&pieces));
    size_t count = 0;
    for (const char *p = buf_text(&all); *p; p++)
        count += *p == '/';
    ck_assert_uint_eq(count, 1000);
    buf_free(&all);
    buf_free(&pieces);
}
END_TEST

static int take_one(void *arg, const char *name, enum node_kind kind, uint64_t next)
{
    struct buf *out = arg;
    (void)kind, (void)next;
    if (out->len > 0)
        return 1;
    buf_add_text(out, name);
    return 0;
}

static void check_name_at(struct node *node, struct node_place *place, uint64_t cookie,
                          const char *name)
{
    struct buf found = BUF_INIT;
    struct err err = ERR_INIT;
    ck_assert_int_eq(node_list(node, place, cookie, take_one, &found, &err), 0);
    ck_assert_str_eq(buf_text(&found), name);
    buf_free(&found);
}

START_TEST(a_listing_goes_on_from_any_cookie)
{
    struct node_place place = {NULL, NULL};
    rows_make_both("CREATE TABLE t(id INTEGER PRIMARY KEY); INSERT INTO t VALUES(10), (20), (30)");
    struct node *node =
        stage_node(&rows_stage, _i == 0 ? "live/tables/t/rows" : "backups/latest/tables/t/rows");
    ck_assert(node->names_only);
    check_name_at(node, &place, 1, "20");
    check_name_at(node, &place, 0, "10");
    check_name_at(node, &place, 2, "30");
    check_name_at(node, &place, 1, "20");
    check_name_at(node, &place, 3, "");
    node_place_clear(&place);
    node_unref(node);
}
END_TEST

START_TEST(a_listing_goes_on_behind_its_last_row_when_rows_before_are_gone)
{
    struct node_place place = {NULL, NULL};
    rows_make_both("CREATE TABLE t(id INTEGER PRIMARY KEY); INSERT INTO t VALUES(10), (20), (30)");
    struct node *node = stage_node(&rows_stage, "live/tables/t/rows");
    check_name_at(node, &place, 0, "10");
    check_name_at(node, &place, 1, "20");
    stage_sql(&rows_stage, "DELETE FROM t WHERE id <= 20; INSERT INTO t VALUES(5), (25)");
    check_name_at(node, &place, 2, "25");
    node_place_clear(&place);
    node_unref(node);
}
END_TEST

START_TEST(what_no_row_is_called_is_not_there)
{
    rows_make_both("CREATE TABLE t(id INTEGER PRIMARY KEY); INSERT INTO t VALUES(1)");
    rows_check_none(_i, "t/rows/2", "2: no such row in t");
    rows_check_none(_i, "t/rows/01", "01: no such row in t");
    rows_check_none(_i, "t/rows/%31", "%31: no such row in t");
}
END_TEST

START_TEST(where_nothing_names_rows_there_is_no_such_directory)
{
    rows_make_both(
        "CREATE TABLE t(rowid, oid, _rowid_); CREATE TABLE u(x); CREATE VIEW v AS SELECT 1");
    rows_check_none(_i, "t/rows", "t: nothing names its rows");
    rows_check_list(_i, "t", "schema.sql columns.json count rows.csv rows.ndjson rows.sql ");
    rows_check_list(_i, "u", "schema.sql columns.json count rows.csv rows.ndjson rows.sql rows/ ");
}
END_TEST

START_TEST(rows_of_a_table_that_is_dropped_are_gone)
{
    struct err err = ERR_INIT;
    struct node *row = NULL;
    rows_make_both("CREATE TABLE t(id INTEGER PRIMARY KEY); INSERT INTO t VALUES(1)");
    struct node *node = stage_node(&rows_stage, "live/tables/t/rows");
    stage_sql(&rows_stage, "DROP TABLE t");
    ck_assert_int_eq(node_lookup(node, "1", &row, &err), -ENOENT);
    ck_assert_str_eq(err.text, "t: there is no such table any more");
    ck_assert_int_eq(node_list(node, NULL, 0, take_one, NULL, &err), -ENOENT);
    node_unref(node);
    rows_check_list(1, "t/rows", "1/ ");
}
END_TEST

Suite *suite_view_rows(void)
{
    Suite *suite = suite_create("view/rows");
    TCase *tests = tcase_create("rows");
    tcase_add_checked_fixture(tests, rows_set, rows_clear);
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, rows_have_their_keys_names, 0, 2);
    tcase_add_loop_test(tests, rows_without_positions_are_listed_too, 0, 2);
    tcase_add_loop_test(tests, a_listing_of_many_pieces_has_each_row_once, 0, 2);
    tcase_add_loop_test(tests, a_listing_goes_on_from_any_cookie, 0, 2);
    tcase_add_test(tests, a_listing_goes_on_behind_its_last_row_when_rows_before_are_gone);
    tcase_add_loop_test(tests, what_no_row_is_called_is_not_there, 0, 2);
    tcase_add_loop_test(tests, where_nothing_names_rows_there_is_no_such_directory, 0, 2);
    tcase_add_test(tests, rows_of_a_table_that_is_dropped_are_gone);
    suite_add_tcase(suite, tests);
    return suite;
}
