/*
 * src/table/merge.c, pair.c: which rows are the same row, and what it costs to know.
 */
#include <check.h>
#include <string.h>

#include "source/sqlite/support.h"
#include "table/changes_support.h"

Suite *suite_table_merge(void);

/* The later rows of `t`, told by "op key …"; where pages are compared too, the same is told. */
static void assert_told(const char *before, const char *after, const char *rows)
{
    for (int pages = 0; pages < 2; pages++) {
        struct changed changed;

        folder_tear_down();
        folder_set_up();
        changed_begin(&changed, before, after, pages);
        ck_assert_str_eq(changed_rows(&changed, "t"), rows);
        changed_end(&changed);
    }
}

START_TEST(a_key_that_moved_to_another_rowid_names_the_same_row)
{
    assert_told(
        "CREATE TABLE t(k TEXT PRIMARY KEY, v); INSERT INTO t VALUES('a',1),('b',2),('c',3)",
        "UPDATE t SET rowid=rowid+10; UPDATE t SET v=9 WHERE k='b';"
        "DELETE FROM t WHERE k='c'; INSERT INTO t(rowid,k,v) VALUES(1,'d',4)",
        "\"insert\",\"d\",,,\"d\",4|\"delete\",\"c\",\"c\",3,,|"
        "\"update\",\"b\",\"b\",2,\"b\",9|");
}
END_TEST

START_TEST(keys_that_change_places_are_updates)
{
    assert_told("CREATE TABLE t(k TEXT PRIMARY KEY, v); INSERT INTO t VALUES('a',1),('b',2)",
                "UPDATE t SET k='x' WHERE k='a'; UPDATE t SET k='a' WHERE k='b';"
                "UPDATE t SET k='b' WHERE k='x'",
                "\"update\",\"b\",\"b\",2,\"b\",1|\"update\",\"a\",\"a\",1,\"a\",2|");
}
END_TEST

START_TEST(a_key_with_a_null_is_followed_by_rowid)
{
    assert_told("CREATE TABLE t(k PRIMARY KEY, v); INSERT INTO t VALUES(NULL,1),(NULL,2),('c',3)",
                "UPDATE t SET v=9 WHERE v=2; UPDATE t SET k='a' WHERE v=1;"
                "INSERT INTO t VALUES(NULL,4)",
                "\"delete\",\"%~rowid~1\",,1,,|\"insert\",\"a\",,,\"a\",1|"
                "\"update\",\"%~rowid~2\",,2,,9|\"insert\",\"%~rowid~4\",,,,4|");
}
END_TEST

START_TEST(keys_equal_in_a_collation_are_two)
{
    assert_told("CREATE TABLE t(k TEXT PRIMARY KEY COLLATE NOCASE, v) WITHOUT ROWID;"
                "INSERT INTO t VALUES('a',1),('b',2)",
                "UPDATE t SET k='A' WHERE k='a'",
                "\"delete\",\"a\",\"a\",1,,|\"insert\",\"A\",,,\"A\",1|");
}
END_TEST

START_TEST(keys_come_in_any_order_of_their_index)
{
    assert_told("PRAGMA encoding='UTF-16le';"
                "CREATE TABLE t(a, b TEXT COLLATE RTRIM, PRIMARY KEY(a DESC, b)) WITHOUT ROWID;"
                "INSERT INTO t VALUES(1,'a'),(2,'b'),(2,'\xc4\xb0'),(x'00','c'),('t','d')",
                "DELETE FROM t WHERE b='b'; INSERT INTO t VALUES(3,'x'),(3,'\xc8\x81'),(0,'y')",
                "\"insert\",\"3,x\",,,3,\"x\"|\"insert\",\"3,\xc8\x81\",,,3,\"\xc8\x81\"|"
                "\"delete\",\"2,b\",2,\"b\",,|\"insert\",\"0,y\",,,0,\"y\"|");
}
END_TEST

START_TEST(a_table_that_lost_its_rowid_is_matched_by_key)
{
    assert_told(
        "CREATE TABLE t(k TEXT PRIMARY KEY, v); INSERT INTO t VALUES('b',2),('a',1),('c',3)",
        "CREATE TABLE u(k TEXT PRIMARY KEY, v) WITHOUT ROWID;"
        "INSERT INTO u VALUES('a',1),('b',7),('d',4); DROP TABLE t;"
        "ALTER TABLE u RENAME TO t",
        "\"update\",\"b\",\"b\",2,\"b\",7|\"delete\",\"c\",\"c\",3,,|"
        "\"insert\",\"d\",,,\"d\",4|");
}
END_TEST

START_TEST(a_row_whose_rowid_is_hidden_is_matched_by_key)
{
    assert_told("CREATE TABLE t(rowid, oid PRIMARY KEY, _rowid_); INSERT INTO t VALUES(1,'a',1),"
                "(2,'b',2),(4,'d',4)",
                "DELETE FROM t WHERE oid='a'; INSERT INTO t VALUES(1,'a',9),(5,'e',5)",
                "\"update\",\"a\",1,\"a\",1,1,\"a\",9|\"insert\",\"e\",,,,5,\"e\",5|");
}
END_TEST

START_TEST(other_key_columns_make_other_rows)
{
    assert_told("CREATE TABLE t(id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES(1,5)",
                "ALTER TABLE t RENAME COLUMN id TO number",
                "\"delete\",\"1\",1,5,,|\"insert\",\"1\",,,1,5|");
}
END_TEST

START_TEST(the_ends_of_rowids_are_found)
{
    assert_told("CREATE TABLE t(id INTEGER PRIMARY KEY, v);"
                "INSERT INTO t VALUES(-9223372036854775808,1),(9223372036854775807,2)",
                "UPDATE t SET v=v+1",
                "\"update\",\"-9223372036854775808\",-9223372036854775808,1,-9223372036854775808,2|"
                "\"update\",\"9223372036854775807\",9223372036854775807,2,9223372036854775807,3|");
}
END_TEST

START_TEST(rows_that_nothing_names_are_told_by_all_they_have)
{
    struct changed changed;

    changed_begin(
        &changed,
        "CREATE TABLE t(rowid, oid, _rowid_); INSERT INTO t VALUES(1,1,1),(2,2,2),(2,2,2)",
        "DELETE FROM t WHERE rowid=1; INSERT INTO t VALUES(NULL,3,3)", false);
    ck_assert_str_eq(changed_rows(&changed, "t"), "\"delete\",,1,1,1,,,|\"insert\",,,,,,3,3|");
    changed_end(&changed);
}
END_TEST

static const char many[] =
    "WITH c(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM c LIMIT 3000) INSERT INTO t"
    " SELECT printf('%05d',i), i FROM c";

START_TEST(nothing_is_looked_up_where_the_order_is_known)
{
    struct changed changed;
    struct buf before = BUF_INIT;

    buf_addf(&before, "CREATE TABLE t(k TEXT PRIMARY KEY, v) WITHOUT ROWID; %s", many);
    changed_begin(&changed, buf_text(&before),
                  "DELETE FROM t WHERE v BETWEEN 11 AND 20; WITH c(i) AS (SELECT 1 UNION ALL SELECT"
                  " i+1 FROM c LIMIT 500) INSERT INTO t SELECT printf('01000+%05d',i), i FROM c",
                  false);
    ck_assert_int_eq(changes_table(changed.changes, "t", NULL, NULL, NULL, NULL, NULL, NULL), 0);
    ck_assert_uint_eq(changes_rows_read(changed.changes), 3000 + 3000 - 10 + 500);
    buf_free(&before);
    changed_end(&changed);
}
END_TEST

static int compare_backwards(void *arg, int a_len, const void *a, int b_len, const void *b)
{
    int order = memcmp(b, a, (size_t)(a_len < b_len ? a_len : b_len));

    (void)arg;
    return order != 0 ? order : b_len - a_len;
}

static void make_backwards(const char *sql)
{
    sqlite3 *db = shell_open("a.db");

    sqlite3_create_collation(db, "backwards", SQLITE_UTF8, NULL, compare_backwards);
    database_exec(db, sql);
    sqlite3_close(db);
}

/* It stands in a collation that only the program that made it knows. */
START_TEST(an_order_that_nobody_knows_is_followed)
{
    struct changed changed;

    memset(&changed, 0, sizeof(changed));
    two_states_begin(&changed.two);
    make_backwards("CREATE TABLE t(k TEXT COLLATE backwards PRIMARY KEY, v) WITHOUT ROWID;"
                   "INSERT INTO t VALUES('a',1),('b',2),('c',3),('d',4),('e',5)");
    two_states_keep(&changed.two, 0);
    make_backwards("DELETE FROM t WHERE k='d'; UPDATE t SET v=7 WHERE k='a';"
                   "INSERT INTO t VALUES('bb',1),('bc',1),('z',1)");
    two_states_keep(&changed.two, 1);
    changed_open(&changed, true);
    ck_assert_str_eq(changed_rows(&changed, "t"),
                     "\"insert\",\"z\",,,\"z\",1|\"delete\",\"d\",\"d\",4,,|"
                     "\"insert\",\"bc\",,,\"bc\",1|\"insert\",\"bb\",,,\"bb\",1|"
                     "\"update\",\"a\",\"a\",1,\"a\",7|");
    changed_end(&changed);
}
END_TEST

Suite *suite_table_merge(void)
{
    Suite *suite = suite_create("table/merge");
    TCase *merge = tcase_create("merge");

    tcase_add_checked_fixture(merge, folder_set_up, folder_tear_down);
    tcase_add_test(merge, a_key_that_moved_to_another_rowid_names_the_same_row);
    tcase_add_test(merge, keys_that_change_places_are_updates);
    tcase_add_test(merge, a_key_with_a_null_is_followed_by_rowid);
    tcase_add_test(merge, keys_equal_in_a_collation_are_two);
    tcase_add_test(merge, keys_come_in_any_order_of_their_index);
    tcase_add_test(merge, a_table_that_lost_its_rowid_is_matched_by_key);
    tcase_add_test(merge, a_row_whose_rowid_is_hidden_is_matched_by_key);
    tcase_add_test(merge, other_key_columns_make_other_rows);
    tcase_add_test(merge, the_ends_of_rowids_are_found);
    tcase_add_test(merge, rows_that_nothing_names_are_told_by_all_they_have);
    tcase_add_test(merge, nothing_is_looked_up_where_the_order_is_known);
    tcase_add_test(merge, an_order_that_nobody_knows_is_followed);
    suite_add_tcase(suite, merge);
    return suite;
}
