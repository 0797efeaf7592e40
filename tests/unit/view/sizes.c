/*
 * src/view/sizes.c: what is measured, and what is remembered of it. A view whose rows are random is
 * as long as before only if nobody looked again.
 */
#include "view/sizes.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "dbsnapfs/service/facts.h"
#include "dbsnapfs/service/service.h"
#include "dbsnapfs/store/repo.h"
#include "dbsnapfs/table/rendering.h"
#include "dbsnapfs/tree.h"
#include "service/noted.h"
#include "view/context.h"
#include "view/entry.h"
#include "view/scope.h"
#include "view/scope_pool.h"
#include "view/slow_wal_support.h"
#include "view/support.h"

#define RANDOM_VIEW                                                                                \
    "CREATE VIEW chance AS WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE " \
    "i < 200) SELECT random() % 1000000 AS r FROM n;"

#define SHORT_NS INT64_C(50000000)
#define ENDLESS_VIEW                                                                          \
    "CREATE VIEW endless AS WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n)" \
    " SELECT i FROM n;"

static struct stage stage;
static struct view *view;
static struct scope *live, *past;

static struct scope *scope_of_backup(void)
{
    struct backup_entry backup = {.id = 0};
    struct err err = ERR_INIT;
    struct scope *scope = NULL;
    ck_assert_int_eq(repo_find(view_repo(view), "latest", &backup, &err), 0);
    struct entry *entry = calloc(1, sizeof(*entry));
    ck_assert_ptr_nonnull(entry);
    atomic_init(&entry->references, 1);
    entry->view = view_ref(view);
    entry->id = backup.id;
    entry->started_ns = backup.started_ns;
    pthread_mutex_init(&entry->lock, NULL);
    ck_assert_int_eq(scope_backup(entry, &scope, &err), 0);
    entry_unref(entry);
    backup_entry_free(&backup);
    return scope;
}

static void set(void)
{
    struct err err = ERR_INIT;
    stage_set(&stage, 10);
    stage_sql(&stage, RANDOM_VIEW);
    ck_assert_int_eq(view_new(stage.service, &view, &err), 0);
    ck_assert_int_eq(scope_live(view, &live, &err), 0);
    past = NULL;
}

static void clear(void)
{
    scope_unref(past);
    scope_unref(live);
    view_close(view);
    stage_clear(&stage);
}

static uint64_t csv_bytes(struct scope *scope, const char *table)
{
    struct row_sizes sizes;
    struct err err = ERR_INIT;
    ck_assert_msg(sizes_rows(scope, table, &sizes, &err) == 0, "%s", err.text);
    return sizes.csv_bytes;
}

static uint64_t count(struct scope *scope, const char *table)
{
    uint64_t rows = 0;
    struct err err = ERR_INIT;
    ck_assert_msg(sizes_count(scope, table, &rows, &err) == 0, "%s", err.text);
    return rows;
}

/* Is the random view as long as before, ten times? */
static bool is_remembered(struct scope *scope)
{
    uint64_t first = csv_bytes(scope, "chance");
    for (int i = 0; i < 10; i++)
        if (csv_bytes(scope, "chance") != first)
            return false;
    return true;
}

static void date_files(int64_t seconds_ago)
{
    char wal[128];
    const struct timespec then = {.tv_sec = time(NULL) - seconds_ago};
    const struct timespec times[2] = {then, then};
    snprintf(wal, sizeof(wal), "%s-wal", stage.database);
    ck_assert_int_eq(utimensat(AT_FDCWD, stage.database, times, 0), 0);
    (void)utimensat(AT_FDCWD, wal, times, 0);
}

/* Closes the idle connections, whose state number ends with them. */
static void forget_state(void)
{
    static const struct scope_pool_limits none = {.live_count = 0};
    struct err err = ERR_INIT;
    scope_pool_free(view->pool);
    ck_assert_int_eq(scope_pool_new(&none, &view->pool, &err), 0);
}

START_TEST(what_a_connection_measured_is_known_while_it_is_open)
{
    ck_assert(is_remembered(live));
    forget_state();
    ck_assert(!is_remembered(live));
}
END_TEST

START_TEST(a_commit_makes_it_unknown)
{
    ck_assert_uint_eq(csv_bytes(live, "users"), strlen("\"id\",\"name\"\r\n") + 9 * 12 + 14);
    ck_assert_uint_eq(count(live, "users"), 10);
    stage_sql(&stage, "DELETE FROM users WHERE id = 10");
    ck_assert_uint_eq(csv_bytes(live, "users"), strlen("\"id\",\"name\"\r\n") + 9 * 12);
    ck_assert_uint_eq(count(live, "users"), 9);
}
END_TEST

START_TEST(what_has_long_not_changed_is_known_without_a_connection)
{
    forget_state();
    date_files(60);
    ck_assert(is_remembered(live));
    date_files(50);
    uint64_t one = csv_bytes(live, "chance");
    date_files(50);
    ck_assert_uint_eq(csv_bytes(live, "chance"), one);
}
END_TEST

/* A program that has the database open, so that what it writes stays in the -wal file. */
static sqlite3 *program_open(const char *vfs)
{
    sqlite3 *db = NULL;
    ck_assert_int_eq(sqlite3_open_v2(stage.database, &db, SQLITE_OPEN_READWRITE, vfs), SQLITE_OK);
    return db;
}

static void program_does(sqlite3 *db, const char *sql)
{
    char *message = NULL;
    ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, &message) == SQLITE_OK, "%s", message);
}

START_TEST(what_is_in_the_wal_is_known_by_the_state_alone)
{
    sqlite3 *program = program_open(NULL);
    program_does(program, "DELETE FROM users WHERE id = 10");
    date_files(60);
    ck_assert(is_remembered(live));
    forget_state();
    ck_assert(!is_remembered(live));
    program_does(program, "PRAGMA wal_checkpoint(TRUNCATE)");
    date_files(60);
    ck_assert(is_remembered(live));
    ck_assert_int_eq(sqlite3_close(program), SQLITE_OK);
}
END_TEST

static bool meanwhile_looks;
static uint64_t meanwhile_seen;

static void look_meanwhile(void)
{
    if (!meanwhile_looks)
        return;
    date_files(60);
    meanwhile_seen = count(live, "users");
    forget_state();
}

START_TEST(what_is_written_and_not_committed_yet_does_not_count)
{
    slow_wal_register(look_meanwhile);
    forget_state();
    sqlite3 *program = program_open(SLOW_WAL);
    meanwhile_looks = true;
    program_does(program, "PRAGMA synchronous = FULL; DELETE FROM users WHERE id = 10");
    meanwhile_looks = false;
    ck_assert_uint_eq(meanwhile_seen, 10);
    ck_assert_uint_eq(count(live, "users"), 9);
    ck_assert_int_eq(sqlite3_close(program), SQLITE_OK);
    slow_wal_unregister();
}
END_TEST

START_TEST(what_has_just_changed_may_be_changing_still)
{
    forget_state();
    date_files(0);
    ck_assert(!is_remembered(live));
    date_files(-60);
    ck_assert(!is_remembered(live));
}
END_TEST

START_TEST(what_a_state_tells_is_known_by_the_files_later)
{
    date_files(0);
    uint64_t bytes = csv_bytes(live, "chance");
    date_files(60);
    ck_assert_uint_eq(csv_bytes(live, "chance"), bytes);
    forget_state();
    ck_assert_uint_eq(csv_bytes(live, "chance"), bytes);
}
END_TEST

/* ---- what takes too long ---- */

static atomic_int tried; /* what runs in the background has connections too */

static int see_statement(unsigned kind, void *arg, void *stmt, void *sql)
{
    (void)kind, (void)arg, (void)stmt;
    tried += strstr(sql, "FROM main.\"endless\"") || strstr(sql, "FROM main.\"heavy\"");
    return 0;
}

/* As SQLite calls it for each connection that is opened. */
static int watch(sqlite3 *db, char **ret_message, const struct sqlite3_api_routines *api)
{
    (void)ret_message, (void)api;
    return sqlite3_trace_v2(db, SQLITE_TRACE_STMT, see_statement, NULL);
}

/* Views may take this long and are counted when they are tried. */
static void set_limit(int64_t endless_ns)
{
    struct err err = ERR_INIT;
    sizes_free(view->sizes);
    ck_assert_int_eq(sizes_new(endless_ns, &view->sizes, &err), 0);
    ck_assert_int_eq(sqlite3_auto_extension((void (*)(void))watch), SQLITE_OK);
    tried = 0;
}

/* `r` and the message of what took too long, after so many tries in all. */
static void check_late(int r, const struct err *err, int tries)
{
    ck_assert_int_eq(r, -ETIMEDOUT);
    ck_assert_msg(strstr(err->text, ": took too long and was ended after ") != NULL, "%s",
                  err->text);
    ck_assert_int_eq(tried, tries);
}

static void check_late_count(struct scope *scope, const char *table, int tries)
{
    struct err err = ERR_INIT;
    uint64_t rows = 0;
    check_late(sizes_count(scope, table, &rows, &err), &err, tries);
}

static void check_late_rows(struct scope *scope, const char *table, int tries)
{
    struct err err = ERR_INIT;
    struct row_sizes sizes;
    check_late(sizes_rows(scope, table, &sizes, &err), &err, tries);
}

START_TEST(whose_rows_cannot_be_counted_in_time_is_tried_once)
{
    stage_sql(&stage, ENDLESS_VIEW);
    set_limit(SHORT_NS);
    check_late_count(live, "endless", 1);
    check_late_rows(live, "endless", 1);
    check_late_count(live, "endless", 1);
    check_late_rows(live, "endless", 1);
}
END_TEST

START_TEST(what_took_too_long_is_tried_again_after_a_commit)
{
    stage_sql(&stage, ENDLESS_VIEW);
    set_limit(SHORT_NS);
    check_late_rows(live, "endless", 1);
    stage_sql(&stage, "DELETE FROM users WHERE id = 10");
    check_late_rows(live, "endless", 2);
    stage_sql(&stage, "DROP VIEW endless; CREATE VIEW endless AS SELECT id FROM users");
    ck_assert_uint_eq(count(live, "endless"), 9);
    ck_assert_uint_gt(csv_bytes(live, "endless"), 9);
}
END_TEST

START_TEST(what_took_too_long_and_has_long_not_changed_is_known_without_a_connection)
{
    stage_sql(&stage, ENDLESS_VIEW);
    set_limit(SHORT_NS);
    forget_state();
    date_files(60);
    check_late_count(live, "endless", 1);
    check_late_rows(live, "endless", 1);
    date_files(50);
    check_late_rows(live, "endless", 2);
}
END_TEST

START_TEST(what_took_too_long_in_a_backup_is_tried_once)
{
    stage_sql(&stage, ENDLESS_VIEW);
    stage_command(&stage, "backup");
    past = scope_of_backup();
    set_limit(SHORT_NS);
    check_late_count(past, "endless", 1);
    forget_state();
    check_late_count(past, "endless", 1);
    check_late_rows(past, "endless", 1);
}
END_TEST

START_TEST(rows_that_take_too_long_may_still_be_counted)
{
    stage_sql(&stage, ENDLESS_VIEW
              "CREATE VIEW heavy AS SELECT id, (SELECT count(*) FROM endless) AS n FROM users;");
    set_limit(SHORT_NS);
    check_late_rows(live, "heavy", 1);
    ck_assert_uint_eq(count(live, "heavy"), 10);
    ck_assert_int_eq(tried, 2);
    check_late_rows(live, "heavy", 2);
    ck_assert_uint_eq(count(live, "heavy"), 10);
    ck_assert_int_eq(tried, 2);
}
END_TEST

START_TEST(who_cancels_does_not_decide_for_the_next)
{
    const atomic_bool cancel = true;
    const struct node_request request = {.cancel = &cancel};
    struct err err = ERR_INIT;
    uint64_t rows = 0;
    stage_sql(&stage, ENDLESS_VIEW);
    set_limit(SHORT_NS);
    node_serve(&request);
    ck_assert_int_eq(sizes_count(live, "endless", &rows, &err), -ECANCELED);
    node_serve(NULL);
    tried = 0;
    check_late_count(live, "endless", 1);
}
END_TEST

START_TEST(measuring_ends_when_the_request_is_cancelled)
{
    struct err err = ERR_INIT;
    struct row_sizes sizes;
    uint64_t rows = 0;
    atomic_bool cancel = true;

    stage_sql(&stage, "CREATE VIEW endless AS WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL"
                      " SELECT i + 1 FROM n) SELECT i FROM n WHERE i < 0;");
    const struct node_request request = {.cancel = &cancel};
    node_serve(&request);
    ck_assert_int_eq(sizes_rows(live, "endless", &sizes, &err), -ECANCELED);
    ck_assert_ptr_nonnull(strstr(err.text, "cancelled"));
    ck_assert_int_eq(sizes_count(live, "endless", &rows, &err), -ECANCELED);
    node_serve(NULL);
    ck_assert_uint_eq(count(live, "chance"), 200);
}
END_TEST

START_TEST(the_count_is_known_with_the_sizes_and_not_the_other_way_round)
{
    uint64_t bytes = csv_bytes(live, "chance");
    ck_assert_uint_eq(count(live, "chance"), 200);
    ck_assert_uint_eq(csv_bytes(live, "chance"), bytes);
    ck_assert_uint_eq(count(live, "users"), 10);
    ck_assert_uint_gt(csv_bytes(live, "users"), 100);
    ck_assert_uint_gt(csv_bytes(live, "users"), 100);
}
END_TEST

START_TEST(a_backup_is_measured_once)
{
    struct row_sizes sizes;
    stage_command(&stage, "backup");
    past = scope_of_backup();
    ck_assert(!sizes_known(past, "chance", &sizes));
    uint64_t bytes = csv_bytes(past, "chance");
    ck_assert(is_remembered(past));
    ck_assert(sizes_known(past, "chance", &sizes));
    ck_assert_uint_eq(sizes.csv_bytes, bytes);
    ck_assert_uint_eq(count(past, "chance"), 200);
}
END_TEST

/* The background has noted what it knows and does not come again. */
static void await_fact(void)
{
    const struct timespec nap = {.tv_nsec = 5000000};
    struct buf fact = BUF_INIT;
    int r = -ENOENT;
    for (int i = 0; i < 4000 && r == -ENOENT; i++) {
        r = repo_find_fact(view_repo(view), 1, FACT_SIZES, &fact, NULL);
        nanosleep(&nap, NULL);
    }
    ck_assert_int_eq(r, 0);
    buf_free(&fact);
}

START_TEST(what_the_catalog_knows_is_not_measured)
{
    struct row_sizes noted = {11, 22, 33, 44}, sizes;
    struct buf fact = BUF_INIT;
    stage_command(&stage, "backup");
    past = scope_of_backup();
    await_fact();
    sizes_begin(&fact);
    sizes_add(&fact, "chance", &noted);
    ck_assert_int_eq(noted_put(view_repo(view), scope_backup_id(past), FACT_SIZES, &fact, NULL), 0);
    buf_free(&fact);
    ck_assert(sizes_known(past, "chance", &sizes));
    ck_assert_uint_eq(sizes.ndjson_bytes, 33);
    ck_assert_uint_eq(csv_bytes(past, "chance"), 22);
    ck_assert_uint_eq(count(past, "chance"), 11);
}
END_TEST

START_TEST(the_dump_is_as_long_as_it_is_read)
{
    static const char *const places[] = {"live", "backups/latest"};
    char path[64];
    struct buf text = BUF_INIT;
    stage_sql(&stage, "CREATE TABLE \"\"(x); INSERT INTO \"\" VALUES (1)");
    stage_command(&stage, "backup");
    for (size_t i = 0; i < 2; i++) {
        buf_clear(&text);
        snprintf(path, sizeof(path), "%s/database.sql", places[i]);
        stage_read(&stage, path, 1000, &text);
        ck_assert_uint_eq(stage_attr(&stage, path).size, text.len);
        ck_assert_uint_eq(stage_attr(&stage, path).size, text.len);
    }
    buf_free(&text);
}
END_TEST

START_TEST(a_table_that_is_gone_has_no_size)
{
    struct row_sizes sizes;
    struct err err = ERR_INIT;
    ck_assert_int_eq(sizes_rows(live, "Users", &sizes, &err), -ENOENT);
    ck_assert_str_eq(err.text, "Users: there is no such table any more");
}
END_TEST

Suite *suite_view_sizes(void)
{
    Suite *suite = suite_create("view/sizes");
    TCase *tests = tcase_create("sizes");
    tcase_add_checked_fixture(tests, set, clear);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, what_a_connection_measured_is_known_while_it_is_open);
    tcase_add_test(tests, a_commit_makes_it_unknown);
    tcase_add_test(tests, what_has_long_not_changed_is_known_without_a_connection);
    tcase_add_test(tests, what_is_in_the_wal_is_known_by_the_state_alone);
    tcase_add_test(tests, what_is_written_and_not_committed_yet_does_not_count);
    tcase_add_test(tests, what_has_just_changed_may_be_changing_still);
    tcase_add_test(tests, what_a_state_tells_is_known_by_the_files_later);
    tcase_add_test(tests, the_count_is_known_with_the_sizes_and_not_the_other_way_round);
    tcase_add_test(tests, whose_rows_cannot_be_counted_in_time_is_tried_once);
    tcase_add_test(tests, what_took_too_long_is_tried_again_after_a_commit);
    tcase_add_test(tests,
                   what_took_too_long_and_has_long_not_changed_is_known_without_a_connection);
    tcase_add_test(tests, what_took_too_long_in_a_backup_is_tried_once);
    tcase_add_test(tests, rows_that_take_too_long_may_still_be_counted);
    tcase_add_test(tests, who_cancels_does_not_decide_for_the_next);
    tcase_add_test(tests, measuring_ends_when_the_request_is_cancelled);
    tcase_add_test(tests, a_backup_is_measured_once);
    tcase_add_test(tests, what_the_catalog_knows_is_not_measured);
    tcase_add_test(tests, the_dump_is_as_long_as_it_is_read);
    tcase_add_test(tests, a_table_that_is_gone_has_no_size);
    suite_add_tcase(suite, tests);
    return suite;
}
