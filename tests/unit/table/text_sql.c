/* src/table/text_sql.c: inserts give the same table again, by way of the shell too. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "source/sqlite/support.h"
#include "table/rows_support.h"

Suite *suite_table_text_sql(void);

/* The shell drops the CR of a line that ends in CR LF, and its SQL ends at a NUL. */
static void run_as_the_shell(const char *name, const struct buf *sql)
{
    sqlite3 *db = shell_open(name);
    struct buf lines = BUF_INIT;

    ck_assert_ptr_null(memchr(sql->data, '\0', sql->len));
    for (size_t i = 0; i < sql->len; i++)
        if (sql->data[i] != '\r' || sql->data[i + 1] != '\n')
            buf_add_char(&lines, sql->data[i]);
    database_exec(db, buf_text(&lines));
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
    buf_free(&lines);
}

/* b.db's table has the rows of a.db's, byte for byte and kind for kind. */
static void assert_equal_rows(const char *name, const char *rows)
{
    sqlite3 *db = shell_open("b.db");
    char *sql = sqlite3_mprintf("ATTACH %Q AS a", folder_path("a.db"));

    database_exec(db, sql);
    sqlite3_free(sql);
    sql = sqlite3_mprintf("SELECT (SELECT count(*) FROM main.\"%w\")"
                          " - (SELECT count(*) FROM a.\"%w\")",
                          name, name);
    ck_assert_int_eq(database_int(db, sql), 0);
    sqlite3_free(sql);
    sql = sqlite3_mprintf("SELECT count(*) FROM (SELECT %s FROM a.\"%w\" EXCEPT"
                          " SELECT %s FROM main.\"%w\")",
                          rows, name, rows, name);
    ck_assert_int_eq(database_int(db, sql), 0);
    sqlite3_free(sql);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}

/* Makes b.db by the schema, runs the table's rows.sql there, and compares. */
static void assert_restores(int way, const struct opened *opened, const char *schema,
                            const char *name, const char *rows)
{
    struct buf sql = BUF_INIT, all = BUF_INIT;

    buf_addf(&all, "PRAGMA encoding = '%s'; %s", rows_encoding_of(way), schema);
    database_make("b.db", buf_text(&all));
    rows_render(opened, name, TEXT_SQL, &sql);
    run_as_the_shell("b.db", &sql);
    assert_equal_rows(name, rows);
    buf_free(&all);
    buf_free(&sql);
}

START_TEST(sql_gives_every_value_again)
{
    struct opened opened;

    rows_begin(_i, rows_every_value, &opened);
    assert_restores(_i, &opened, "CREATE TABLE t(id INTEGER PRIMARY KEY, v)", "t",
                    "id, typeof(v), CASE typeof(v) WHEN 'text' THEN CAST(v AS BLOB) ELSE v END,"
                    " quote(v)");
    opened_end(&opened);
}
END_TEST

START_TEST(sql_restores_rowids_and_leaves_out_what_is_generated)
{
    static const char schema[] =
        "CREATE TABLE \"or\"\"der\"(\"select\" TEXT, \"a b\", g AS (\"select\" || 1),"
        " s AS (\"a b\" + 1) STORED, CHECK (s <> 0));"
        "CREATE TABLE taken(rowid, oid, _rowid_);"
        "CREATE TABLE w(a TEXT, b INT, PRIMARY KEY (b, a)) WITHOUT ROWID;"
        "CREATE TABLE up(id INTEGER PRIMARY KEY, p REFERENCES up);";
    struct opened opened;
    struct buf sql = BUF_INIT;

    buf_add_text(&sql, schema);
    buf_add_text(&sql,
                 "INSERT INTO \"or\"\"der\"(rowid, \"select\", \"a b\") VALUES(7, 'x', 1),"
                 " (-9223372036854775808, NULL, 2), (9223372036854775807, 1, 3);"
                 "INSERT INTO taken VALUES (1, 2, 3); INSERT INTO w VALUES ('a', 1), ('b', 0);"
                 "INSERT INTO up VALUES (1, 2), (2, NULL)");
    rows_begin(_i, buf_text(&sql), &opened);
    assert_restores(_i, &opened, schema, "or\"der", "rowid, *");
    rows_render(&opened, "taken", TEXT_SQL, &sql);
    run_as_the_shell("b.db", &sql);
    assert_equal_rows("taken", "*");
    rows_render(&opened, "w", TEXT_SQL, &sql);
    run_as_the_shell("b.db", &sql);
    assert_equal_rows("w", "*");
    rows_render(&opened, "up", TEXT_SQL, &sql);
    run_as_the_shell("b.db", &sql);
    assert_equal_rows("up", "*");
    opened_end(&opened);
    buf_free(&sql);
}
END_TEST

START_TEST(sql_is_an_insert_that_names_its_columns)
{
    struct opened opened;

    rows_begin(
        _i,
        "CREATE TABLE \"or\"\"der\"(a, \"b c\", g AS (a)); CREATE TABLE k(id INTEGER PRIMARY KEY);"
        "INSERT INTO \"or\"\"der\"(rowid, a) VALUES (3, 'it''s'); INSERT INTO k VALUES (-5)",
        &opened);
    rows_assert_text(&opened, "or\"der", TEXT_SQL,
                     "SAVEPOINT dbsnapfs_rows;\nPRAGMA defer_foreign_keys = ON;\n"
                     "INSERT INTO \"or\"\"der\"(\"rowid\",\"a\",\"b c\") VALUES(3,'it''s',NULL);\n"
                     "RELEASE dbsnapfs_rows;\n");
    rows_assert_text(&opened, "k", TEXT_SQL,
                     "SAVEPOINT dbsnapfs_rows;\nPRAGMA defer_foreign_keys = ON;\n"
                     "INSERT INTO \"k\"(\"id\") VALUES(-5);\n"
                     "RELEASE dbsnapfs_rows;\n");
    opened_end(&opened);
}
END_TEST

/* ---- wide and virtual tables ---- */

START_TEST(two_thousand_columns_and_a_rowid_go_into_an_insert)
{
    struct opened opened;
    struct buf schema = BUF_INIT, sql = BUF_INIT, csv = BUF_INIT;

    for (int i = 0; i < 2000; i++)
        buf_addf(&schema, i > 0 ? ", c%d" : "CREATE TABLE w(c%d", i);
    buf_addf(&sql, "%s); INSERT INTO w(rowid, c0, c1999) VALUES (-4, 1.5, 'last')",
             buf_text(&schema));
    buf_add_text(&schema, ")");
    rows_begin(_i, buf_text(&sql), &opened);
    assert_restores(_i, &opened, buf_text(&schema), "w", "rowid, c0, c1, c1999");
    rows_render(&opened, "w", TEXT_CSV, &csv);
    ck_assert_str_eq(csv.data + csv.len - 10, ",,\"last\"\r\n");
    opened_end(&opened);
    buf_free(&schema);
    buf_free(&sql);
    buf_free(&csv);
}
END_TEST

START_TEST(virtual_tables_are_restored_by_their_rows)
{
    static const char schema[] = "CREATE VIRTUAL TABLE f USING fts5(title, \"body of it\");"
                                 "CREATE VIRTUAL TABLE g USING fts4(subject, content);"
                                 "CREATE VIRTUAL TABLE r USING rtree(id, x0, x1, +label TEXT);";
    static const char *const names[] = {"g", "r"};
    struct opened opened;
    struct buf sql = BUF_INIT;

    buf_addf(&sql,
             "%s INSERT INTO f(rowid, title, \"body of it\") VALUES (5, 'a', 'it''s'),"
             " (-9, NULL, ''); INSERT INTO g(docid, subject) VALUES (3, 'running');"
             "INSERT INTO r VALUES (7, -0.1, 3.3, 'box')",
             schema);
    rows_begin(_i, buf_text(&sql), &opened);
    assert_restores(_i, &opened, schema, "f", "rowid, *");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        rows_render(&opened, names[i], TEXT_SQL, &sql);
        run_as_the_shell("b.db", &sql);
        assert_equal_rows(names[i], "rowid, *");
    }
    opened_end(&opened);
    buf_free(&sql);
}
END_TEST

Suite *suite_table_text_sql(void)
{
    Suite *suite = suite_create("table/text_sql");
    TCase *sql = tcase_create("sql");

    tcase_add_checked_fixture(sql, folder_set_up, folder_tear_down);
    tcase_add_loop_test(sql, sql_gives_every_value_again, 0, ROWS_WAYS);
    tcase_add_loop_test(sql, sql_restores_rowids_and_leaves_out_what_is_generated, 0, ROWS_WAYS);
    tcase_add_loop_test(sql, sql_is_an_insert_that_names_its_columns, 0, ROWS_WAYS);
    tcase_add_loop_test(sql, two_thousand_columns_and_a_rowid_go_into_an_insert, 0, ROWS_WAYS);
    tcase_add_loop_test(sql, virtual_tables_are_restored_by_their_rows, 0, ROWS_WAYS);
    suite_add_tcase(suite, sql);
    return suite;
}
