/* src/view/row.c, row_file.c and row_names.c: an object told in files. */
#include "view/row.h"

#include <check.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "source/sqlite/database.h"
#include "view/context.h"
#include "view/look.h"
#include "view/rows_support.h"
#include "view/scope.h"

Suite *suite_view_row(void);

START_TEST(a_row_has_an_object_and_a_file_for_each_column_that_is_not_null)
{
    rows_make_both("CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, b BLOB, r REAL, n);"
                   "INSERT INTO t VALUES(1, 'Ada', x'0a41', 0.5, NULL), (2, '', x'', -9e999, 'x')");
    rows_check_list(_i, "t/rows/1", "row.json id name b r ");
    rows_check_list(_i, "t/rows/2", "row.json id name b r n ");
    rows_check_text(_i, "t/rows/1/id", "1");
    rows_check_text(_i, "t/rows/1/name", "Ada");
    rows_check_text(_i, "t/rows/1/b", "\nA");
    rows_check_text(_i, "t/rows/1/r", "0.5");
    rows_check_text(_i, "t/rows/2/name", "");
    rows_check_text(_i, "t/rows/2/b", "");
    rows_check_text(_i, "t/rows/2/r", "-inf");
    rows_check_none(_i, "t/rows/1/n", "n: the row has no such column or link");
    rows_check_none(_i, "t/rows/1/ID", "ID: the row has no such column or link");
}
END_TEST

START_TEST(row_json_has_all_columns)
{
    rows_make_both(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, b BLOB, n); INSERT INTO t VALUES(1, x'00', NULL)");
    struct buf text = BUF_INIT;
    const char *path =
        _i == 0 ? "live/tables/t/rows/1/row.json" : "backups/latest/tables/t/rows/1/row.json";
    stage_read(&rows_stage, path, 4096, &text);
    ck_assert_ptr_nonnull(strstr(buf_text(&text), "\"id\""));
    ck_assert_ptr_nonnull(strstr(buf_text(&text), "base64"));
    ck_assert_ptr_nonnull(strstr(buf_text(&text), "null"));
    ck_assert_uint_eq(stage_attr(&rows_stage, path).size, text.len);
    buf_free(&text);
}
END_TEST

/* With BLOBs that are read in pieces, and others that are as large and come whole. */
START_TEST(large_values_are_files_as_others_are)
{
    static const char *const paths[] = {"t/rows/1/b", "t/rows/1/n", "w/rows/1/b", "t/rows/1/s"};
    const char *top = _i == 0 ? "live/tables" : "backups/latest/tables";
    struct buf text = BUF_INIT;
    char path[64];
    rows_make_both("CREATE TABLE t(id INTEGER PRIMARY KEY, b BLOB, n NUMERIC, s TEXT);"
                   "INSERT INTO t VALUES(1, zeroblob(1500000) || x'07', zeroblob(1500000) || x'07',"
                   " printf('%.1500000c', 'x') || char(7));"
                   "CREATE TABLE w(id INTEGER PRIMARY KEY, b BLOB) WITHOUT ROWID;"
                   "INSERT INTO w SELECT id, b FROM t");
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", top, paths[i]);
        stage_read(&rows_stage, path, 1 << 17, &text);
        ck_assert_uint_eq(text.len, 1500001);
        ck_assert_int_eq(text.data[0], i == 3 ? 'x' : 0);
        ck_assert_int_eq(text.data[1500000], 7);
        ck_assert_uint_eq(stage_attr(&rows_stage, path).size, 1500001);
        buf_clear(&text);
    }
    snprintf(path, sizeof(path), "%s/t/rows/1/row.json", top);
    stage_read(&rows_stage, path, 1 << 17, &text);
    ck_assert_uint_eq(stage_attr(&rows_stage, path).size, text.len);
    ck_assert_uint_gt(text.len, 2 * 2000000 + 1500000);
    buf_free(&text);
}
END_TEST

START_TEST(a_listing_does_not_ask_for_the_objects_size)
{
    struct node_attr attr;
    struct err err = ERR_INIT;
    bool whole = true;
    rows_make_both("CREATE TABLE t(id INTEGER PRIMARY KEY); INSERT INTO t VALUES(1)");
    struct node *node = stage_node(&rows_stage, "backups/latest/tables/t/rows/1/row.json");
    ck_assert_int_eq(node_glance(node, &attr, &whole, &err), 0);
    ck_assert(!whole);
    ck_assert_int_eq(attr.kind, NODE_FILE);
    ck_assert(attr.immutable);
    node_unref(node);
}
END_TEST

START_TEST(columns_called_as_ours_hide_nothing)
{
    rows_make_both("CREATE TABLE p(id INTEGER PRIMARY KEY);"
                   "CREATE TABLE t(a REFERENCES p, \"row.json\", \"referenced-by\", \"a.row\", "
                   "\"/x.row\", \".row\", \"\xc3\xa9.row\", \"\", \"/.row\", b);"
                   "INSERT INTO t VALUES(1, 2, 3, 4, 5, 6, 7, 8, 9, 10)");
    rows_check_list(_i, "t/rows/1",
                    "row.json a %72ow.json %72eferenced-by %61.row %2F%78.row %2Erow "
                    "%C3%A9.row %~ %2F%2Erow b a.row@ ");
    rows_check_text(_i, "t/rows/1/%72ow.json", "2");
    rows_check_text(_i, "t/rows/1/%72eferenced-by", "3");
    rows_check_text(_i, "t/rows/1/%61.row", "4");
    rows_check_text(_i, "t/rows/1/%2F%78.row", "5");
    rows_check_none(_i, "t/rows/1/referenced-by",
                    "referenced-by: the row has no such column or link");
}
END_TEST

START_TEST(a_long_column_that_ends_like_a_link_has_a_name_that_fits)
{
    struct buf sql = BUF_INIT, names = BUF_INIT;
    buf_add_text(&sql, "CREATE TABLE t(\"");
    for (size_t i = 0; i < 251; i++)
        buf_add_text(&sql, "c");
    buf_add_text(&sql, ".row\"); INSERT INTO t VALUES('v')");
    rows_make_both(buf_text(&sql));
    rows_list_in_pieces(_i, "t/rows/1", 100, &names);
    ck_assert_mem_eq(names.data, "row.json %~column~cccc", 21);
    ck_assert_uint_eq(strspn(names.data + 18, "c"), 237 - 9);
    ck_assert_uint_le(names.len, strlen("row.json ") + 255 + 1);
    names.data[names.len - 1] = '\0';
    struct buf path = BUF_INIT;
    buf_addf(&path, "t/rows/1/%s", names.data + strlen("row.json "));
    rows_check_text(_i, buf_text(&path), "v");
    buf_free(&path);
    buf_free(&sql);
    buf_free(&names);
}
END_TEST

START_TEST(files_follow_a_live_row)
{
    struct err err = ERR_INIT;
    struct node_attr attr;
    rows_make_both("CREATE TABLE t(id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES(1, 'old')");
    struct node *file = stage_node(&rows_stage, "live/tables/t/rows/1/v");
    struct node *dir = stage_node(&rows_stage, "live/tables/t/rows/1");
    stage_sql(&rows_stage, "UPDATE t SET v = 'much newer'");
    ck_assert_int_eq(node_attr(file, &attr, &err), 0);
    ck_assert_uint_eq(attr.size, 10);
    ck_assert(!attr.immutable);
    rows_check_text(0, "t/rows/1/v", "much newer");
    rows_check_text(1, "t/rows/1/v", "old");
    stage_sql(&rows_stage, "UPDATE t SET v = NULL");
    ck_assert_int_eq(node_attr(file, &attr, &err), -ENOENT);
    ck_assert_str_eq(err.text, "v: is NULL in this row");
    stage_sql(&rows_stage, "ALTER TABLE t RENAME COLUMN v TO w");
    ck_assert_int_eq(node_attr(file, &attr, &err), -ENOENT);
    ck_assert_str_eq(err.text, "v: t has no such column");
    stage_sql(&rows_stage, "DELETE FROM t");
    ck_assert_int_eq(node_lookup(dir, "w", &file, &err), -ENOENT);
    ck_assert_str_eq(err.text, "1: no such row in t");
    node_unref(file);
    node_unref(dir);
}
END_TEST

START_TEST(an_open_file_keeps_what_it_read)
{
    struct err err = ERR_INIT;
    struct node_file *file = NULL;
    char text[8] = "";
    size_t len = 0;
    rows_make_both("CREATE TABLE t(id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES(1, 'old')");
    struct node *node = stage_node(&rows_stage, "live/tables/t/rows/1/v");
    ck_assert_int_eq(node_open(node, false, NULL, &file, &err), 0);
    stage_sql(&rows_stage, "DELETE FROM t");
    ck_assert_int_eq(file->ops->read(file, 1, text, sizeof(text), &len, &err), 0);
    ck_assert_uint_eq(len, 2);
    ck_assert_mem_eq(text, "ld", 2);
    ck_assert_int_eq(node_open(node, true, NULL, &file, &err), -ENOENT);
    file->ops->close(file);
    node_unref(node);
}
END_TEST

START_TEST(a_backups_row_is_not_written)
{
    struct err err = ERR_INIT;
    struct node_file *file = NULL;
    rows_make_both("CREATE TABLE t(id INTEGER PRIMARY KEY); INSERT INTO t VALUES(1)");
    struct node *node = stage_node(&rows_stage, "backups/latest/tables/t/rows/1/id");
    ck_assert_int_eq(node_open(node, true, NULL, &file, &err), -EROFS);
    ck_assert_str_eq(err.text, "cannot be written");
    node_unref(node);
}
END_TEST

/* By the one connection that the scope has. */
static int pages_read(struct scope *scope)
{
    struct database *database = NULL;
    struct err err = ERR_INIT;
    int count = 0, high = 0;
    ck_assert_int_eq(scope_use(scope, NULL, &database, &err), 0);
    sqlite3_db_status(database_handle(database), SQLITE_DBSTATUS_CACHE_MISS, &count, &high, 0);
    scope_done(scope, database);
    return count;
}

static void use_file(struct node *dir, const char *name)
{
    struct node *file = NULL;
    struct node_file *open = NULL;
    struct node_attr attr;
    struct err err = ERR_INIT;
    ck_assert_msg(node_lookup(dir, name, &file, &err) == 0, "%s", err.text);
    ck_assert_int_eq(node_attr(file, &attr, &err), 0);
    ck_assert_int_eq(node_open(file, false, NULL, &open, &err), 0);
    open->ops->close(open);
    node_unref(file);
}

START_TEST(a_columns_file_is_read_without_the_rest_of_its_row)
{
    struct view *view = NULL;
    struct scope *scope = NULL;
    struct row *row = NULL;
    struct node *dir = NULL;
    struct err err = ERR_INIT;
    stage_sql(&rows_stage, "CREATE TABLE t(id INTEGER PRIMARY KEY, small, big TEXT, blob BLOB);"
                           "INSERT INTO t VALUES(1, 'few', printf('%.4000000c', 'x'),"
                           " zeroblob(4000000))");
    ck_assert_int_eq(view_new(rows_stage.service, &view, &err), 0);
    ck_assert_int_eq(scope_live(view, &scope, &err), 0);
    ck_assert_int_eq(row_new(scope, "t", "1", &row, &err), 0);
    ck_assert_int_eq(row_make(row, &dir, &err), 0);
    int before = pages_read(scope);
    use_file(dir, "small");
    use_file(dir, "id");
    ck_assert_int_lt(pages_read(scope) - before, 30);
    use_file(dir, "big");
    ck_assert_int_gt(pages_read(scope) - before, 900);
    node_unref(dir);
    row_unref(row);
    scope_unref(scope);
    view_close(view);
}
END_TEST

Suite *suite_view_row(void)
{
    Suite *suite = suite_create("view/row");
    TCase *tests = tcase_create("row");
    tcase_add_checked_fixture(tests, rows_set, rows_clear);
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, a_row_has_an_object_and_a_file_for_each_column_that_is_not_null, 0,
                        2);
    tcase_add_loop_test(tests, row_json_has_all_columns, 0, 2);
    tcase_add_loop_test(tests, large_values_are_files_as_others_are, 0, 2);
    tcase_add_test(tests, a_listing_does_not_ask_for_the_objects_size);
    tcase_add_loop_test(tests, columns_called_as_ours_hide_nothing, 0, 2);
    tcase_add_loop_test(tests, a_long_column_that_ends_like_a_link_has_a_name_that_fits, 0, 2);
    tcase_add_test(tests, files_follow_a_live_row);
    tcase_add_test(tests, an_open_file_keeps_what_it_read);
    tcase_add_test(tests, a_backups_row_is_not_written);
    tcase_add_test(tests, a_columns_file_is_read_without_the_rest_of_its_row);
    suite_add_tcase(suite, tests);
    return suite;
}
