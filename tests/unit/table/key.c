/* src/table/key.c: rows' names from their keys. */
#include "dbsnapfs/table/key.h"

#include <check.h>
#include <errno.h>
#include <string.h>

#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"
#include "source/sqlite/support.h"
#include "table/key_support.h"

Suite *suite_table_key(void);

static const struct named {
    const char *sql;
    const char *names;
} named[] = {
    {"CREATE TABLE t(id INTEGER PRIMARY KEY); INSERT INTO t VALUES(1),(-3),(9223372036854775807),"
     "(-9223372036854775808)",
     "-9223372036854775808 -3 1 9223372036854775807"},
    {"CREATE TABLE t(a); INSERT INTO t(rowid, a) VALUES(7, 1), (-1, 2)", "-1 7"},
    {"CREATE TABLE t(k TEXT PRIMARY KEY); INSERT INTO t VALUES('b/c'), ('.x'), (''), ('1'), ('a,b')",
     "b%2Fc %2Ex %~ 1 a,b"},
    {"CREATE TABLE t(k TEXT PRIMARY KEY); INSERT INTO t VALUES(NULL), (NULL), (x'ff')",
     "%~rowid~1 %~rowid~2 %~blob~%FF"},
    {"CREATE TABLE t(k BLOB PRIMARY KEY); INSERT INTO t VALUES(x'ff'), (x''), ('a'), (''), (1), "
     "(x'61'), (0.5)",
     "%FF %~ %~text~a %~text~ %~integer~1 a %~real~0.5"},
    {"CREATE TABLE t(k PRIMARY KEY); INSERT INTO t VALUES(1), ('1'), (x'31'), (1.5), ('1.5'), "
     "('inf'), (9e999), ('01'), ('+1'), ('1.'), ('1e0'), ('-0'), ('x'), (''), (x'')",
     "1 %~text~1 %~blob~1 1.5 %~text~1.5 %~text~inf inf 01 +1 1. 1e0 -0 x %~ %~blob~"},
    {"CREATE TABLE t(k INT PRIMARY KEY); INSERT INTO t VALUES(1), ('a'), (0.5), (x'31'), "
     "('9223372036854775808')",
     "1 a 0.5 %~blob~1 9.2233720368547758e+18"},
    {"CREATE TABLE t(k REAL PRIMARY KEY); INSERT INTO t VALUES(1), (0.1), ('a'), (-9e999), (1e16)",
     "1.0 0.1 a -inf 1e+16"},
    {"CREATE TABLE t(k NUMERIC PRIMARY KEY); INSERT INTO t VALUES('1'), ('1.0e0x'), (2.5)",
     "1 1.0e0x 2.5"},
    {"CREATE TABLE t(k ANY PRIMARY KEY) STRICT, WITHOUT ROWID; INSERT INTO t VALUES(1), ('1'), "
     "(x'31')",
     "1 %~text~1 %~blob~1"},
    {"CREATE TABLE t(a TEXT, b TEXT, PRIMARY KEY(a, b)); INSERT INTO t VALUES('a,b','c'), "
     "('a','b,c'), ('',''), ('.','.')",
     "a%2Cb,c a,b%2Cc , %2E,."},
    {"CREATE TABLE t(a, b, PRIMARY KEY(a, b)); INSERT INTO t VALUES(NULL,1), (1,NULL), (1,'1'), "
     "(1,x'2c')",
     "%~rowid~1 %~rowid~2 1,%~text~1 1,%~blob~%2C"},
    {"CREATE TABLE t(v, b TEXT, a INT, PRIMARY KEY(a DESC, b)) WITHOUT ROWID; INSERT INTO t "
     "VALUES(0,'x',1), (0,'y',2), (0,'x',2)",
     "2,x 2,y 1,x"},
    {"CREATE TABLE t(rowid, oid, _rowid_, PRIMARY KEY(oid, rowid)); INSERT INTO t "
     "VALUES(NULL,9,0), ('b',8,0)",
     "8,b 9,%~null"},
    {"CREATE VIRTUAL TABLE t USING fts5(x); INSERT INTO t(rowid, x) VALUES(5,'a'), (-5,'b')",
     "-5 5"},
};

START_TEST(a_row_is_called_by_its_key)
{
    struct opened opened;
    database_make("a.db", named[_i].sql);
    opened_begin(&opened, false);
    ck_assert_str_eq(key_names(&opened, "t"), named[_i].names);
    key_check_all(&opened, "t");
    opened_end(&opened);
}
END_TEST

START_TEST(rows_of_a_backup_are_called_the_same)
{
    struct opened opened;
    database_make("a.db", named[_i].sql);
    opened_begin(&opened, true);
    ck_assert_str_eq(key_names(&opened, "t"), named[_i].names);
    key_check_all(&opened, "t");
    opened_end(&opened);
}
END_TEST

START_TEST(views_and_tables_whose_rows_nothing_names_have_no_names)
{
    struct opened opened;
    struct err err = ERR_INIT;
    database_make("a.db", "CREATE VIEW v AS SELECT 1; CREATE TABLE taken(rowid, oid, _rowid_);"
                          "CREATE VIEW broken AS SELECT * FROM nowhere;"
                          "INSERT INTO taken VALUES(1, 2, 3)");
    opened_begin(&opened, false);
    ck_assert(!key_exists(opened_find(&opened, "v")));
    ck_assert(!key_exists(opened_find(&opened, "taken")));
    ck_assert(!key_exists(opened_find(&opened, "broken")));
    ck_assert_int_eq(key_look(&opened, "v", "1", SELECT_KEYS, &err), -ENOENT);
    ck_assert_str_eq(err.text, "1: no such row in v");
    opened_end(&opened);
}
END_TEST

START_TEST(a_row_that_is_not_there_would_have_its_values_name)
{
    struct opened opened;
    struct buf name = BUF_INIT;
    const struct value values[] = {{.kind = VALUE_TEXT, .bytes = "a,b", .len = 3},
                                   {.kind = VALUE_INTEGER, .integer = 5}};
    database_make("a.db", "CREATE TABLE t(n INT, a TEXT, PRIMARY KEY(a, n)) WITHOUT ROWID");
    opened_begin(&opened, false);
    key_name_of_values(opened_find(&opened, "t"), values, &name);
    ck_assert_str_eq(buf_text(&name), "a%2Cb,5");
    buf_free(&name);
    opened_end(&opened);
}
END_TEST

Suite *suite_table_key(void)
{
    const int count = (int)(sizeof(named) / sizeof(named[0]));
    Suite *suite = suite_create("table/key");
    TCase *tests = tcase_create("key");
    tcase_add_checked_fixture(tests, folder_set_up, folder_tear_down);
    tcase_add_loop_test(tests, a_row_is_called_by_its_key, 0, count);
    tcase_add_loop_test(tests, rows_of_a_backup_are_called_the_same, 0, count);
    tcase_add_test(tests, views_and_tables_whose_rows_nothing_names_have_no_names);
    tcase_add_test(tests, a_row_that_is_not_there_would_have_its_values_name);
    suite_add_tcase(suite, tests);
    return suite;
}
