/* src/view/links.c and referenced.c: foreign keys as links, both ways. */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "view/rows_support.h"

Suite *suite_view_links(void);

START_TEST(a_foreign_key_leads_to_the_row_it_names)
{
    rows_make_both(
        "CREATE TABLE \"p/q\"(id INTEGER PRIMARY KEY, c TEXT UNIQUE);"
        "INSERT INTO \"p/q\" VALUES(1, 'x'), (2, 'y');"
        "CREATE TABLE t(id INTEGER PRIMARY KEY, a REFERENCES \"p/q\", b REFERENCES \"p/q\"(c));"
        "INSERT INTO t VALUES(1, 1, 'y'), (2, NULL, NULL), (3, 9, 'z')");
    rows_check_list(_i, "t/rows/1", "row.json id a b a.row@ b.row@ ");
    rows_check_link(_i, "t/rows/1/a.row", "../../../p%2Fq/rows/1");
    rows_check_link(_i, "t/rows/1/b.row", "../../../p%2Fq/rows/2");
    rows_check_text(_i, "t/rows/1/b.row/c", "y");
    rows_check_list(_i, "t/rows/2", "row.json id ");
    rows_check_none(_i, "t/rows/2/a.row", "a.row: the row has no such column or link");
}
END_TEST

START_TEST(one_that_names_no_row_leads_nowhere)
{
    rows_make_both(
        "CREATE TABLE p(id INTEGER PRIMARY KEY, c TEXT UNIQUE); INSERT INTO p VALUES(1, 'x');"
        "CREATE TABLE q(k TEXT, l INT, PRIMARY KEY(l, k));"
        "CREATE TABLE t(a REFERENCES p, b REFERENCES p(c), k, l, FOREIGN KEY(k, l) REFERENCES q(k, l));"
        "INSERT INTO t VALUES(9, '1', 'k,', 5)");
    rows_check_link(_i, "t/rows/1/a.row", "../../../p/rows/9");
    /* Not to the row that is called 1. */
    rows_check_link(_i, "t/rows/1/b.row", "../../../p/rows/%~missing~1");
    rows_check_link(_i, "t/rows/1/k,l.row", "../../../q/rows/5,k%2C");
    rows_check_none(_i, "t/rows/1/b.row/c", "%~missing~1: no such row in p");
}
END_TEST

START_TEST(one_without_a_parent_is_no_link)
{
    rows_make_both("CREATE TABLE p(x); CREATE VIEW v AS SELECT 1 AS id;"
                   "CREATE TABLE n(rowid, oid, _rowid_, x UNIQUE);"
                   "CREATE TABLE t(a REFERENCES nowhere, b REFERENCES p(gone), c REFERENCES v(id), "
                   "d REFERENCES n(x)); INSERT INTO t VALUES(1, 2, 3, 4)");
    rows_check_list(_i, "t/rows/1", "row.json a b c d ");
}
END_TEST

START_TEST(keys_of_the_same_columns_are_told_apart)
{
    rows_make_both(
        "CREATE TABLE p(id INTEGER PRIMARY KEY, u UNIQUE); INSERT INTO p VALUES(1, 1), (2, 3);"
        "CREATE TABLE q(id INTEGER PRIMARY KEY); INSERT INTO q VALUES(1);"
        "CREATE TABLE t(a REFERENCES p REFERENCES q REFERENCES p(u), \"a,b\" REFERENCES p, b, "
        "FOREIGN KEY(a, b) REFERENCES p(id, u)); INSERT INTO t VALUES(1, 2, 3)");
    rows_check_list(_i, "t/rows/1",
                    "row.json a a,b b a.row@ a.q.row@ a.p.row@ a,b.row@ a,b.p.row@ ");
    rows_check_link(_i, "t/rows/1/a.q.row", "../../../q/rows/1");
    rows_check_link(_i, "t/rows/1/a,b.row", "../../../p/rows/2");
}
END_TEST

START_TEST(links_compare_as_the_parents_columns_do)
{
    rows_make_both(
        "CREATE TABLE p(k TEXT COLLATE NOCASE PRIMARY KEY, i INT UNIQUE);"
        "INSERT INTO p VALUES('Ab', 1), (x'41', 2);"
        "CREATE TABLE t(a TEXT REFERENCES p, b TEXT REFERENCES p(i)); CREATE INDEX ta ON t(a);"
        "INSERT INTO t VALUES('aB', '1'), (x'41', '2')");
    rows_check_link(_i, "t/rows/1/a.row", "../../../p/rows/Ab");
    rows_check_link(_i, "t/rows/1/b.row", "../../../p/rows/Ab");
    rows_check_link(_i, "t/rows/2/a.row", "../../../p/rows/%~blob~A");
}
END_TEST

/* ---- the other way ---- */

START_TEST(referenced_by_has_the_rows_that_name_one)
{
    rows_make_both(
        "CREATE TABLE p(id INTEGER PRIMARY KEY); INSERT INTO p VALUES(1), (2), (3);"
        "CREATE TABLE \"t/u\"(k TEXT PRIMARY KEY, a INTEGER REFERENCES p, b REFERENCES p);"
        "CREATE INDEX ta ON \"t/u\"(a);"
        "INSERT INTO \"t/u\" VALUES('x', 1, 1), ('/', 1, 2), ('z', 2, NULL), ('n', NULL, 1)");
    rows_check_list(_i, "p/rows/1", "row.json id referenced-by/ ");
    rows_check_list(_i, "p/rows/1/referenced-by", "t%2Fu.a/ ");
    rows_check_list(_i, "p/rows/3/referenced-by", "");
    rows_check_list(_i, "p/rows/1/referenced-by/t%2Fu.a", "x@ %2F@ ");
    rows_check_list(_i, "p/rows/3/referenced-by/t%2Fu.a", "");
    rows_check_link(_i, "p/rows/1/referenced-by/t%2Fu.a/%2F", "../../../../../t%2Fu/rows/%2F");
    rows_check_text(_i, "p/rows/1/referenced-by/t%2Fu.a/%2F/k", "/");
    rows_check_none(_i, "p/rows/1/referenced-by/t%2Fu.a/z", "z: refers to another row");
    rows_check_none(_i, "p/rows/1/referenced-by/t%2Fu.a/n", "n: refers to another row");
    rows_check_none(_i, "p/rows/1/referenced-by/t%2Fu.a/q", "q: no such row in t/u");
    /* No index leads there. */
    rows_check_none(_i, "p/rows/1/referenced-by/t%2Fu.b", "t%2Fu.b: nothing refers to p by that");
}
END_TEST

START_TEST(referenced_by_agrees_with_the_links)
{
    rows_make_both(
        "CREATE TABLE p(a TEXT, b TEXT COLLATE NOCASE, PRIMARY KEY(a, b)) WITHOUT ROWID;"
        "INSERT INTO p VALUES('x', 'B'), ('X', 'b');"
        "CREATE TABLE t(a TEXT COLLATE NOCASE, b TEXT, c TEXT, "
        "FOREIGN KEY(a, b) REFERENCES p, FOREIGN KEY(c, b) REFERENCES p);"
        "CREATE INDEX tab ON t(a, b); CREATE INDEX tcb ON t(c, b);"
        "INSERT INTO t VALUES('x', 'b', 'x'), ('X', 'B', 'X'), ('x', 'B', 'x'), ('x', 'c', 'X')");
    rows_check_link(_i, "t/rows/1/c,b.row", "../../../p/rows/x,B");
    /* The first key has no column of its own in the parent's collation to be searched by. */
    rows_check_list(_i, "p/rows/x,B/referenced-by", "t.c,b/ ");
    rows_check_list(_i, "p/rows/x,B/referenced-by/t.c,b", "1@ 3@ ");
    rows_check_list(_i, "p/rows/X,b/referenced-by/t.c,b", "2@ ");
}
END_TEST

START_TEST(many_that_refer_are_listed_in_pieces)
{
    struct buf names = BUF_INIT;
    rows_make_both(
        "CREATE TABLE p(id INTEGER PRIMARY KEY, self REFERENCES p); CREATE INDEX ps ON p(self);"
        "WITH RECURSIVE c(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM c WHERE i < 300)"
        "INSERT INTO p SELECT i, 1 + i % 2 FROM c");
    rows_list_in_pieces(_i, "p/rows/1/referenced-by/p.self", 7, &names);
    size_t count = 0;
    for (const char *p = buf_text(&names); *p; p++)
        count += *p == '@';
    ck_assert_uint_eq(count, 150);
    ck_assert_mem_eq(names.data, "2@ 4@ 6@ ", 9);
    buf_free(&names);
}
END_TEST

START_TEST(tables_and_columns_with_points_are_told_apart)
{
    rows_make_both(
        "CREATE TABLE p(id INTEGER PRIMARY KEY); INSERT INTO p VALUES(1);"
        "CREATE TABLE \"a\"(\"b.c\" UNIQUE REFERENCES p); INSERT INTO a VALUES(1);"
        "CREATE TABLE \"a.b\"(\"c\" UNIQUE REFERENCES p); INSERT INTO \"a.b\" VALUES(1)");
    rows_check_list(_i, "p/rows/1/referenced-by", "a.b.c/ %61.b.c/ ");
    rows_check_link(_i, "p/rows/1/referenced-by/a.b.c/1", "../../../../../a/rows/1");
    rows_check_link(_i, "p/rows/1/referenced-by/%61.b.c/1", "../../../../../a.b/rows/1");
}
END_TEST

START_TEST(live_links_follow_the_database)
{
    struct err err = ERR_INIT;
    struct buf target = BUF_INIT;
    struct node *link = NULL;
    rows_make_both("CREATE TABLE p(id INTEGER PRIMARY KEY); INSERT INTO p VALUES(1), (2);"
                   "CREATE TABLE t(a REFERENCES p); INSERT INTO t VALUES(1)");
    struct node *row = stage_node(&rows_stage, "live/tables/t/rows/1");
    ck_assert_int_eq(node_lookup(row, "a.row", &link, &err), 0);
    stage_sql(&rows_stage, "UPDATE t SET a = 2");
    ck_assert_int_eq(link->ops->target(link, &target, &err), 0);
    ck_assert_str_eq(buf_text(&target), "../../../p/rows/2");
    stage_sql(&rows_stage, "UPDATE t SET a = NULL");
    ck_assert_int_eq(link->ops->target(link, &target, &err), -ENOENT);
    ck_assert_str_eq(err.text, "a.row: names no row any more");
    stage_sql(&rows_stage, "DROP TABLE p");
    ck_assert_int_eq(link->ops->target(link, &target, &err), -ENOENT);
    ck_assert_str_eq(err.text, "a.row: there is no such foreign key any more");
    rows_check_link(1, "t/rows/1/a.row", "../../../p/rows/1");
    buf_free(&target);
    node_unref(link);
    node_unref(row);
}
END_TEST

Suite *suite_view_links(void)
{
    Suite *suite = suite_create("view/links");
    TCase *tests = tcase_create("links");
    tcase_add_checked_fixture(tests, rows_set, rows_clear);
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, a_foreign_key_leads_to_the_row_it_names, 0, 2);
    tcase_add_loop_test(tests, one_that_names_no_row_leads_nowhere, 0, 2);
    tcase_add_loop_test(tests, one_without_a_parent_is_no_link, 0, 2);
    tcase_add_loop_test(tests, keys_of_the_same_columns_are_told_apart, 0, 2);
    tcase_add_loop_test(tests, links_compare_as_the_parents_columns_do, 0, 2);
    tcase_add_loop_test(tests, referenced_by_has_the_rows_that_name_one, 0, 2);
    tcase_add_loop_test(tests, referenced_by_agrees_with_the_links, 0, 2);
    tcase_add_loop_test(tests, many_that_refer_are_listed_in_pieces, 0, 2);
    tcase_add_loop_test(tests, tables_and_columns_with_points_are_told_apart, 0, 2);
    tcase_add_test(tests, live_links_follow_the_database);
    suite_add_tcase(suite, tests);
    return suite;
}
