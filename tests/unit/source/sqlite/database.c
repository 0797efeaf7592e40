/*
 * src/source/sqlite/database.c: one state from begin to end, and noticing that the file is another.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dbsnapfs/util/err.h"
#include "source/sqlite/opened_support.h"
#include "source/sqlite/support.h"

Suite *suite_source_sqlite_database(void);

static uint64_t count_of(const struct opened *opened, const char *name)
{
    uint64_t rows = 0;

    ck_assert_int_eq(database_count(opened->database, opened_find(opened, name), &rows, NULL), 0);
    return rows;
}

START_TEST(a_state_stays_while_a_writer_commits)
{
    struct opened opened;
    sqlite3 *writer;

    database_make("a.db", "PRAGMA journal_mode=WAL; CREATE TABLE t(a); INSERT INTO t VALUES(1)");
    opened_begin(&opened, false);
    writer = shell_open("a.db");
    database_exec(writer, "INSERT INTO t VALUES(2)");
    ck_assert_uint_eq(count_of(&opened, "t"), 1);
    database_end(opened.database);
    ck_assert_int_eq(database_begin(opened.database, NULL), 0);
    ck_assert_uint_eq(count_of(&opened, "t"), 2);
    sqlite3_close(writer);
    opened_end(&opened);
}
END_TEST

/* Of the last row twelve values, each as long as one may be. */
static void make_greedy_view(void)
{
    sqlite3 *shell = shell_open("a.db");
    struct buf sql = BUF_INIT;

    database_exec(shell, "PRAGMA journal_mode=WAL; CREATE TABLE t(id INTEGER PRIMARY KEY, v);"
                         "INSERT INTO t VALUES (1, 0), (2, 1)");
    buf_add_text(&sql, "CREATE VIEW greedy AS SELECT id, v");
    for (int i = 0; i < 12; i++)
        buf_addf(&sql, ", CASE WHEN v THEN hex(zeroblob(%d)) END AS v%d", 7000000 + i, i);
    buf_add_text(&sql, " FROM t");
    database_exec(shell, buf_text(&sql));
    buf_free(&sql);
    sqlite3_close(shell);
}

START_TEST(a_state_that_an_error_has_ended_is_not_followed_by_another)
{
    struct opened opened;
    struct selection selection = {.what = SELECT_ROWS};
    struct cursor *cursor = NULL;
    struct err err = ERR_INIT;
    sqlite3 *shell;

    make_greedy_view();
    opened_begin(&opened, false);
    selection.relation = opened_find(&opened, "greedy");
    ck_assert_int_eq(cursor_open(opened.database, &selection, &cursor, &err), 0);
    ck_assert_int_eq(cursor_next(cursor, &err), 1);
    ck_assert_int_eq(cursor_next(cursor, &err), -EIO);
    cursor_close(cursor);
    shell = shell_open("a.db");
    database_exec(shell, "UPDATE t SET v = 0");
    sqlite3_close(shell);
    ck_assert_int_eq(cursor_open(opened.database, &selection, &cursor, &err), -EIO);
    ck_assert_ptr_nonnull(strstr(err.text, "a view takes more memory"));
    selection.relation = opened_find(&opened, "t");
    ck_assert_int_eq(cursor_open(opened.database, &selection, &cursor, &err), -EIO);

    database_end(opened.database);
    ck_assert_int_eq(database_begin(opened.database, &err), 0);
    ck_assert_uint_eq(count_of(&opened, "greedy"), 2);
    opened_end(&opened);
}
END_TEST

START_TEST(a_states_number_is_another_after_a_commit_and_only_then)
{
    struct opened opened;
    uint64_t first = 0, again = 0, later = 0;
    sqlite3 *writer;

    database_make("a.db", "PRAGMA journal_mode=WAL; CREATE TABLE t(a)");
    opened_begin(&opened, false);
    ck_assert_int_eq(database_state(opened.database, &first, NULL), 0);
    writer = shell_open("a.db");
    database_exec(writer, "INSERT INTO t VALUES(2)");
    ck_assert_int_eq(database_state(opened.database, &again, NULL), 0);
    ck_assert_uint_eq(first, again);
    database_end(opened.database);
    ck_assert_int_eq(database_begin(opened.database, NULL), 0);
    ck_assert_int_eq(database_state(opened.database, &later, NULL), 0);
    ck_assert_uint_ne(first, later);
    database_end(opened.database);
    ck_assert_int_eq(database_begin(opened.database, NULL), 0);
    ck_assert_int_eq(database_state(opened.database, &again, NULL), 0);
    ck_assert_uint_eq(later, again);
    sqlite3_close(writer);
    opened_end(&opened);
}
END_TEST

START_TEST(a_schema_stays_until_it_is_another)
{
    struct opened opened;
    const struct schema *again = NULL;
    sqlite3 *writer;

    database_make("a.db", "PRAGMA journal_mode=WAL; CREATE TABLE t(a)");
    opened_begin(&opened, false);
    database_end(opened.database);
    ck_assert_int_eq(database_begin(opened.database, NULL), 0);
    ck_assert_int_eq(database_schema(opened.database, &again, NULL), 0);
    ck_assert_ptr_eq(again, opened.schema);
    database_end(opened.database);
    writer = shell_open("a.db");
    database_exec(writer, "CREATE TABLE u(a)");
    ck_assert_int_eq(database_begin(opened.database, NULL), 0);
    ck_assert_int_eq(database_schema(opened.database, &opened.schema, NULL), 0);
    ck_assert_uint_eq(count_of(&opened, "u"), 0);
    sqlite3_close(writer);
    opened_end(&opened);
}
END_TEST

START_TEST(a_replaced_or_deleted_file_is_stale)
{
    struct opened opened;
    struct err err = ERR_INIT;

    database_make("a.db", "CREATE TABLE t(a)");
    database_make("b.db", "CREATE TABLE t(a)");
    opened_begin(&opened, false);
    database_end(opened.database);
    ck_assert_int_eq(rename(folder_path("b.db"), folder_path("a.db")), 0);
    ck_assert_int_eq(database_begin(opened.database, &err), -ESTALE);
    ck_assert_ptr_nonnull(strstr(err.text, "replaced since it was opened"));
    ck_assert_int_eq(unlink(folder_path("a.db")), 0);
    ck_assert_int_eq(database_begin(opened.database, &err), -ESTALE);
    ck_assert_ptr_nonnull(strstr(err.text, "deleted since it was opened"));
    opened_end(&opened);
}
END_TEST

START_TEST(settings_are_those_of_the_database)
{
    struct opened opened;
    struct database_settings settings;

    database_make("a.db", "PRAGMA encoding='UTF-16le'; PRAGMA page_size=8192; PRAGMA"
                          " user_version=-7; PRAGMA application_id=5; CREATE TABLE t(a);"
                          "INSERT INTO t VALUES('é')");
    opened_begin(&opened, _i);
    ck_assert_int_eq(database_settings(opened.database, &settings, NULL), 0);
    ck_assert_str_eq(settings.encoding, "UTF-16le");
    ck_assert_int_eq(settings.page_size, 8192);
    ck_assert_int_eq(settings.user_version, -7);
    ck_assert_int_eq(settings.application_id, 5);
    ck_assert_str_eq(
        opened_rows(&opened, &(struct selection){.relation = opened_find(&opened, "t")}), "('é')");
    opened_end(&opened);
}
END_TEST

START_TEST(copies_of_values_are_equal_and_zeros_are_told_apart)
{
    struct value text = {.kind = VALUE_TEXT, .bytes = "a\0b", .len = 3};
    struct value empty = {.kind = VALUE_BLOB}, copy;
    struct value zero = {.kind = VALUE_REAL, .real = 0.0};
    struct value minus = {.kind = VALUE_REAL, .real = -0.0};

    ck_assert_int_eq(value_copy(&text, &copy), 0);
    ck_assert(value_equal(&text, &copy));
    ck_assert_ptr_ne(text.bytes, copy.bytes);
    value_free(&copy);
    ck_assert_int_eq(value_copy(&empty, &copy), 0);
    ck_assert(value_equal(&empty, &copy) && !value_equal(&text, &copy));
    value_free(&copy);
    ck_assert(!value_equal(&zero, &minus));
}
END_TEST

Suite *suite_source_sqlite_database(void)
{
    Suite *suite = suite_create("source/sqlite/database");
    TCase *state = tcase_create("state");

    tcase_add_checked_fixture(state, folder_set_up, folder_tear_down);
    tcase_add_test(state, a_state_stays_while_a_writer_commits);
    tcase_add_test(state, a_state_that_an_error_has_ended_is_not_followed_by_another);
    tcase_add_test(state, a_states_number_is_another_after_a_commit_and_only_then);
    tcase_add_test(state, a_schema_stays_until_it_is_another);
    tcase_add_test(state, a_replaced_or_deleted_file_is_stale);
    tcase_add_loop_test(state, settings_are_those_of_the_database, 0, 2);
    tcase_add_test(state, copies_of_values_are_equal_and_zeros_are_told_apart);
    suite_add_tcase(suite, state);
    return suite;
}
