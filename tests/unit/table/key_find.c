/* src/table/key_find.c: rows and values by their names. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dbsnapfs/table/key.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"
#include "source/sqlite/support.h"
#include "table/key_support.h"

Suite *suite_table_key_find(void);

static const struct stranger {
    const char *sql;
    const char *names[12];
} strangers[] = {
    {"CREATE TABLE t(id INTEGER PRIMARY KEY); INSERT INTO t VALUES(0), (1)",
     {"2", "01", "+1", "1.0", "1 ", "%31", "", "%~", "-0", "9223372036854775808", "1,1"}},
    {"CREATE TABLE t(id INTEGER PRIMARY KEY); INSERT INTO t VALUES(0), (1)",
     {"%~integer~1", "%~rowid~1", "%~text~1", "1e0", "x"}},
    {"CREATE TABLE t(k TEXT PRIMARY KEY); INSERT INTO t VALUES('1'), (NULL), ('x'), ('')",
     {"%~text~1", "%~text~", "%~integer~1", "%~rowid~1", "%~null", "%~rowid~9", "%~rowid~02",
      "%~x~1", "%~blob~x"}},
    {"CREATE TABLE t(k TEXT COLLATE NOCASE PRIMARY KEY); INSERT INTO t VALUES('a'), ('B')",
     {"A", "b", "%61"}},
    {"CREATE TABLE t(k TEXT COLLATE RTRIM PRIMARY KEY); INSERT INTO t VALUES('a '), ('b')",
     {"a", "a  ", "b "}},
    {"CREATE TABLE t(k PRIMARY KEY); INSERT INTO t VALUES(1), ('a'), (0.5)",
     {"1.0", "%~real~1.0", "%~integer~1", "%~text~a", "0.50", "5e-1", "%~real~0.5"}},
    {"CREATE TABLE t(k REAL PRIMARY KEY); INSERT INTO t VALUES(1), (0.0)",
     {"1", "-0.0", "0", "%~real~1.0"}},
    {"CREATE TABLE t(k INT PRIMARY KEY); INSERT INTO t VALUES(1)",
     {"%~text~1", "1.0", "%~real~1.0"}},
    {"CREATE TABLE t(a TEXT, b TEXT, PRIMARY KEY(a, b)) WITHOUT ROWID; INSERT INTO t VALUES('a','b')",
     {"a", "a,b,", "a%2Cb", "a,b,c", ",a,b", "a,%62", "%~rowid~1", "a,"}},
};

START_TEST(what_is_no_rows_name_is_not_found)
{
    struct opened opened;
    struct err err = ERR_INIT;
    database_make("a.db", strangers[_i].sql);
    opened_begin(&opened, false);
    for (size_t i = 0; i < 12 && strangers[_i].names[i]; i++) {
        const char *name = strangers[_i].names[i];
        char message[64];
        snprintf(message, sizeof(message), "%s: no such row in t", name);
        ck_assert_msg(key_look(&opened, "t", name, SELECT_ROWS, &err) == -ENOENT, "%s", name);
        ck_assert_str_eq(err.text, message);
    }
    opened_end(&opened);
}
END_TEST

/* Texts of 300 bytes and more, which differ at their ends. */
#define LONG "WITH RECURSIVE c(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM c WHERE i < 20) "
#define TEXT(head) "replace(printf('%300s', i), ' ', '" head "')"

static const char *const cut[] = {
    "CREATE TABLE t(k TEXT PRIMARY KEY);" LONG "INSERT INTO t SELECT " TEXT("x") " FROM c",
    "CREATE TABLE t(k TEXT PRIMARY KEY COLLATE NOCASE);" LONG
    "INSERT INTO t SELECT " TEXT("x") " FROM c",
    "CREATE TABLE t(k PRIMARY KEY) WITHOUT ROWID;" LONG
    "INSERT INTO t SELECT " TEXT("\xc2\x85") " FROM c",
    "CREATE TABLE t(k PRIMARY KEY DESC) WITHOUT ROWID;" LONG
    "INSERT INTO t SELECT " TEXT("\xf0\x9f\x90\x98") " FROM c",
    "CREATE TABLE t(k TEXT PRIMARY KEY);" LONG
    "INSERT INTO t SELECT CAST(x'ff' || " TEXT("\xff") " AS TEXT) FROM c",
    "CREATE TABLE t(k BLOB PRIMARY KEY);" LONG "INSERT INTO t SELECT CAST(" TEXT(
        "\xff") " AS BLOB) FROM c; INSERT INTO t SELECT CAST(k AS TEXT) FROM t",
    "CREATE TABLE t(a TEXT, b INT, PRIMARY KEY(a, b));" LONG "INSERT INTO t SELECT " TEXT(
        "x") ", i FROM c; INSERT INTO t SELECT a, 7 - b FROM t WHERE b < 3",
    "CREATE TABLE t(a TEXT, b TEXT, PRIMARY KEY(a, b)) WITHOUT ROWID;" LONG
    "INSERT INTO t SELECT i % 3, " TEXT("x") " FROM c; INSERT INTO t SELECT b, '' FROM t",
    "CREATE TABLE t(a, b BLOB, PRIMARY KEY(b, a)) WITHOUT ROWID;" LONG
    "INSERT INTO t SELECT " TEXT("\xff") ", x'00' FROM c",
    "CREATE TABLE t(a TEXT, rowid, oid, _rowid_, PRIMARY KEY(a, oid));" LONG
    "INSERT INTO t SELECT " TEXT("x") ", 1, NULL, 2 FROM c",
    "PRAGMA encoding = 'UTF-16le'; CREATE TABLE t(k TEXT PRIMARY KEY);" LONG
    "INSERT INTO t SELECT " TEXT("\xf0\x9f\x90\x98") " FROM c",
    "PRAGMA encoding = 'UTF-16be'; CREATE TABLE t(k TEXT PRIMARY KEY);" LONG
    "INSERT INTO t SELECT 'a' || " TEXT("\xc2\x85") " FROM c",
};

START_TEST(a_row_is_found_by_a_name_that_was_cut)
{
    struct opened opened;
    struct err err = ERR_INIT;
    char name[256];
    database_make("a.db", cut[_i]);
    opened_begin(&opened, _i % 2 != 0);
    key_check_all(&opened, "t");
    memset(name, 'x', 237);
    memcpy(name + 237, "%~0123456789abcdef", 19);
    ck_assert_int_eq(key_look(&opened, "t", name, SELECT_ROWS, &err), -ENOENT);
    opened_end(&opened);
}
END_TEST

/* ---- values ---- */

static int find_value(const struct opened *opened, const char *column, const char *name,
                      struct value *ret_value, struct err *err)
{
    const struct relation *relation = opened_find(opened, "t");
    return key_value_find(opened->database, relation, relation_column(relation, column), name,
                          ret_value, err);
}

static void check_value_names(const struct opened *opened, const char *column)
{
    const struct relation *relation = opened_find(opened, "t");
    size_t number = relation_column(relation, column);
    struct value value = {.kind = VALUE_NULL}, next, found = {.kind = VALUE_NULL};
    struct err err = ERR_INIT;
    bool first = true;
    while (database_next_value(opened->database, relation, number, first ? NULL : &value, &next,
                               &err) > 0) {
        struct buf name = BUF_INIT;
        value_free(&value);
        value = next;
        first = false;
        key_value_name(&relation->columns[number], &value, &name);
        ck_assert_msg(find_value(opened, column, buf_text(&name), &found, &err) == 0, "%s",
                      err.text);
        ck_assert_msg(value_equal(&value, &found), "%s", buf_text(&name));
        value_free(&found);
        buf_free(&name);
    }
    value_free(&value);
}

START_TEST(a_value_is_found_by_its_name)
{
    struct opened opened;
    database_make(
        "a.db", "CREATE TABLE t(n, i INTEGER, r REAL, s TEXT, b BLOB, c TEXT COLLATE NOCASE);"
                "INSERT INTO t VALUES(NULL,NULL,NULL,NULL,NULL,NULL), (1,1,1,1,1,1),"
                "(0.5,0.5,0.5,0.5,0.5,0.5), ('1','1x','1x','1','1','1'), ('a,b','','','','',''),"
                "(x'31',x'31',x'31',x'31',x'31',x'31'), (9e999,-9e999,9e999,'inf','inf','Inf'),"
                "(-9223372036854775808,9223372036854775807,-0.0,x'',x'',x'');"
                "INSERT INTO t SELECT k,k,k,k,k,k FROM (SELECT printf('%300s', 'y') AS k UNION ALL "
                "SELECT printf('%300s', 'z') UNION ALL SELECT CAST(printf('%300s', 'z') AS BLOB));"
                "CREATE INDEX tn ON t(n); CREATE INDEX ti ON t(i); CREATE INDEX tr ON t(r);"
                "CREATE INDEX ts ON t(s); CREATE INDEX tb ON t(b); CREATE INDEX tc ON t(c)");
    opened_begin(&opened, false);
    for (const char *column = "nirsbc"; *column; column++)
        check_value_names(&opened, (const char[]){*column, '\0'});
    opened_end(&opened);
}
END_TEST

START_TEST(what_is_no_values_name_is_not_found)
{
    static const char *const names[] = {
        "", "%~null~", "%~real~x", "%~integer~1.5", "%41", ".x", "%~rowid~1", "%~none", "a/b"};
    struct opened opened;
    struct err err = ERR_INIT;
    struct value value;
    char name[256];
    database_make("a.db", "CREATE TABLE t(a UNIQUE)");
    opened_begin(&opened, false);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char message[64];
        snprintf(message, sizeof(message), "%s: no such value of a in t", names[i]);
        ck_assert_int_eq(find_value(&opened, "a", names[i], &value, &err), -ENOENT);
        ck_assert_str_eq(err.text, message);
    }
    memset(name, 'x', 237);
    memcpy(name + 237, "%~0123456789abcdef", 19);
    ck_assert_int_eq(find_value(&opened, "a", name, &value, &err), -ENOENT);
    opened_end(&opened);
}
END_TEST

Suite *suite_table_key_find(void)
{
    Suite *suite = suite_create("table/key_find");
    TCase *tests = tcase_create("key_find");
    tcase_add_checked_fixture(tests, folder_set_up, folder_tear_down);
    tcase_add_loop_test(tests, what_is_no_rows_name_is_not_found, 0,
                        (int)(sizeof(strangers) / sizeof(strangers[0])));
    tcase_add_loop_test(tests, a_row_is_found_by_a_name_that_was_cut, 0,
                        (int)(sizeof(cut) / sizeof(cut[0])));
    tcase_add_test(tests, a_value_is_found_by_its_name);
    tcase_add_test(tests, what_is_no_values_name_is_not_found);
    suite_add_tcase(suite, tests);
    return suite;
}
