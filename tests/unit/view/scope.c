/* src/view/scope.c and scope_pool.c: who gets which open database, and when it is closed. */
#include "view/scope.h"

#include <check.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "dbsnapfs/source/database.h"
#include "dbsnapfs/source/schema.h"
#include "dbsnapfs/store/repo.h"
#include "view/entry.h"
#include "view/scope_pool.h"
#include "view/support.h"

#define MS INT64_C(1000000)

static struct stage stage;
static struct view *view;
static struct scope *live;

static void set_pool(const struct scope_pool_limits *limits)
{
    struct err err = ERR_INIT;
    scope_pool_free(view->pool);
    ck_assert_int_eq(scope_pool_new(limits, &view->pool, &err), 0);
}

static void set(void)
{
    struct err err = ERR_INIT;
    stage_set(&stage, 10);
    ck_assert_int_eq(view_new(stage.service, &view, &err), 0);
    ck_assert_int_eq(scope_live(view, &live, &err), 0);
}

static void clear(void)
{
    scope_unref(live);
    view_close(view);
    stage_clear(&stage);
}

static struct database *use(struct scope *scope)
{
    struct database *database = NULL;
    struct err err = ERR_INIT;
    ck_assert_msg(scope_use(scope, NULL, &database, &err) == 0, "%s", err.text);
    return database;
}

static bool has_table(struct scope *scope, const char *name)
{
    struct database *database = use(scope);
    const struct schema *schema = NULL;
    struct err err = ERR_INIT;
    ck_assert_msg(database_schema(database, &schema, &err) == 0, "%s", err.text);
    bool found = schema_find(schema, name) != NULL;
    scope_done(scope, database);
    return found;
}

/* Waits until this many are idle, for ten seconds. */
static void await_idle(unsigned count)
{
    const struct timespec nap = {.tv_nsec = 5 * MS};
    for (int i = 0; i < 2000 && scope_pool_idle(view->pool) != count; i++)
        nanosleep(&nap, NULL);
    ck_assert_uint_eq(scope_pool_idle(view->pool), count);
}

/* The journal mode after asking for `mode`. */
static void journal_mode(const char *mode, char *ret_mode, size_t size)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    char sql[64];
    snprintf(sql, sizeof(sql), "PRAGMA journal_mode = %s", mode);
    ck_assert_int_eq(sqlite3_open(stage.database, &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    if (sqlite3_step(stmt) == SQLITE_ROW)
        snprintf(ret_mode, size, "%s", (const char *)sqlite3_column_text(stmt, 0));
    else
        snprintf(ret_mode, size, "%s", sqlite3_errmsg(db));
    sqlite3_finalize(stmt);
    sqlite3_close(db);
}

static int make_scope(void *arg, const struct backup_entry *backup)
{
    struct entry *entry = calloc(1, sizeof(*entry));
    struct scope ***next = arg;
    struct err err = ERR_INIT;
    ck_assert_ptr_nonnull(entry);
    atomic_init(&entry->references, 1);
    entry->view = view_ref(view);
    entry->id = backup->id;
    pthread_mutex_init(&entry->lock, NULL);
    ck_assert_int_eq(scope_backup(entry, (*next)++, &err), 0);
    entry_unref(entry);
    return 0;
}

/* A scope for each of `count` backups. */
static void back_up(struct scope **scopes, int count)
{
    struct err err = ERR_INIT;
    for (int i = 0; i < count; i++)
        stage_command(&stage, "backup");
    ck_assert_int_eq(repo_list(view_repo(view), 0, make_scope, &scopes, &err), 0);
}

START_TEST(a_database_given_back_is_the_next_ones)
{
    struct database *first = use(live);
    scope_done(live, first);
    ck_assert_uint_eq(scope_pool_idle(view->pool), 1);
    struct database *second = use(live);
    ck_assert_ptr_eq(first, second);
    ck_assert_uint_eq(scope_pool_idle(view->pool), 0);
    scope_done(live, second);
}
END_TEST

START_TEST(two_at_once_have_one_each)
{
    struct database *first = use(live), *second = use(live);
    ck_assert_ptr_ne(first, second);
    scope_done(live, first);
    scope_done(live, second);
    ck_assert_uint_eq(scope_pool_idle(view->pool), 2);
}
END_TEST

START_TEST(no_more_than_a_few_are_kept)
{
    const struct scope_pool_limits limits = {2, 3, 60000 * MS, 60000 * MS};
    struct database *databases[5];
    struct scope *scopes[5];
    set_pool(&limits);
    for (int i = 0; i < 5; i++)
        databases[i] = use(live);
    for (int i = 0; i < 5; i++)
        scope_done(live, databases[i]);
    ck_assert_uint_eq(scope_pool_idle(view->pool), 2);

    back_up(scopes, 5);
    for (int i = 0; i < 5; i++)
        scope_done(scopes[i], use(scopes[i]));
    ck_assert_uint_eq(scope_pool_idle(view->pool), 2 + 3);
    /* The newest three are what was kept: using one of them opens none. */
    struct database *last = use(scopes[4]);
    ck_assert_uint_eq(scope_pool_idle(view->pool), 2 + 2);
    scope_done(scopes[4], last);
    struct database *oldest = use(scopes[0]);
    ck_assert_uint_eq(scope_pool_idle(view->pool), 2 + 3);
    scope_done(scopes[0], oldest);
    for (int i = 0; i < 5; i++)
        scope_unref(scopes[i]);
}
END_TEST

START_TEST(programs_can_leave_wal_mode_a_moment_after)
{
    const struct scope_pool_limits limits = {2, 2, 300 * MS, 300 * MS};
    char mode[100];
    set_pool(&limits);
    scope_done(live, use(live));
    journal_mode("delete", mode, sizeof(mode));
    ck_assert_str_eq(mode, "database is locked");
    await_idle(0);
    journal_mode("delete", mode, sizeof(mode));
    ck_assert_str_eq(mode, "delete");
}
END_TEST

START_TEST(backups_are_closed_when_nobody_asks_for_them)
{
    const struct scope_pool_limits limits = {2, 2, 20 * MS, 20 * MS};
    struct scope *scopes[2];
    set_pool(&limits);
    back_up(scopes, 2);
    ck_assert(has_table(scopes[0], "users"));
    ck_assert(has_table(scopes[1], "users"));
    await_idle(0);
    ck_assert(has_table(scopes[1], "users"));
    scope_unref(scopes[0]);
    scope_unref(scopes[1]);
}
END_TEST

START_TEST(a_database_that_was_replaced_is_opened_anew)
{
    char path[128], command[700];
    struct database *first = use(live), *second = use(live);
    scope_done(live, first);
    scope_done(live, second);
    snprintf(path, sizeof(path), "%s/other.db", stage.folder);
    snprintf(command, sizeof(command),
             "sqlite3 '%s' 'CREATE TABLE other(a)' && mv '%s' '%s' && rm -f '%s-wal' '%s-shm'",
             path, path, stage.database, stage.database, stage.database);
    ck_assert_int_eq(system(command), 0); // NOLINT(cert-env33-c)
    ck_assert(has_table(live, "other"));
    ck_assert(!has_table(live, "users"));
    ck_assert_uint_eq(scope_pool_idle(view->pool), 1);
}
END_TEST

START_TEST(a_use_shows_one_state)
{
    const struct schema *schema = NULL;
    struct err err = ERR_INIT;
    uint64_t rows = 0;
    struct database *database = use(live);
    stage_sql(&stage, "DELETE FROM users WHERE id > 3");
    ck_assert_int_eq(database_schema(database, &schema, &err), 0);
    ck_assert_int_eq(database_count(database, schema_find(schema, "users"), &rows, &err), 0);
    ck_assert_uint_eq(rows, 10);
    scope_done(live, database);

    database = use(live);
    ck_assert_int_eq(database_schema(database, &schema, &err), 0);
    ck_assert_int_eq(database_count(database, schema_find(schema, "users"), &rows, &err), 0);
    ck_assert_uint_eq(rows, 3);
    scope_done(live, database);
}
END_TEST

START_TEST(who_was_cancelled_leaves_no_trace_for_the_next)
{
    atomic_bool cancel = false;
    const struct schema *schema = NULL;
    struct database *database = NULL;
    struct err err = ERR_INIT;
    uint64_t rows = 0;
    stage_sql(&stage, "CREATE VIEW endless AS WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL "
                      "SELECT i + 1 FROM n) SELECT i FROM n");
    ck_assert_int_eq(scope_use(live, &cancel, &database, &err), 0);
    ck_assert_int_eq(database_schema(database, &schema, &err), 0);
    atomic_store(&cancel, true);
    ck_assert_int_eq(database_count(database, schema_find(schema, "endless"), &rows, &err),
                     -ECANCELED);
    scope_done(live, database);
    ck_assert(has_table(live, "users"));
}
END_TEST

START_TEST(behind_the_end_nothing_is_kept)
{
    struct database *late = use(live);
    scope_done(live, use(live));
    scope_pool_close(view->pool);
    ck_assert_uint_eq(scope_pool_idle(view->pool), 0);
    scope_done(live, late);
    ck_assert_uint_eq(scope_pool_idle(view->pool), 0);
}
END_TEST

static void *use_often(void *arg)
{
    struct scope *scope = arg;
    struct err err = ERR_INIT;
    for (int i = 0; i < 50; i++) {
        struct database *database = NULL;
        if (scope_use(scope, NULL, &database, &err) < 0)
            return arg;
        scope_done(scope, database);
    }
    return NULL;
}

START_TEST(many_threads_use_it_while_others_are_closed)
{
    const struct scope_pool_limits limits = {2, 1, 1 * MS, 1 * MS};
    pthread_t threads[6];
    struct scope *scopes[3];
    set_pool(&limits);
    back_up(scopes, 2);
    scopes[2] = scope_ref(live);
    for (int i = 0; i < 6; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, use_often, scopes[i % 3]), 0);
    for (int i = 0; i < 6; i++) {
        void *failed = NULL;
        ck_assert_int_eq(pthread_join(threads[i], &failed), 0);
        ck_assert_ptr_null(failed);
    }
    await_idle(0);
    for (int i = 0; i < 3; i++)
        scope_unref(scopes[i]);
}
END_TEST

Suite *suite_view_scope(void)
{
    Suite *suite = suite_create("view/scope");
    TCase *tests = tcase_create("scope");
    tcase_add_checked_fixture(tests, set, clear);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, a_database_given_back_is_the_next_ones);
    tcase_add_test(tests, two_at_once_have_one_each);
    tcase_add_test(tests, no_more_than_a_few_are_kept);
    tcase_add_test(tests, programs_can_leave_wal_mode_a_moment_after);
    tcase_add_test(tests, backups_are_closed_when_nobody_asks_for_them);
    tcase_add_test(tests, a_database_that_was_replaced_is_opened_anew);
    tcase_add_test(tests, a_use_shows_one_state);
    tcase_add_test(tests, who_was_cancelled_leaves_no_trace_for_the_next);
    tcase_add_test(tests, behind_the_end_nothing_is_kept);
    tcase_add_test(tests, many_threads_use_it_while_others_are_closed);
    suite_add_tcase(suite, tests);
    return suite;
}
