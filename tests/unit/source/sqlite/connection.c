/*
 * What is said when a database cannot be read, and that looking changes nothing.
 */
#include "source/sqlite/connection.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source/sqlite/check.h"
#include "source/sqlite/info.h"
#include "source/sqlite/support.h"

Suite *suite_source_sqlite_connection(void);

static int look(const char *name, struct err *err)
{
    struct connection connection = CONNECTION_INIT;
    int r = connection_open(folder_path(name), 50, NULL, &connection, err);

    if (r == 0)
        r = info_hold(&connection, err);
    connection_close(&connection);
    return r;
}

/* The message is the path and `message`, wholly or (ending in "...") to there. */
static void assert_refused(const char *name, int code, const char *message)
{
    struct err err = ERR_INIT;
    char expected[1024];
    size_t len;

    ck_assert_int_eq(look(name, &err), -code);
    ck_assert_int_eq(err.code, -code);
    snprintf(expected, sizeof(expected), "%s: %s", folder_path(name), message);
    len = strlen(expected);
    if (len > 3 && strcmp(expected + len - 3, "...") == 0)
        err.text[len - 3] = expected[len - 3] = '\0';
    ck_assert_str_eq(err.text, expected);
    ck_assert_ptr_null(strchr(err.text, '\n'));
}

START_TEST(a_missing_file_is_named)
{
    assert_refused("none.db", ENOENT, "no such file");
}
END_TEST

START_TEST(a_directory_is_not_a_database)
{
    ck_assert_int_eq(mkdir(folder_path("dir"), 0700), 0);
    assert_refused("dir", EISDIR, "a directory, not a database file");
}
END_TEST

START_TEST(a_pipe_or_a_device_is_refused_without_being_opened)
{
    ck_assert_int_eq(mkfifo(folder_path("pipe"), 0600), 0);
    ck_assert_int_eq(symlink("/dev/null", folder_path("null")), 0);
    assert_refused("pipe", EMEDIUMTYPE, "a named pipe, not a database file");
    assert_refused("null", EMEDIUMTYPE, "a device, not a database file");
}
END_TEST

START_TEST(a_file_of_something_else_is_not_a_database)
{
    char bytes[8192];

    memset(bytes, 'x', sizeof(bytes));
    file_write("long", bytes, sizeof(bytes));
    file_write("short", "hello", 5);
    assert_refused("long", EMEDIUMTYPE, "not a SQLite database, or an encrypted one");
    assert_refused("short", EMEDIUMTYPE, "not a SQLite database, or an encrypted one");
}
END_TEST

START_TEST(damage_is_called_damage)
{
    database_make("a.db", "CREATE TABLE t(a); INSERT INTO t VALUES(zeroblob(20000))");
    file_patch("a.db", 100, "\xff\xff\xff\xff", 4);
    assert_refused("a.db", EBADMSG, "the database is damaged (database disk image is malformed...");
    database_make("b.db", "CREATE TABLE t(a); INSERT INTO t VALUES(zeroblob(20000))");
    ck_assert_int_eq(truncate(folder_path("b.db"), 8192), 0);
    assert_refused("b.db", EBADMSG, "the database is damaged (database disk image is malformed...");
}
END_TEST

START_TEST(a_lock_that_lasts_is_waited_for_and_then_told)
{
    sqlite3 *db = shell_open("a.db");

    database_exec(db, "CREATE TABLE t(a); BEGIN EXCLUSIVE");
    assert_refused("a.db", EBUSY,
                   "locked by another program for over 0.0 s; `fuser -v FILE` shows who has it "
                   "open");
    sqlite3_close(db);
}
END_TEST

START_TEST(waiting_for_a_lock_can_be_cancelled)
{
    sqlite3 *db = shell_open("a.db");
    struct connection connection = CONNECTION_INIT;
    struct err err = ERR_INIT;
    atomic_bool cancel = true;

    database_exec(db, "CREATE TABLE t(a); BEGIN EXCLUSIVE");
    ck_assert_int_eq(connection_open(folder_path("a.db"), 3600 * 1000, &cancel, &connection, &err),
                     0);
    ck_assert_int_eq(info_hold(&connection, &err), -ECANCELED);
    ck_assert_ptr_nonnull(strstr(err.text, "a.db: cancelled"));
    connection_close(&connection);
    sqlite3_close(db);
}
END_TEST

START_TEST(a_file_that_may_not_be_read_is_told)
{
    database_make("a.db", "CREATE TABLE t(a)");
    ck_assert_int_eq(chmod(folder_path("a.db"), 0), 0);
    privileges_drop();
    assert_refused("a.db", EACCES, "permission denied; run as a user who may read and write it");
}
END_TEST

START_TEST(a_file_that_may_not_be_written_is_read)
{
    struct err err = ERR_INIT;

    database_make("a.db", "CREATE TABLE t(a)");
    ck_assert_int_eq(chmod(folder_path("a.db"), 0444), 0);
    privileges_drop();
    ck_assert_int_eq(look("a.db", &err), 0);
}
END_TEST

START_TEST(no_wal_file_is_made_by_a_user_who_may_not_write_the_database)
{
    struct stat st;

    database_make("a.db", "PRAGMA journal_mode=WAL; CREATE TABLE t(a)");
    ck_assert_int_eq(chmod(folder_path("a.db"), 0444), 0);
    privileges_drop();
    assert_refused("a.db", EACCES,
                   "in WAL mode, but its -wal file is missing and must be made by a user who may "
                   "write the database: run as its owner or as root");
    ck_assert_int_eq(stat(folder_path("a.db-wal"), &st), -1);
    ck_assert_int_eq(stat(folder_path("a.db-shm"), &st), -1);
}
END_TEST

START_TEST(a_wal_database_in_a_directory_that_cannot_be_written_is_explained)
{
    database_make("a.db", "PRAGMA journal_mode=WAL; CREATE TABLE t(a)");
    ck_assert_int_eq(chmod(folder_path("a.db"), 0666), 0);
    ck_assert_int_eq(chmod(folder_path(""), 0555), 0);
    privileges_drop();
    assert_refused("a.db", EACCES,
                   "its -wal, -shm or -journal file cannot be opened or made; a database in WAL "
                   "mode needs a -shm file...");
}
END_TEST

START_TEST(a_hot_journal_is_rolled_back)
{
    struct connection connection = CONNECTION_INIT;
    struct err err = ERR_INIT;
    int64_t sum;

    database_make("a.db", "CREATE TABLE t(a); INSERT INTO t VALUES(1)");
    database_make_by_killed_process("a.db", "PRAGMA cache_size=1; PRAGMA cache_spill=1; BEGIN;"
                                            "UPDATE t SET a = 2;"
                                            "CREATE TABLE u(a); INSERT INTO u "
                                            "VALUES(randomblob(900000))");
    ck_assert_int_eq(connection_open(folder_path("a.db"), 50, NULL, &connection, &err), 0);
    ck_assert_msg(connection_int(&connection, "SELECT sum(a) FROM t", &sum, &err) == 0, "%s",
                  err.text);
    ck_assert_int_eq(sum, 1);
    connection_close(&connection);
}
END_TEST

START_TEST(looking_does_not_change_a_wal_database_that_nobody_has_open)
{
    struct buf before = BUF_INIT, after = BUF_INIT;
    struct buf wal_before = BUF_INIT, wal_after = BUF_INIT;
    struct err err = ERR_INIT;

    database_make("a.db", "PRAGMA journal_mode=WAL; CREATE TABLE t(a)");
    database_make_by_killed_process("a.db", "INSERT INTO t VALUES(randomblob(100000))");
    file_load("a.db", &before);
    file_load("a.db-wal", &wal_before);
    ck_assert_uint_gt(wal_before.len, 100000);
    ck_assert_int_eq(look("a.db", &err), 0);
    file_load("a.db", &after);
    file_load("a.db-wal", &wal_after);
    ck_assert_uint_eq(before.len, after.len);
    ck_assert_mem_eq(before.data, after.data, before.len);
    ck_assert_uint_eq(wal_before.len, wal_after.len);
    ck_assert_mem_eq(wal_before.data, wal_after.data, wal_before.len);
    buf_free(&before);
    buf_free(&after);
    buf_free(&wal_before);
    buf_free(&wal_after);
}
END_TEST

START_TEST(nothing_can_be_written_or_attached)
{
    struct connection connection = CONNECTION_INIT;
    struct err err = ERR_INIT;

    database_make("a.db", "CREATE TABLE t(a)");
    ck_assert_int_eq(connection_open(folder_path("a.db"), 50, NULL, &connection, &err), 0);
    ck_assert_int_lt(connection_exec(&connection, "INSERT INTO t VALUES(1)", &err), 0);
    ck_assert_ptr_nonnull(strstr(err.text, "a.db: "));
    ck_assert_int_eq(connection_exec(&connection, "ATTACH ':memory:' AS b", &err), -EIO);
    ck_assert_ptr_nonnull(strstr(err.text, "too many attached databases"));
    connection_close(&connection);
}
END_TEST

/* As Django makes one for each JSONField, and what else a schema may have. */
START_TEST(a_schema_may_call_json_functions)
{
    struct connection connection;
    struct memory_sink sink;
    struct buf findings = BUF_INIT;
    struct err err = ERR_INIT;
    int64_t value = 0;

    database_make("a.db",
                  "CREATE TABLE t(j TEXT CHECK ((JSON_VALID(j) OR j IS NULL)),"
                  " n AS (json_extract(j, '$.n')), s AS (j ->> 's') STORED);"
                  "CREATE INDEX t_n ON t(n);"
                  "CREATE INDEX t_j ON t(json_extract(j, '$.s')) WHERE json_type(j) = 'object';"
                  "CREATE VIEW v AS SELECT sum(e.value) AS s FROM t, json_each(t.j) AS e;"
                  "INSERT INTO t(j) VALUES ('{\"n\":1}'), ('{\"n\":7}');");
    ck_assert_msg(connection_open(folder_path("a.db"), 100, NULL, &connection, &err) == 0, "%s",
                  err.text);
    ck_assert_int_eq(connection_int(&connection, "SELECT sum(n) FROM t", &value, &err), 0);
    ck_assert_int_eq(value, 8);
    ck_assert_int_eq(connection_int(&connection, "SELECT s FROM v", &value, &err), 0);
    ck_assert_int_eq(value, 8);
    ck_assert_int_eq(check_run(&connection, true, &findings, &err), 0);
    ck_assert_str_eq(buf_text(&findings), "ok\n");
    buf_free(&findings);
    connection_close(&connection);
    memory_sink_init(&sink);
    ck_assert_msg(capture_database("a.db", &sink, &err) == 0, "%s", err.text);
    memory_sink_free(&sink);
}
END_TEST

START_TEST(a_schema_cannot_call_what_has_side_effects)
{
    static const char *const views[] = {"load", "tokenizer"};
    struct connection connection;
    struct err err = ERR_INIT;

    database_make("a.db", "CREATE VIEW load AS SELECT load_extension('/lib/x.so');"
                          "CREATE VIEW tokenizer AS SELECT fts3_tokenizer('simple');");
    ck_assert_int_eq(connection_open(folder_path("a.db"), 100, NULL, &connection, &err), 0);
    for (size_t i = 0; i < 2; i++) {
        char sql[100];

        (void)snprintf(sql, sizeof(sql), "SELECT * FROM %s", views[i]);
        ck_assert_int_lt(connection_exec(&connection, sql, &err), 0);
        ck_assert_msg(strstr(err.text, "unsafe use of") || strstr(err.text, "not authorized"),
                      "%s: %s", views[i], err.text);
    }
    connection_close(&connection);
}
END_TEST

Suite *suite_source_sqlite_connection(void)
{
    Suite *suite = suite_create("source/sqlite/connection");
    TCase *errors = tcase_create("errors");
    TCase *care = tcase_create("care");

    tcase_add_checked_fixture(errors, folder_set_up, folder_tear_down);
    tcase_add_test(errors, a_missing_file_is_named);
    tcase_add_test(errors, a_directory_is_not_a_database);
    tcase_add_test(errors, a_pipe_or_a_device_is_refused_without_being_opened);
    tcase_add_test(errors, a_file_of_something_else_is_not_a_database);
    tcase_add_test(errors, damage_is_called_damage);
    tcase_add_test(errors, a_lock_that_lasts_is_waited_for_and_then_told);
    tcase_add_test(errors, waiting_for_a_lock_can_be_cancelled);
    tcase_add_test(errors, a_file_that_may_not_be_read_is_told);
    tcase_add_test(errors, a_file_that_may_not_be_written_is_read);
    tcase_add_test(errors, no_wal_file_is_made_by_a_user_who_may_not_write_the_database);
    tcase_add_test(errors, a_wal_database_in_a_directory_that_cannot_be_written_is_explained);
    suite_add_tcase(suite, errors);
    tcase_add_checked_fixture(care, folder_set_up, folder_tear_down);
    tcase_add_test(care, a_hot_journal_is_rolled_back);
    tcase_add_test(care, looking_does_not_change_a_wal_database_that_nobody_has_open);
    tcase_add_test(care, nothing_can_be_written_or_attached);
    tcase_add_test(care, a_schema_may_call_json_functions);
    tcase_add_test(care, a_schema_cannot_call_what_has_side_effects);
    suite_add_tcase(suite, care);
    return suite;
}
