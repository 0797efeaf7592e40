/*
 * src/source/sqlite/cursor_sql.c: what of a row is read. Each test runs on the live database and on a
 * stored backup of it.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "source/sqlite/database.h"
#include "source/sqlite/opened_support.h"
#include "source/sqlite/support.h"

Suite *suite_source_sqlite_cursor_sql(void);

static void make_widest(const char *first)
{
    struct buf sql = BUF_INIT;

    buf_addf(&sql, "CREATE TABLE wide(%s", first);
    for (int i = 1; i < 2000; i++)
        buf_addf(&sql, ",c%d", i);
    buf_add_text(&sql, "); INSERT INTO wide(rowid, c1, c1999) VALUES(77, 'second', 'last')");
    database_make("a.db", buf_text(&sql));
    buf_free(&sql);
}

static void assert_widest(const struct opened *opened)
{
    const struct selection selection = {.relation = opened_find(opened, "wide")};
    struct cursor *cursor = opened_first_row(opened, &selection);
    struct value second, last, position;

    cursor_value(cursor, 1, &second);
    cursor_value(cursor, 1999, &last);
    cursor_position(cursor, 0, &position);
    ck_assert_str_eq(second.bytes, "second");
    ck_assert_str_eq(last.bytes, "last");
    ck_assert_int_eq(position.integer, 77);
    ck_assert_int_eq(cursor_next(cursor, NULL), 0);
    cursor_close(cursor);
}

START_TEST(a_table_of_as_many_columns_as_can_be_has_all_of_them)
{
    struct opened opened;

    make_widest("c0");
    opened_begin(&opened, _i);
    assert_widest(&opened);
    opened_end(&opened);
}
END_TEST

START_TEST(so_has_one_whose_rowid_is_a_column)
{
    struct opened opened;

    make_widest("c0 INTEGER PRIMARY KEY");
    opened_begin(&opened, _i);
    assert_widest(&opened);
    opened_end(&opened);
}
END_TEST

START_TEST(heads_of_blobs_are_known_without_their_pages)
{
    struct opened opened;
    struct selection selection;
    struct cursor *cursor;
    struct value head;

    database_make("a.db", "CREATE TABLE t(s, i, b);"
                          "INSERT INTO t VALUES('text', 7, randomblob(4000000))");
    opened_begin(&opened, _i);
    selection = (struct selection){.relation = opened_find(&opened, "t"), .what = SELECT_HEADS};
    int before = opened_pages_read(&opened);
    cursor = opened_first_row(&opened, &selection);
    cursor_value_head(cursor, 2, &head);
    ck_assert_int_eq(head.kind, VALUE_BLOB);
    ck_assert_uint_eq(head.len, 4000000);
    cursor_value_head(cursor, 0, &head);
    ck_assert_int_eq(head.kind, VALUE_TEXT);
    ck_assert_uint_eq(head.len, 4);
    cursor_value_head(cursor, 1, &head);
    ck_assert_int_eq(head.integer, 7);
    cursor_close(cursor);
    ck_assert_int_lt(opened_pages_read(&opened) - before, 5);
    opened_end(&opened);
}
END_TEST

/* The one row of a selection, of which `column` must be the TEXT; in a few pages. */
static struct cursor *read_few(const struct opened *opened, const struct selection *selection,
                               size_t column, const char *text)
{
    int before = opened_pages_read(opened);
    struct cursor *cursor = opened_first_row(opened, selection);
    struct value value;

    cursor_value(cursor, column, &value);
    ck_assert_int_eq(value.kind, VALUE_TEXT);
    ck_assert_uint_eq(value.len, strlen(text));
    ck_assert_mem_eq(value.bytes, text, value.len);
    ck_assert_int_lt(opened_pages_read(opened) - before, 5);
    return cursor;
}

START_TEST(of_chosen_columns_alone_the_pages_are_read)
{
    static const int ways[] = {SELECT_ROWS, SELECT_HEADS};
    const size_t column = 1;
    struct opened opened;

    database_make("a.db",
                  "CREATE TABLE t(id INTEGER PRIMARY KEY, small TEXT, big TEXT, blob BLOB);"
                  "INSERT INTO t VALUES(7, 'text', printf('%.4000000c', 'x'), zeroblob(4000000))");
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        opened_begin(&opened, _i);
        const struct selection selection = {.relation = opened_find(&opened, "t"),
                                            .what = ways[i],
                                            .column_count = 1,
                                            .columns = &column};
        struct cursor *cursor = read_few(&opened, &selection, column, "text");
        struct value value;

        cursor_value(cursor, 0, &value); /* the key's */
        ck_assert_int_eq(value.integer, 7);
        cursor_position(cursor, 0, &value);
        ck_assert_int_eq(value.integer, 7);
        ck_assert_int_eq(cursor_next(cursor, NULL), 0);
        cursor_close(cursor);
        opened_end(&opened);
    }
}
END_TEST

START_TEST(the_key_alone_of_a_row_is_read_without_the_rest_of_it)
{
    const size_t column = 0;
    struct opened opened;

    database_make("a.db", "CREATE TABLE t(k TEXT PRIMARY KEY, big BLOB);"
                          "INSERT INTO t VALUES('key', zeroblob(4000000))");
    opened_begin(&opened, _i);
    const struct selection selection = {
        .relation = opened_find(&opened, "t"), .column_count = 1, .columns = &column};
    cursor_close(read_few(&opened, &selection, column, "key"));
    opened_end(&opened);
}
END_TEST

START_TEST(chosen_columns_keep_their_numbers_and_rows_their_positions)
{
    const size_t columns[] = {4, 1};
    struct opened opened;
    struct value value;

    database_make("a.db", "CREATE TABLE t(a, b, c, d, e, PRIMARY KEY(d, a)) WITHOUT ROWID;"
                          "INSERT INTO t VALUES('a', 'b', 'c', 'd', 'e')");
    opened_begin(&opened, _i);
    const struct selection selection = {
        .relation = opened_find(&opened, "t"), .column_count = 2, .columns = columns};
    struct cursor *cursor = opened_first_row(&opened, &selection);
    for (size_t i = 0; i < 5; i++) {
        cursor_value(cursor, i, &value);
        if (i == 2)
            ck_assert_int_eq(value.kind, VALUE_NULL);
        else
            ck_assert_str_eq(value.bytes, ((const char *[]){"a", "b", "c", "d", "e"})[i]);
    }
    cursor_position(cursor, 0, &value);
    ck_assert_str_eq(value.bytes, "d");
    cursor_position(cursor, 1, &value);
    ck_assert_str_eq(value.bytes, "a");
    cursor_close(cursor);
    opened_end(&opened);
}
END_TEST

START_TEST(more_columns_than_a_result_can_have_can_be_chosen)
{
    size_t columns[2500];
    struct opened opened;
    struct value value;

    for (size_t i = 0; i < 2500; i++)
        columns[i] = i % 2 == 0 ? 1 : 1999;
    make_widest("c0");
    opened_begin(&opened, _i);
    const struct selection selection = {
        .relation = opened_find(&opened, "wide"), .column_count = 2500, .columns = columns};
    struct cursor *cursor = opened_first_row(&opened, &selection);
    cursor_value(cursor, 1999, &value);
    ck_assert_str_eq(value.bytes, "last");
    cursor_close(cursor);
    opened_end(&opened);
}
END_TEST

START_TEST(one_row_is_found_at_its_position_and_nowhere_else)
{
    static const int64_t rowids[] = {INT64_MIN, -1, 5, INT64_MAX};
    struct opened opened;

    database_make("a.db", "CREATE TABLE t(id INTEGER PRIMARY KEY, n);"
                          "INSERT INTO t VALUES(-9223372036854775807 - 1, 0), (-1, 1), (5, 2),"
                          " (9223372036854775807, 3), (4, 9), (6, 9)");
    opened_begin(&opened, _i);
    for (size_t i = 0; i < sizeof(rowids) / sizeof(rowids[0]); i++) {
        const struct value position = {.kind = VALUE_INTEGER, .integer = rowids[i]};
        const struct selection selection = {.relation = opened_find(&opened, "t"), .at = &position};
        struct cursor *cursor = opened_first_row(&opened, &selection);
        struct value value;

        cursor_value(cursor, 1, &value);
        ck_assert_int_eq(value.integer, (int64_t)i);
        ck_assert_int_eq(cursor_next(cursor, NULL), 0);
        cursor_close(cursor);
    }
    opened_end(&opened);
}
END_TEST

/* TEXT of UTF-16 is made UTF-8 when it is asked for. */
START_TEST(a_value_that_memory_is_short_for_is_told)
{
    struct opened opened;
    struct value value;
    struct err err = ERR_INIT;

    database_make("a.db", "PRAGMA encoding = 'UTF-16le'; CREATE TABLE t(id INTEGER PRIMARY KEY, s);"
                          "INSERT INTO t VALUES(1, printf('%.4000000c', 'x'))");
    opened_begin(&opened, _i);
    const struct selection selection = {.relation = opened_find(&opened, "t")};
    struct cursor *cursor = opened_first_row(&opened, &selection);
    ck_assert_int_eq(cursor_check(cursor, &err), 0);
    sqlite3_hard_heap_limit64(sqlite3_memory_used() + 100000);
    cursor_value(cursor, 1, &value);
    sqlite3_hard_heap_limit64(0);
    ck_assert_int_eq(value.kind, VALUE_TEXT);
    ck_assert_uint_eq(value.len, 0);
    ck_assert_int_eq(cursor_check(cursor, &err), -ENOMEM);
    ck_assert_ptr_nonnull(strstr(err.text, "out of memory"));
    ck_assert_int_eq(cursor_next(cursor, &err), -ENOMEM);
    cursor_close(cursor);
    opened_end(&opened);
}
END_TEST

Suite *suite_source_sqlite_cursor_sql(void)
{
    const TTest *const tests[] = {
        a_table_of_as_many_columns_as_can_be_has_all_of_them,
        so_has_one_whose_rowid_is_a_column,
        heads_of_blobs_are_known_without_their_pages,
        of_chosen_columns_alone_the_pages_are_read,
        the_key_alone_of_a_row_is_read_without_the_rest_of_it,
        chosen_columns_keep_their_numbers_and_rows_their_positions,
        more_columns_than_a_result_can_have_can_be_chosen,
        one_row_is_found_at_its_position_and_nowhere_else,
        a_value_that_memory_is_short_for_is_told,
    };
    Suite *suite = suite_create("source/sqlite/cursor_sql");
    TCase *rows = tcase_create("live, and a backup");

    tcase_add_checked_fixture(rows, folder_set_up, folder_tear_down);
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
        tcase_add_loop_test(rows, tests[i], 0, 2);
    suite_add_tcase(suite, rows);
    return suite;
}
