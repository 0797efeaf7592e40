/*
 * src/table/row_text.c and the forms under it: what is written is read back by others. Each test
 * runs on the live database and on a stored backup, in UTF-8 and in both of UTF-16.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/table/text.h"
#include "source/sqlite/opened_support.h"
#include "source/sqlite/support.h"

Suite *suite_table_row_text(void);

enum { WAYS = 6 };

static const char *encoding_of(int way)
{
    static const char *const encodings[] = {"UTF-8", "UTF-16le", "UTF-16be"};

    return encodings[way / 2];
}

/* a.db in the encoding of this way, opened. */
static void begin(int way, const char *sql, struct opened *opened)
{
    struct buf all = BUF_INIT;

    buf_addf(&all, "PRAGMA encoding = '%s'; ", encoding_of(way));
    buf_add_text(&all, sql);
    database_make("a.db", buf_text(&all));
    buf_free(&all);
    opened_begin(opened, way % 2 == 1);
}

static struct cursor *open_cursor(const struct opened *opened, const struct relation *relation,
                                  bool heads)
{
    struct selection selection = {.relation = relation, .what = heads ? SELECT_HEADS : SELECT_ROWS};
    struct cursor *cursor = NULL;
    struct err err = ERR_INIT;

    ck_assert_msg(cursor_open(opened->database, &selection, &cursor, &err) == 0, "%s", err.text);
    return cursor;
}

/* The length of all rows, by a cursor of this kind. */
static uint64_t length_of(const struct opened *opened, const struct relation *relation,
                          enum text_form form, bool heads)
{
    struct row_text *text = NULL;
    struct err err = ERR_INIT;
    struct cursor *cursor = open_cursor(opened, relation, heads);
    uint64_t sum = 0, bytes = 0;

    ck_assert_int_eq(row_text_new(relation, form, &text, &err), 0);
    while (cursor_next(cursor, &err) > 0) {
        ck_assert_msg(row_text_length(text, opened->database, cursor, &bytes, &err) == 0, "%s",
                      err.text);
        sum += bytes;
    }
    cursor_close(cursor);
    row_text_free(text);
    return sum;
}

/* Head, rows and tail; the lengths are checked on the way. */
static void render(const struct opened *opened, const char *name, enum text_form form,
                   struct buf *out)
{
    const struct relation *relation = opened_find(opened, name);
    struct row_text *text = NULL;
    struct err err = ERR_INIT;
    struct cursor *cursor = open_cursor(opened, relation, false);
    size_t begin;
    int r;

    ck_assert_msg(row_text_new(relation, form, &text, &err) == 0, "%s", err.text);
    buf_clear(out);
    row_text_head(text, out);
    begin = out->len;
    while ((r = cursor_next(cursor, &err)) > 0) {
        uint64_t bytes = 0;
        size_t before = out->len;

        ck_assert_int_eq(row_text_length(text, opened->database, cursor, &bytes, &err), 0);
        ck_assert_msg(row_text_add(text, opened->database, cursor, out, &err) == 0, "%s", err.text);
        ck_assert_uint_eq(out->len - before, bytes);
    }
    ck_assert_msg(r == 0, "%s", err.text);
    cursor_close(cursor);
    ck_assert_uint_eq(length_of(opened, relation, form, true), out->len - begin);
    row_text_tail(text, out);
    ck_assert_int_eq(buf_error(out), 0);
    ck_assert_uint_eq(strlen(out->data + out->len), 0);
    row_text_free(text);
}

static void assert_text(const struct opened *opened, const char *name, enum text_form form,
                        const char *expected)
{
    struct buf out = BUF_INIT;

    render(opened, name, form, &out);
    ck_assert_str_eq(buf_text(&out), expected);
    ck_assert_uint_eq(out.len, strlen(expected));
    buf_free(&out);
}

/* ---- values of all kinds, read back ---- */

/* TEXT that is not UTF-8 is what it seems in UTF-8 alone; 00D8 and D800 are half a surrogate pair. */
static const char every_value[] =
    "CREATE TABLE t(id INTEGER PRIMARY KEY, v);"
    "INSERT INTO t(v) VALUES (NULL), (0), (-1), (9223372036854775807), (-9223372036854775808),"
    " (0.1), (-0.0), (0.0), (1.0), (1e300), (1e999), (-1e999), (0.1 + 0.2), (5e-324),"
    " (1.7976931348623157e308), (123456.789012345678), (9007199254740993.0), (1.00005),"
    " (3.0517578125e-05), (100.25), (-7.5), (1e15), (123456789012345.6),"
    " (''), ('a'), ('it''s'), ('\"'), (char(13)), (char(10)), (char(13, 10)), ('a,b'),"
    " ('1'), ('NULL'), (char(0)), ('a' || char(0) || 'b'), (char(0, 0, 13, 0, 39)),"
    " ('\\0' || char(0)), ('\\r\\r1' || char(13) || '\\'), ('\\0\\01\\02\\03' || char(0)),"
    " ('\\r\\r1\\r2\\r3' || char(13)), ('\\r\\r1\\r2\\r3'), ('\\' || char(13, 0) || 'r0'),"
    " (char(13) || 'a' || char(10) || 'b' || char(13, 10) || char(10) || '.quit' || char(10)"
    "  || '/' || char(10) || ';' || char(10) || '--' || char(13, 10)),"
    " (char(233)), (char(8364)), (char(128024)), (char(65534)), (char(65535)), (char(65279) || 'a'),"
    " (char(65535, 0, 13, 39)), (char(1, 8, 9, 12, 31, 127, 128, 92)), (char(65533)),"
    " (char(1114111)), (char(55295)), (char(57344)),"
    " (CAST(x'ff' AS TEXT)), (CAST(x'41ff00' AS TEXT)), (CAST(x'00d8' AS TEXT)),"
    " (CAST(x'd800' AS TEXT)), (CAST(x'eda08041' AS TEXT)), (CAST(x'4100d841dc00' AS TEXT)),"
    " (CAST(x'c0af27' AS TEXT)),"
    " (x''), (x'00'), (x'00ff0a'), (x'27'), (x'6162'), (zeroblob(1)), (randomblob(300)),"
    " (printf('%.5000c', 'x')), (replace(printf('%.3000c', 'x'), 'x', char(13, 0))),"
    " (replace(printf('%.3000c', 'x'), 'x', ''''));";

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

    buf_addf(&all, "PRAGMA encoding = '%s'; %s", encoding_of(way), schema);
    database_make("b.db", buf_text(&all));
    render(opened, name, TEXT_SQL, &sql);
    run_as_the_shell("b.db", &sql);
    assert_equal_rows(name, rows);
    buf_free(&all);
    buf_free(&sql);
}

START_TEST(sql_gives_every_value_again)
{
    struct opened opened;

    begin(_i, every_value, &opened);
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
    begin(_i, buf_text(&sql), &opened);
    assert_restores(_i, &opened, schema, "or\"der", "rowid, *");
    render(&opened, "taken", TEXT_SQL, &sql);
    run_as_the_shell("b.db", &sql);
    assert_equal_rows("taken", "*");
    render(&opened, "w", TEXT_SQL, &sql);
    run_as_the_shell("b.db", &sql);
    assert_equal_rows("w", "*");
    render(&opened, "up", TEXT_SQL, &sql);
    run_as_the_shell("b.db", &sql);
    assert_equal_rows("up", "*");
    opened_end(&opened);
    buf_free(&sql);
}
END_TEST

START_TEST(sql_is_an_insert_that_names_its_columns)
{
    struct opened opened;

    begin(
        _i,
        "CREATE TABLE \"or\"\"der\"(a, \"b c\", g AS (a)); CREATE TABLE k(id INTEGER PRIMARY KEY);"
        "INSERT INTO \"or\"\"der\"(rowid, a) VALUES (3, 'it''s'); INSERT INTO k VALUES (-5)",
        &opened);
    assert_text(&opened, "or\"der", TEXT_SQL,
                "SAVEPOINT dbsnapfs_rows;\nPRAGMA defer_foreign_keys = ON;\n"
                "INSERT INTO \"or\"\"der\"(\"rowid\",\"a\",\"b c\") VALUES(3,'it''s',NULL);\n"
                "RELEASE dbsnapfs_rows;\n");
    assert_text(&opened, "k", TEXT_SQL,
                "SAVEPOINT dbsnapfs_rows;\nPRAGMA defer_foreign_keys = ON;\n"
                "INSERT INTO \"k\"(\"id\") VALUES(-5);\n"
                "RELEASE dbsnapfs_rows;\n");
    opened_end(&opened);
}
END_TEST

Suite *suite_table_row_text(void)
{
    Suite *suite = suite_create("table/row_text");
    TCase *rows = tcase_create("rows");

    tcase_add_checked_fixture(rows, folder_set_up, folder_tear_down);
    tcase_add_loop_test(rows, sql_gives_every_value_again, 0, WAYS);
    tcase_add_loop_test(rows, sql_restores_rowids_and_leaves_out_what_is_generated, 0, WAYS);
    tcase_add_loop_test(rows, sql_is_an_insert_that_names_its_columns, 0, WAYS);
    suite_add_tcase(suite, rows);
    return suite;
}
