/*
 * src/table/dump.c: the sqlite3 shell makes an equal database of a dump. Each test runs on the live
 * database and on a stored backup of it, in UTF-8 and in both of UTF-16.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dbsnapfs/util/err.h"
#include "source/sqlite/support.h"
#include "table/reading_support.h"

Suite *suite_table_dump(void);

enum { WAYS = 6 };

static const char *encoding_of(int way)
{
    static const char *const encodings[] = {"UTF-8", "UTF-16le", "UTF-16be"};

    return encodings[way / 2];
}

static void make(int way, const char *sql)
{
    struct buf all = BUF_INIT;

    buf_addf(&all, "PRAGMA encoding = '%s'; ", encoding_of(way));
    buf_add_text(&all, sql);
    database_make("a.db", buf_text(&all));
    buf_free(&all);
}

static int ask_sizes(void *arg, const char *name, struct row_sizes *ret_sizes, struct err *err)
{
    return row_sizes_measure(arg, name, ret_sizes, err);
}

/* Of a.db; its length is compared with what is told without making it. */
static void dump(bool backup, struct buf *out)
{
    struct rendering *rendering = NULL;
    struct opened opened;
    struct err err = ERR_INIT;
    uint64_t bytes = 0;

    opened_begin(&opened, backup);
    ck_assert_int_eq(rendering_dump(&rendering, &err), 0);
    reading_text(&opened, rendering, out);
    ck_assert_msg(rendering_dump_bytes(opened.database, ask_sizes, opened.database, &bytes, &err) ==
                      0,
                  "%s", err.text);
    ck_assert_uint_eq(bytes, out->len);
    opened_end(&opened);
}

/* Runs a program with the folder's "a.sql" as its input and "printed" for its output; its status. */
static int run(const char *const argv[])
{
    pid_t child = fork();
    int status = -1;

    if (child == 0) {
        union {
            const char *const *kept;
            char *const *taken;
        } arguments = {argv};

        if (freopen(folder_path("a.sql"), "r", stdin) &&
            freopen(folder_path("printed"), "w", stdout) && dup2(STDOUT_FILENO, STDERR_FILENO) >= 0)
            execvp(argv[0], arguments.taken);
        _exit(126);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return status;
}

/* Makes b.db of the dump. The shell ends well and prints nothing. */
static void restore(const struct buf *text)
{
    const char *const argv[] = {"sqlite3",           "-batch", "-init", "/dev/null",
                                folder_path("b.db"), NULL};
    struct buf printed = BUF_INIT;
    int status;

    file_write("a.sql", text->data, text->len);
    status = run(argv);
    file_load("printed", &printed);
    ck_assert_msg(status == 0 && printed.len == 0, "%s", buf_text(&printed));
    buf_free(&printed);
}

/* The rows of a statement, with the kinds and bytes of their values. */
static void add_rows(sqlite3 *db, const char *sql, struct buf *out)
{
    sqlite3_stmt *stmt = NULL;
    int rc;

    buf_addf(out, "== %s\n", sql);
    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK) {
        buf_addf(out, "%s\n", sqlite3_errmsg(db));
        return;
    }
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(stmt); i++) {
            buf_addf(out, "%d:", sqlite3_column_type(stmt, i));
            if (sqlite3_column_type(stmt, i) == SQLITE_FLOAT)
                buf_addf(out, "%a", sqlite3_column_double(stmt, i));
            else
                buf_add(out, sqlite3_column_blob(stmt, i), (size_t)sqlite3_column_bytes(stmt, i));
            buf_add_char(out, '|');
        }
        buf_add_char(out, '\n');
    }
    ck_assert_int_eq(rc, SQLITE_DONE);
    sqlite3_finalize(stmt);
}

/* Each table, by its rowid where it has one that can be called so. */
static void add_tables(sqlite3 *db, struct buf *out)
{
    static const char sql[] =
        "SELECT printf('SELECT %st.* FROM \"%w\" AS t', CASE WHEN wr OR name IN"
        " (SELECT m.name FROM sqlite_schema AS m, pragma_table_xinfo(m.name) AS x"
        "  WHERE lower(x.name) = 'rowid') THEN '' ELSE 't.rowid, ' END, name)"
        " FROM pragma_table_list WHERE schema = 'main' AND type <> 'view'"
        "  AND name NOT IN ('sqlite_schema') ORDER BY name";
    sqlite3_stmt *stmt = NULL;

    ck_assert_int_eq(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    while (sqlite3_step(stmt) == SQLITE_ROW)
        add_rows(db, (const char *)sqlite3_column_text(stmt, 0), out);
    sqlite3_finalize(stmt);
}

/* All that is in a database but where its pages lie. */
static void add_content(const char *name, struct buf *out)
{
    static const char schema[] = "SELECT type, name, tbl_name, CAST(sql AS BLOB), rootpage = 0"
                                 " FROM sqlite_schema ORDER BY name, type";
    static const char *const facts[] = {"PRAGMA encoding",       "PRAGMA page_size",
                                        "PRAGMA auto_vacuum",    "PRAGMA user_version",
                                        "PRAGMA application_id", "PRAGMA integrity_check"};
    sqlite3 *db = shell_open(name);

    for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++)
        add_rows(db, facts[i], out);
    add_rows(db, schema, out);
    add_tables(db, out);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}

static void assert_equal_databases(void)
{
    struct buf a = BUF_INIT, b = BUF_INIT;
    size_t at = 0, from = 0;

    add_content("a.db", &a);
    add_content("b.db", &b);
    while (at < a.len && at < b.len && a.data[at] == b.data[at]) {
        if (a.data[at] == '\n')
            from = at + 1;
        at++;
    }
    ck_assert_msg(a.len == b.len && at == a.len, "%.200s\nbut\n%.200s", a.data + from,
                  b.data + from);
    buf_free(&a);
    buf_free(&b);
}

/* Dumps a.db, makes b.db of that, and compares; a dump of b.db is equal bytes. */
static void assert_comes_back(bool backup)
{
    struct buf text = BUF_INIT, again = BUF_INIT;

    dump(backup, &text);
    restore(&text);
    assert_equal_databases();
    ck_assert_int_eq(rename(folder_path("b.db"), folder_path("a.db")), 0);
    dump(false, &again);
    ck_assert_uint_eq(again.len, text.len);
    ck_assert_mem_eq(again.data, text.data, text.len);
    buf_free(&text);
    buf_free(&again);
}

START_TEST(an_empty_database_comes_back)
{
    make(_i, "PRAGMA user_version = 1; PRAGMA user_version = 0");
    assert_comes_back(_i % 2);
}
END_TEST

START_TEST(settings_come_back)
{
    make(_i, "PRAGMA page_size = 1024; PRAGMA auto_vacuum = 2; CREATE TABLE t(a);"
             "PRAGMA user_version = -7; PRAGMA application_id = 1684300800");
    assert_comes_back(_i % 2);
}
END_TEST

START_TEST(every_oddity_comes_back)
{
    const char *top = getenv("DBSNAPFS_TOP");
    char script[512];
    const char *const argv[] = {"/usr/bin/python3", script,          "--blob-bytes",      "70000",
                                "--encoding",       encoding_of(_i), "--page-size",       "1024",
                                "--journal",        "delete",        folder_path("a.db"), NULL};

    snprintf(script, sizeof(script), "%s/tests/table/oddities.py", top ? top : ".");
    file_write("a.sql", "", 0);
    ck_assert_int_eq(run(argv), 0);
    assert_comes_back(_i % 2);
}
END_TEST

START_TEST(statements_come_back_to_the_byte)
{
    make(_i, "CREATE TABLE crlf(a,\r\n  b DEFAULT 'x\ny', -- c\r\n  \"n\nm\");"
             "INSERT INTO crlf(a) VALUES ('line' || char(13) || char(10) || 'line');"
             "CREATE TABLE lines(a CHECK (a\n/\n2 < 10),\ngo\nTEXT);"
             "CREATE INDEX spaced ON lines(a)  ;"
             "CREATE VIEW divided AS SELECT a\n/\n2 AS half FROM lines;"
             "CREATE TRIGGER on_divided INSTEAD OF INSERT ON divided BEGIN SELECT 1\n/\n1; END;"
             "CREATE INDEX dashed ON lines(\"go\") -- no end");
    assert_comes_back(_i % 2);
}
END_TEST

START_TEST(rows_that_break_rules_come_back)
{
    make(_i, "PRAGMA ignore_check_constraints = ON;"
             "CREATE TABLE checked(a CHECK (a > 0)); INSERT INTO checked VALUES (-1);"
             "CREATE TABLE child(a REFERENCES parent(x)); INSERT INTO child VALUES (9);"
             "CREATE TABLE parent(x PRIMARY KEY);"
             "CREATE TABLE seen(what);"
             "INSERT INTO parent VALUES (1);"
             "CREATE TRIGGER see AFTER INSERT ON parent BEGIN"
             " INSERT INTO seen VALUES (new.x); END;"
             "CREATE TRIGGER refuse BEFORE INSERT ON child BEGIN SELECT RAISE(ABORT, 'no'); END;");
    assert_comes_back(_i % 2);
}
END_TEST

START_TEST(sequences_come_back_without_their_tables)
{
    make(_i, "CREATE TABLE counted(a INTEGER PRIMARY KEY AUTOINCREMENT);"
             "INSERT INTO counted VALUES (77); DROP TABLE counted;"
             "INSERT INTO sqlite_sequence VALUES ('gone', 5)");
    assert_comes_back(_i % 2);
}
END_TEST

START_TEST(statistics_come_back_without_writing_to_the_schema)
{
    struct buf text = BUF_INIT;

    make(_i, "CREATE TABLE t(a UNIQUE); INSERT INTO t VALUES (1), (2); ANALYZE;"
             "CREATE TABLE counted(a INTEGER PRIMARY KEY AUTOINCREMENT);"
             "INSERT INTO counted VALUES (5);"
             "CREATE VIEW later AS SELECT * FROM much_later; CREATE VIEW much_later AS SELECT 1");
    dump(_i % 2, &text);
    ck_assert_ptr_null(strstr(buf_text(&text), "writable_schema"));
    ck_assert_int_eq(remove(folder_path("a.db")), 0);
    buf_free(&text);
    make(_i, "CREATE TABLE t(a UNIQUE); INSERT INTO t VALUES (1), (2); ANALYZE;"
             "CREATE TABLE counted(a INTEGER PRIMARY KEY AUTOINCREMENT);"
             "INSERT INTO counted VALUES (5);"
             "CREATE VIEW later AS SELECT * FROM much_later; CREATE VIEW much_later AS SELECT 1");
    assert_comes_back(false);
}
END_TEST

/* What is read in pieces is made from marks in the middle of tables. */
START_TEST(a_dump_can_be_read_from_marks)
{
    struct rendering *rendering = NULL;
    struct rendering_reader *reader;
    struct opened opened;
    struct buf whole = BUF_INIT, piece = BUF_INIT;
    struct err err = ERR_INIT;

    make(_i, "CREATE TABLE a(x, y); CREATE TABLE b(x, y, PRIMARY KEY (y)) WITHOUT ROWID;"
             "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 20000)"
             " INSERT INTO a SELECT i, printf('%0100d', i) FROM c;"
             "INSERT INTO b SELECT * FROM a;");
    opened_begin(&opened, _i % 2);
    ck_assert_int_eq(rendering_dump(&rendering, &err), 0);
    reading_text(&opened, rendering_ref(rendering), &whole);
    reader = reading_new(&opened, rendering);
    for (size_t i = 0; i < 50; i++) {
        size_t offset = (i * 23 + 49) % 50 * (whole.len / 50);

        reading_piece(reader, offset, 5000, &piece);
        ck_assert_uint_eq(piece.len, whole.len - offset < 5000 ? whole.len - offset : 5000);
        ck_assert_mem_eq(piece.data, whole.data + offset, piece.len);
    }
    ck_assert_uint_gt(reading_work(reader).from_mark, 20);
    ck_assert_uint_lt(reading_work(reader).from_beginning, 10);
    rendering_reader_free(reader);
    rendering_unref(rendering);
    opened_end(&opened);
    buf_free(&whole);
    buf_free(&piece);
}
END_TEST

Suite *suite_table_dump(void)
{
    Suite *suite = suite_create("table/dump");
    TCase *back = tcase_create("back");

    tcase_add_checked_fixture(back, folder_set_up, folder_tear_down);
    tcase_add_loop_test(back, an_empty_database_comes_back, 0, WAYS);
    tcase_add_loop_test(back, settings_come_back, 0, WAYS);
    tcase_add_loop_test(back, every_oddity_comes_back, 0, WAYS);
    tcase_add_loop_test(back, statements_come_back_to_the_byte, 0, WAYS);
    tcase_add_loop_test(back, rows_that_break_rules_come_back, 0, WAYS);
    tcase_add_loop_test(back, sequences_come_back_without_their_tables, 0, WAYS);
    tcase_add_loop_test(back, statistics_come_back_without_writing_to_the_schema, 0, WAYS);
    tcase_add_loop_test(back, a_dump_can_be_read_from_marks, 0, WAYS);
    suite_add_tcase(suite, back);
    return suite;
}
