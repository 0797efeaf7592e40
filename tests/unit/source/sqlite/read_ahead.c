/*
 * Captures and scans read the file in large pieces, and a database that is looked at through the VFS
 * works as through the default one.
 */
#include "source/sqlite/read_ahead.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "source/sqlite/opened_support.h"
#include "source/sqlite/support.h"

Suite *suite_source_sqlite_read_ahead(void);

START_TEST(a_capture_takes_far_fewer_reads_than_pages)
{
    struct memory_sink sink;
    struct err err = ERR_INIT;
    uint64_t before, reads;

    database_make("a.db", "CREATE TABLE t(b); WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL "
                          "SELECT i + 1 FROM c WHERE i < 4000) INSERT INTO t "
                          "SELECT randomblob(2000) FROM c;");
    memory_sink_init(&sink);
    before = reads_so_far();
    ck_assert_msg(capture_database("a.db", &sink, &err) == 0, "%s", err.text);
    reads = reads_so_far() - before;
    ck_assert_uint_ge(sink.image.len / 4096, 1900);
    ck_assert_uint_le(reads, sink.image.len / 4096 / 16);
    memory_sink_free(&sink);
}
END_TEST

START_TEST(a_database_can_be_written_through_it)
{
    struct read_ahead *ahead = NULL;
    struct err err = ERR_INIT;
    sqlite3 *db = NULL;

    ck_assert_int_eq(read_ahead_new(&ahead, &err), 0);
    ck_assert_int_eq(sqlite3_open_v2(folder_path("a.db"), &db,
                                     SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                                     read_ahead_name(ahead)),
                     SQLITE_OK);
    database_exec(db,
                  "PRAGMA journal_mode = WAL; CREATE TABLE t(a); INSERT INTO t VALUES (1), (2)");
    ck_assert_int_eq(database_int(db, "SELECT sum(a) FROM t"), 3);
    database_exec(db, "PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE;"
                      "INSERT INTO t VALUES (3)");
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
    read_ahead_free(ahead);
    db = shell_open("a.db");
    ck_assert_int_eq(database_int(db, "SELECT sum(a) FROM t"), 6);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}
END_TEST

START_TEST(nothing_is_served_from_a_buffer_that_was_stopped)
{
    struct read_ahead *ahead = NULL;
    struct err err = ERR_INIT;
    sqlite3 *db = NULL, *other;

    database_make("a.db", "CREATE TABLE t(a); INSERT INTO t VALUES (1)");
    ck_assert_int_eq(read_ahead_new(&ahead, &err), 0);
    ck_assert_int_eq(
        sqlite3_open_v2(folder_path("a.db"), &db, SQLITE_OPEN_READONLY, read_ahead_name(ahead)),
        SQLITE_OK);
    read_ahead_start(ahead);
    ck_assert_int_eq(database_int(db, "SELECT a FROM t"), 1);
    read_ahead_stop(ahead);
    other = shell_open("a.db");
    database_exec(other, "UPDATE t SET a = 7");
    ck_assert_int_eq(sqlite3_close(other), SQLITE_OK);
    read_ahead_start(ahead);
    ck_assert_int_eq(database_int(db, "SELECT a FROM t"), 7);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
    read_ahead_free(ahead);
}
END_TEST

/* The sum of t.v, with something done after the first row. */
static int64_t sum_of_v(const struct opened *opened, void (*then)(void))
{
    const struct selection selection = {.relation = opened_find(opened, "t")};
    struct cursor *cursor = NULL;
    struct err err = ERR_INIT;
    struct value value;
    int64_t sum = 0;
    int r;

    ck_assert_int_eq(cursor_open(opened->database, &selection, &cursor, &err), 0);
    while ((r = cursor_next(cursor, &err)) > 0) {
        cursor_value(cursor, 1, &value);
        sum += value.integer;
        if (then)
            then();
        then = NULL;
    }
    ck_assert_int_eq(r, 0);
    cursor_close(cursor);
    return sum;
}

START_TEST(a_scan_takes_far_fewer_reads_than_pages)
{
    struct opened opened;
    uint64_t before, reads;

    interleaved_make();
    opened_begin(&opened, false);
    before = reads_so_far();
    ck_assert_int_eq(sum_of_v(&opened, NULL), 4000);
    reads = reads_so_far() - before;
    ck_assert_uint_le(reads, 100); /* of 1000 pages */
    opened_end(&opened);
}
END_TEST

START_TEST(a_look_up_reads_no_more_than_its_pages)
{
    const struct value rowid = {.kind = VALUE_INTEGER, .integer = 5};
    struct selection selection = {.at = &rowid};
    struct cursor *cursor = NULL;
    struct opened opened;
    struct err err = ERR_INIT;
    uint64_t before;

    interleaved_make();
    opened_begin(&opened, false);
    selection.relation = opened_find(&opened, "t");
    before = bytes_read_so_far();
    ck_assert_int_eq(cursor_open(opened.database, &selection, &cursor, &err), 0);
    ck_assert_int_eq(cursor_next(cursor, &err), 1);
    cursor_close(cursor);
    ck_assert_uint_le(bytes_read_so_far() - before, 10 * 4096);
    opened_end(&opened);
}
END_TEST

static void change_and_checkpoint(void)
{
    sqlite3 *other = shell_open("a.db");

    database_exec(other, "UPDATE t SET v = 2; PRAGMA wal_checkpoint; DELETE FROM u");
    ck_assert_int_eq(sqlite3_close(other), SQLITE_OK);
}

START_TEST(a_scan_shows_one_state_while_others_write_and_checkpoint)
{
    struct opened opened;
    struct err err = ERR_INIT;

    interleaved_make();
    opened_begin(&opened, false);
    ck_assert_int_eq(sum_of_v(&opened, change_and_checkpoint), 4000);
    ck_assert_int_eq(sum_of_v(&opened, NULL), 4000);
    database_end(opened.database);
    change_and_checkpoint();
    ck_assert_int_eq(database_begin(opened.database, &err), 0);
    ck_assert_int_eq(database_schema(opened.database, &opened.schema, &err), 0);
    ck_assert_int_eq(sum_of_v(&opened, NULL), 8000);
    opened_end(&opened);
}
END_TEST

Suite *suite_source_sqlite_read_ahead(void)
{
    Suite *suite = suite_create("source/sqlite/read_ahead");
    TCase *tcase = tcase_create("read_ahead");

    tcase_add_checked_fixture(tcase, folder_set_up, folder_tear_down);
    tcase_add_test(tcase, a_capture_takes_far_fewer_reads_than_pages);
    tcase_add_test(tcase, a_database_can_be_written_through_it);
    tcase_add_test(tcase, nothing_is_served_from_a_buffer_that_was_stopped);
    tcase_add_test(tcase, a_scan_takes_far_fewer_reads_than_pages);
    tcase_add_test(tcase, a_look_up_reads_no_more_than_its_pages);
    tcase_add_test(tcase, a_scan_shows_one_state_while_others_write_and_checkpoint);
    suite_add_tcase(suite, tcase);
    return suite;
}
