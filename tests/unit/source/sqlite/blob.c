/*
 * src/source/sqlite/blob.c: BLOBs in pieces. Each test runs on the live database and on a stored
 * backup of it.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "source/sqlite/database.h"
#include "source/sqlite/opened_support.h"
#include "source/sqlite/support.h"

Suite *suite_source_sqlite_blob(void);

#define LARGE (LARGE_BLOB_BYTES + 1)

static struct opened opened;

static struct cursor *open_pieces(const char *table)
{
    const struct selection selection = {.relation = opened_find(&opened, table),
                                        .what = SELECT_PIECES};

    return opened_first_row(&opened, &selection);
}

static void check_length(struct cursor *cursor, size_t column, size_t len, bool whole)
{
    struct value value;

    cursor_value(cursor, column, &value);
    ck_assert_int_eq(value.kind, VALUE_BLOB);
    ck_assert_uint_eq(value.len, len);
    ck_assert_int_eq(value.bytes != NULL, whole);
}

START_TEST(large_blobs_stay_where_they_are_and_others_come_with_the_row)
{
    database_make("a.db", "CREATE TABLE t(id INTEGER PRIMARY KEY, b BLOB);"
                          "INSERT INTO t VALUES(1, zeroblob(1048577)), (2, zeroblob(1048576)),"
                          " (3, x''), (4, NULL), (5, 'text')");
    opened_begin(&opened, _i);
    int before = opened_pages_read(&opened);
    struct cursor *cursor = open_pieces("t");
    struct value value;

    check_length(cursor, 1, LARGE, false);
    ck_assert_int_lt(opened_pages_read(&opened) - before, 5);
    ck_assert_int_eq(cursor_next(cursor, NULL), 1);
    check_length(cursor, 1, LARGE - 1, true);
    ck_assert_int_eq(cursor_next(cursor, NULL), 1);
    check_length(cursor, 1, 0, true);
    ck_assert_int_eq(cursor_next(cursor, NULL), 1);
    cursor_value(cursor, 1, &value);
    ck_assert_int_eq(value.kind, VALUE_NULL);
    ck_assert_int_eq(cursor_next(cursor, NULL), 1);
    cursor_value(cursor, 1, &value);
    ck_assert_int_eq(value.kind, VALUE_TEXT);
    ck_assert_mem_eq(value.bytes, "text", 4);
    ck_assert_int_eq(cursor_next(cursor, NULL), 0);
    cursor_close(cursor);
    opened_end(&opened);
}
END_TEST

/* Rows 11 to 79 of 100, of which `large` are so: each once, in order, and of its length. */
static void check_scan(const char *large)
{
    const struct value after = {.kind = VALUE_INTEGER, .integer = 10};
    const struct value last = {.kind = VALUE_INTEGER, .integer = 79};
    struct buf sql = BUF_INIT;
    struct cursor *cursor = NULL;
    struct value value;

    buf_addf(&sql,
             "CREATE TABLE t(id INTEGER PRIMARY KEY, x, s TEXT);"
             "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 100)"
             " INSERT INTO t SELECT i, zeroblob(i), 's' || i FROM c;"
             "UPDATE t SET x = zeroblob(2000000) WHERE id IN (%s)",
             large);
    database_make("a.db", buf_text(&sql));
    opened_begin(&opened, false);
    const struct selection selection = {.relation = opened_find(&opened, "t"),
                                        .what = SELECT_PIECES,
                                        .after = &after,
                                        .last = &last};
    ck_assert_int_eq(cursor_open(opened.database, &selection, &cursor, NULL), 0);
    for (int64_t id = 11; id <= 79; id++) {
        ck_assert_int_eq(cursor_next(cursor, NULL), 1);
        cursor_position(cursor, 0, &value);
        ck_assert_int_eq(value.integer, id);
        cursor_value(cursor, 0, &value);
        ck_assert_int_eq(value.integer, id);
        cursor_value(cursor, 1, &value);
        if (value.bytes)
            ck_assert_uint_eq(value.len, (size_t)id);
        else
            ck_assert_uint_eq(value.len, 2000000);
    }
    ck_assert_int_eq(cursor_next(cursor, NULL), 0);
    cursor_close(cursor);
    opened_end(&opened);
    buf_free(&sql);
}

START_TEST(a_scan_goes_on_behind_the_row_before_a_large_blob)
{
    static const char *const large[] = {"0", "11", "11, 12, 40", "79", "10, 50, 80"};

    check_scan(large[_i]);
}
END_TEST

START_TEST(a_large_text_comes_whole)
{
    struct value value;

    database_make("a.db", "CREATE TABLE t(x, b BLOB); INSERT INTO t VALUES('a', x'00'),"
                          " (printf('%.2000000c', 'x'), zeroblob(2000000))");
    opened_begin(&opened, _i);
    struct cursor *cursor = open_pieces("t");

    ck_assert_int_eq(cursor_next(cursor, NULL), 1);
    cursor_value(cursor, 0, &value);
    ck_assert_int_eq(value.kind, VALUE_TEXT);
    ck_assert_uint_eq(value.len, 2000000);
    ck_assert_int_eq(((const char *)value.bytes)[1999999], 'x');
    check_length(cursor, 1, 2000000, false);
    ck_assert_int_eq(cursor_next(cursor, NULL), 0);
    cursor_close(cursor);
    opened_end(&opened);
}
END_TEST

/* Every byte, in pieces of a length that fits no page; and some of them out of order. */
static void check_bytes(struct blob *blob, const struct value *whole)
{
    const char *bytes = whole->bytes;
    char piece[7001];
    size_t last = whole->len - 10;

    ck_assert_uint_eq(blob_len(blob), whole->len);
    for (size_t at = 0; at < whole->len; at += sizeof(piece)) {
        size_t len = whole->len - at < sizeof(piece) ? whole->len - at : sizeof(piece);

        ck_assert_int_eq(blob_read(blob, at, piece, len, NULL), 0);
        ck_assert_mem_eq(piece, bytes + at, len);
    }
    ck_assert_int_eq(blob_read(blob, last, piece, 10, NULL), 0);
    ck_assert_mem_eq(piece, bytes + last, 10);
    ck_assert_int_eq(blob_read(blob, 5, piece, 10, NULL), 0);
    ck_assert_mem_eq(piece, bytes + 5, 10);
}

START_TEST(pieces_are_those_of_the_whole)
{
    database_make("a.db", "CREATE TABLE \"a \"\"b\"\"\"(x, \"c d\");"
                          "INSERT INTO \"a \"\"b\"\"\" VALUES(1, randomblob(3000000))");
    opened_begin(&opened, _i);
    const struct selection selection = {.relation = opened_find(&opened, "a \"b\"")};
    struct cursor *all = opened_first_row(&opened, &selection);
    struct cursor *cursor = open_pieces("a \"b\"");
    struct blob *blob = NULL;
    struct value whole;

    cursor_value(all, 1, &whole);
    ck_assert_int_eq(cursor_blob_open(cursor, 1, &blob, NULL), 0);
    check_bytes(blob, &whole);
    blob_close(blob);
    cursor_close(cursor);
    cursor_close(all);
    opened_end(&opened);
}
END_TEST

START_TEST(nothing_is_read_behind_the_end)
{
    struct blob *blob = NULL;
    struct err err = ERR_INIT;
    char bytes[8];

    database_make("a.db", "CREATE TABLE t(b BLOB); INSERT INTO t VALUES(zeroblob(1048577))");
    opened_begin(&opened, _i);
    struct cursor *cursor = open_pieces("t");

    ck_assert_int_eq(cursor_blob_open(cursor, 0, &blob, NULL), 0);
    ck_assert_int_eq(blob_read(blob, LARGE - 8, bytes, 8, NULL), 0);
    ck_assert_int_eq(blob_read(blob, LARGE - 7, bytes, 8, &err), -EINVAL);
    ck_assert_int_eq(blob_read(blob, UINT64_MAX, bytes, 8, &err), -EINVAL);
    ck_assert_int_eq(blob_read(blob, LARGE, bytes, 0, NULL), 0);
    blob_close(blob);
    cursor_close(cursor);
    opened_end(&opened);
}
END_TEST

START_TEST(what_cannot_be_read_in_pieces_comes_whole)
{
    static const struct {
        const char *relation;
        size_t column;
    } wholes[] = {{"without", 1}, {"generated", 1}, {"v", 0}};

    database_make("a.db", "CREATE TABLE without(id INTEGER PRIMARY KEY, b BLOB) WITHOUT ROWID;"
                          "INSERT INTO without VALUES(1, zeroblob(1048577));"
                          "CREATE TABLE generated(x, b BLOB AS (zeroblob(1048577)) STORED);"
                          "INSERT INTO generated VALUES(1);"
                          "CREATE VIEW v AS SELECT b FROM without");
    opened_begin(&opened, _i);
    for (size_t i = 0; i < sizeof(wholes) / sizeof(wholes[0]); i++) {
        struct cursor *cursor = open_pieces(wholes[i].relation);
        struct blob *blob = NULL;
        struct err err = ERR_INIT;

        check_length(cursor, wholes[i].column, LARGE, true);
        ck_assert_int_eq(cursor_blob_open(cursor, wholes[i].column, &blob, &err), -ENOTSUP);
        ck_assert_ptr_nonnull(strstr(err.text, wholes[i].relation));
        ck_assert_ptr_null(blob);
        cursor_close(cursor);
    }
    opened_end(&opened);
}
END_TEST

START_TEST(a_value_that_is_no_blob_is_not_opened_as_one)
{
    struct blob *blob = NULL;
    struct err err = ERR_INIT;

    database_make("a.db", "CREATE TABLE t(b BLOB); INSERT INTO t VALUES(7)");
    opened_begin(&opened, _i);
    struct cursor *cursor = open_pieces("t");

    ck_assert_int_lt(cursor_blob_open(cursor, 0, &blob, &err), 0);
    ck_assert_ptr_nonnull(strstr(err.text, "type integer"));
    ck_assert_ptr_null(blob);
    cursor_close(cursor);
    opened_end(&opened);
}
END_TEST

START_TEST(a_reading_is_ended_by_who_asked_for_it)
{
    struct blob *blob = NULL;
    struct err err = ERR_INIT;
    atomic_bool cancel = false;
    char byte;

    database_make("a.db", "CREATE TABLE t(b BLOB); INSERT INTO t VALUES(zeroblob(1048577))");
    opened_begin(&opened, _i);
    struct cursor *cursor = open_pieces("t");

    ck_assert_int_eq(cursor_blob_open(cursor, 0, &blob, NULL), 0);
    database_limit(opened.database, &cancel, 0);
    ck_assert_int_eq(blob_read(blob, 0, &byte, 1, NULL), 0);
    cancel = true;
    ck_assert_int_eq(blob_read(blob, 0, &byte, 1, &err), -ECANCELED);
    database_limit(opened.database, NULL, 0);
    blob_close(blob);
    cursor_close(cursor);
    opened_end(&opened);
}
END_TEST

Suite *suite_source_sqlite_blob(void)
{
    const TTest *const tests[] = {
        large_blobs_stay_where_they_are_and_others_come_with_the_row,
        a_large_text_comes_whole,
        pieces_are_those_of_the_whole,
        nothing_is_read_behind_the_end,
        what_cannot_be_read_in_pieces_comes_whole,
        a_value_that_is_no_blob_is_not_opened_as_one,
        a_reading_is_ended_by_who_asked_for_it,
    };
    Suite *suite = suite_create("source/sqlite/blob");
    TCase *blobs = tcase_create("live, and a backup");

    tcase_add_checked_fixture(blobs, folder_set_up, folder_tear_down);
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
        tcase_add_loop_test(blobs, tests[i], 0, 2);
    tcase_add_loop_test(blobs, a_scan_goes_on_behind_the_row_before_a_large_blob, 0, 5);
    suite_add_tcase(suite, blobs);
    return suite;
}
