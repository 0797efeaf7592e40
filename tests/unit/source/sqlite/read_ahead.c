/*
 * A capture reads the file in large pieces, and a database that is looked at through the VFS works
 * as through the default one.
 */
#include "source/sqlite/read_ahead.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "source/sqlite/support.h"

Suite *suite_source_sqlite_read_ahead(void);

/* Read system calls of this process so far (proc(5)). */
static uint64_t reads_so_far(void)
{
    FILE *io = fopen("/proc/self/io", "r");
    char line[100];
    uint64_t count = 0;

    ck_assert_ptr_nonnull(io);
    while (fgets(line, sizeof(line), io)) {
        if (strncmp(line, "syscr: ", 7) == 0)
            count = strtoull(line + 7, NULL, 10);
    }
    fclose(io);
    ck_assert_uint_gt(count, 0);
    return count;
}

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

Suite *suite_source_sqlite_read_ahead(void)
{
    Suite *suite = suite_create("source/sqlite/read_ahead");
    TCase *tcase = tcase_create("read_ahead");

    tcase_add_checked_fixture(tcase, folder_set_up, folder_tear_down);
    tcase_add_test(tcase, a_capture_takes_far_fewer_reads_than_pages);
    tcase_add_test(tcase, a_database_can_be_written_through_it);
    tcase_add_test(tcase, nothing_is_served_from_a_buffer_that_was_stopped);
    suite_add_tcase(suite, tcase);
    return suite;
}
