/*
 * A schema's text can be run again, whatever is in it.
 */
#include "source/sqlite/schema.h"

#include <check.h>
#include <errno.h>
#include <string.h>

#include "dbsnapfs/source/schema.h"
#include "source/sqlite/support.h"

Suite *suite_source_sqlite_schema(void);

static void schema_of(const char *name, struct buf *out)
{
    struct source *source = NULL;
    struct err err = ERR_INIT;

    ck_assert_int_eq(source_new(folder_path(name), &source, &err), 0);
    ck_assert_msg(source_schema(source, out, &err) == 0, "%s", err.text);
    source_free(source);
}

static void assert_statement(const char *sql, const char *expected)
{
    struct buf out = BUF_INIT;

    schema_add_statement(sql, strlen(sql), &out);
    ck_assert_str_eq(buf_text(&out), expected);
    buf_free(&out);
}

START_TEST(a_statement_ends_behind_its_comment)
{
    assert_statement("CREATE VIEW v AS SELECT 1", "CREATE VIEW v AS SELECT 1;\n");
    assert_statement("SELECT 1 -- one", "SELECT 1 -- one\n;\n");
    assert_statement("SELECT 1 -- one\n+ 1", "SELECT 1 -- one\n+ 1;\n");
    assert_statement("SELECT 1 /* one", "SELECT 1 /* one*/;\n");
    assert_statement("SELECT 1 /* -- */", "SELECT 1 /* -- */;\n");
    assert_statement("SELECT 1 /*/", "SELECT 1 /*/*/;\n");
    assert_statement("SELECT '--'", "SELECT '--';\n");
    assert_statement("SELECT \"--\", [--], `--`", "SELECT \"--\", [--], `--`;\n");
    assert_statement("SELECT 'it''s -- '", "SELECT 'it''s -- ';\n");
    assert_statement("SELECT 1 - -", "SELECT 1 - -;\n");
}
END_TEST

START_TEST(tables_come_before_indexes_views_and_triggers)
{
    struct buf out = BUF_INIT;

    database_make("a.db", "CREATE TABLE z(a PRIMARY KEY, b UNIQUE);"
                          "CREATE TRIGGER tr AFTER INSERT ON z BEGIN SELECT 1; END;"
                          "CREATE VIEW v AS SELECT a FROM z -- all of them\n;"
                          "CREATE INDEX i ON z(b);"
                          "CREATE TABLE a(x INTEGER PRIMARY KEY AUTOINCREMENT);"
                          "INSERT INTO a DEFAULT VALUES; ANALYZE");
    schema_of("a.db", &out);
    ck_assert_str_eq(buf_text(&out), "CREATE TABLE z(a PRIMARY KEY, b UNIQUE);\n"
                                     "CREATE TABLE a(x INTEGER PRIMARY KEY AUTOINCREMENT);\n"
                                     "CREATE INDEX i ON z(b);\n"
                                     "CREATE VIEW v AS SELECT a FROM z -- all of them\n;\n"
                                     "CREATE TRIGGER tr AFTER INSERT ON z BEGIN SELECT 1; END;\n");
    buf_free(&out);
}
END_TEST

START_TEST(shadow_tables_are_left_to_their_virtual_table)
{
    struct buf out = BUF_INIT;

    database_make("a.db", "CREATE VIRTUAL TABLE f USING fts5(x, content='t', content_rowid='id');"
                          "CREATE VIRTUAL TABLE r USING rtree(id, x0, x1);"
                          "CREATE TABLE f_other(a); CREATE TABLE t(id INTEGER PRIMARY KEY, x)");
    schema_of("a.db", &out);
    ck_assert_str_eq(buf_text(&out),
                     "CREATE TABLE f_other(a);\n"
                     "CREATE TABLE t(id INTEGER PRIMARY KEY, x);\n"
                     "CREATE VIRTUAL TABLE f USING fts5(x, content='t', content_rowid='id');\n"
                     "CREATE VIRTUAL TABLE r USING rtree(id, x0, x1);\n");
    buf_free(&out);
}
END_TEST

START_TEST(a_schema_that_is_run_again_gives_the_same_schema)
{
    struct buf first = BUF_INIT, second = BUF_INIT;

    database_make("a.db",
                  "PRAGMA encoding='UTF-16be';"
                  "CREATE TABLE \"od\"\"d; -- name\n\"(\"\xc3\xa9\t'\" TEXT CHECK(1), b DEFAULT "
                  "'--', g AS (b || ';') STORED) /* odd */;"
                  "CREATE TABLE \"\xff\xfe raw\"(a);"
                  "CREATE TABLE w(a, b, PRIMARY KEY(b, a)) WITHOUT ROWID -- no rowid\n;"
                  "CREATE UNIQUE INDEX [an index] ON w(b DESC) WHERE a > 1 -- partial\n;"
                  "CREATE VIEW broken AS SELECT no FROM nowhere;"
                  "CREATE VIEW v AS SELECT a FROM w /* v */;"
                  "CREATE TRIGGER tr INSTEAD OF INSERT ON v BEGIN SELECT ';'; END;"
                  "CREATE VIRTUAL TABLE f USING fts5(x); CREATE VIRTUAL TABLE f4 USING fts4(x);"
                  "CREATE VIRTUAL TABLE r USING rtree(id, x0, x1)");
    schema_of("a.db", &first);
    ck_assert_uint_gt(first.len, 500);
    database_make("b.db", buf_text(&first));
    schema_of("b.db", &second);
    ck_assert_str_eq(buf_text(&first), buf_text(&second));
    buf_free(&first);
    buf_free(&second);
}
END_TEST

START_TEST(an_empty_database_has_an_empty_schema)
{
    struct buf out = BUF_INIT;

    file_write("a.db", "", 0);
    schema_of("a.db", &out);
    ck_assert_str_eq(buf_text(&out), "");
    buf_free(&out);
}
END_TEST

START_TEST(a_virtual_table_of_an_unknown_module_is_kept)
{
    struct buf out = BUF_INIT;

    database_make("a.db", "CREATE TABLE t(a); PRAGMA writable_schema=ON;"
                          "INSERT INTO sqlite_schema VALUES('table', 'm', 'm', 0,"
                          " 'CREATE VIRTUAL TABLE m USING not_here(a)')");
    schema_of("a.db", &out);
    ck_assert_str_eq(buf_text(&out),
                     "CREATE TABLE t(a);\nCREATE VIRTUAL TABLE m USING not_here(a);\n");
    buf_free(&out);
}
END_TEST

Suite *suite_source_sqlite_schema(void)
{
    Suite *suite = suite_create("source/sqlite/schema");
    TCase *text = tcase_create("text");

    tcase_add_checked_fixture(text, folder_set_up, folder_tear_down);
    tcase_add_test(text, a_statement_ends_behind_its_comment);
    tcase_add_test(text, tables_come_before_indexes_views_and_triggers);
    tcase_add_test(text, shadow_tables_are_left_to_their_virtual_table);
    tcase_add_test(text, a_schema_that_is_run_again_gives_the_same_schema);
    tcase_add_test(text, an_empty_database_has_an_empty_schema);
    tcase_add_test(text, a_virtual_table_of_an_unknown_module_is_kept);
    suite_add_tcase(suite, text);
    return suite;
}
