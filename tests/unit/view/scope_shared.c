/* src/view/scope_shared.c: what the uses of one request have in common, and what they must not. */
#include "view/scope_shared.h"

#include <check.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "dbsnapfs/source/database.h"
#include "dbsnapfs/source/schema.h"
#include "view/context.h"
#include "view/scope.h"
#include "view/scope_pool.h"
#include "view/support.h"

static const atomic_bool never = false;
static const struct node_request request = {.cancel = &never};

static struct stage stage;
static struct view *view;
static struct scope *live;

static void set(void)
{
    struct err err = ERR_INIT;
    stage_set(&stage, 10);
    ck_assert_int_eq(view_new(stage.service, &view, &err), 0);
    ck_assert_int_eq(scope_live(view, &live, &err), 0);
}

static void clear(void)
{
    node_serve(NULL);
    scope_unref(live);
    view_close(view);
    stage_clear(&stage);
}

static struct database *use(void)
{
    struct database *database = NULL;
    struct err err = ERR_INIT;
    ck_assert_msg(scope_use(live, NULL, &database, &err) == 0, "%s", err.text);
    return database;
}

static uint64_t count(void)
{
    struct database *database = use();
    const struct schema *schema = NULL;
    struct err err = ERR_INIT;
    uint64_t rows = 0;
    ck_assert_int_eq(database_schema(database, &schema, &err), 0);
    ck_assert_int_eq(database_count(database, schema_find(schema, "users"), &rows, &err), 0);
    scope_done(live, database);
    return rows;
}

static void delete_one(void)
{
    /* Without waiting for the disk: a state is not kept for long. */
    stage_sql(&stage, "PRAGMA synchronous = off;"
                      "DELETE FROM users WHERE id = (SELECT max(id) FROM users)");
}

START_TEST(uses_of_one_request_show_one_state)
{
    node_serve(&request);
    ck_assert_uint_eq(count(), 10);
    delete_one();
    ck_assert_uint_eq(count(), 10);
}
END_TEST

START_TEST(the_next_request_sees_what_was_committed_before_it)
{
    for (unsigned i = 0; i < 5; i++) {
        node_serve(&request);
        ck_assert_uint_eq(count(), 10 - i);
        ck_assert_uint_eq(count(), 10 - i);
        delete_one();
        node_serve(NULL);
    }
    ck_assert_uint_eq(scope_pool_idle(view->pool), 1);
}
END_TEST

START_TEST(without_a_request_nothing_is_kept)
{
    ck_assert_uint_eq(count(), 10);
    delete_one();
    ck_assert_uint_eq(count(), 9);
}
END_TEST

START_TEST(what_began_before_the_request_is_not_kept)
{
    struct database *old = use();
    node_serve(&request);
    delete_one();
    scope_done(live, old);
    ck_assert_uint_eq(count(), 9);
}
END_TEST

START_TEST(two_uses_at_once_have_one_each)
{
    node_serve(&request);
    struct database *first = use(), *second = use();
    ck_assert_ptr_ne(first, second);
    scope_done(live, first);
    scope_done(live, second);
    ck_assert_ptr_eq(use(), second);
    scope_done(live, second);
    node_serve(NULL);
    ck_assert_uint_eq(scope_pool_idle(view->pool), 2);
}
END_TEST

START_TEST(a_state_that_a_failure_ended_is_not_used_again)
{
    node_serve(&request);
    struct database *database = use();
    database_end(database);
    scope_done(live, database);
    delete_one();
    ck_assert_uint_eq(count(), 9);
    database = use();
    ck_assert(database_has_begun(database));
    scope_done(live, database);
}
END_TEST

START_TEST(who_asks_for_a_state_from_now_on_gets_it)
{
    node_serve(&request);
    ck_assert_uint_eq(count(), 10);
    delete_one();
    scope_renew(live);
    ck_assert_uint_eq(count(), 9);
}
END_TEST

START_TEST(writers_wait_for_a_request_and_no_longer)
{
    sqlite3 *db = NULL;
    stage_sql(&stage, "PRAGMA journal_mode = delete");
    ck_assert_int_eq(sqlite3_open(stage.database, &db), SQLITE_OK);
    node_serve(&request);
    ck_assert_uint_eq(count(), 10);
    ck_assert_int_eq(sqlite3_exec(db, "DELETE FROM users", NULL, NULL, NULL), SQLITE_BUSY);
    node_serve(NULL);
    ck_assert_int_eq(sqlite3_exec(db, "DELETE FROM users", NULL, NULL, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}
END_TEST

START_TEST(a_long_request_begins_anew_now_and_then)
{
    const struct timespec nap = {.tv_nsec = 200000000};
    node_serve(&request);
    ck_assert_uint_eq(count(), 10);
    delete_one();
    nanosleep(&nap, NULL);
    ck_assert_uint_eq(count(), 9);
}
END_TEST

START_TEST(when_it_changed_is_asked_once_a_request)
{
    const struct timespec times[2] = {{.tv_sec = 4000000000}, {.tv_sec = 4000000000}};
    struct err err = ERR_INIT;
    int64_t first_ns = 0, second_ns = 0;
    node_serve(&request);
    ck_assert_int_eq(scope_mtime(live, &first_ns, &err), 0);
    ck_assert_int_eq(utimensat(AT_FDCWD, stage.database, times, 0), 0);
    ck_assert_int_eq(scope_mtime(live, &second_ns, &err), 0);
    ck_assert_int_eq(first_ns, second_ns);
    node_serve(&request);
    ck_assert_int_eq(scope_mtime(live, &second_ns, &err), 0);
    ck_assert_int_eq(second_ns, 4000000000000000000);
}
END_TEST

/* ---- work ---- */

static int begun;

static int see_statement(unsigned kind, void *arg, void *stmt, void *sql)
{
    (void)kind, (void)arg, (void)stmt;
    begun += strcmp(sql, "BEGIN") == 0;
    return 0;
}

/* As SQLite calls it for each connection that is opened. */
static int watch(sqlite3 *db, char **ret_message, const struct sqlite3_api_routines *api)
{
    (void)ret_message, (void)api;
    return sqlite3_trace_v2(db, SQLITE_TRACE_STMT, see_statement, NULL);
}

START_TEST(a_listing_with_attributes_begins_once)
{
    struct node *row = NULL;
    struct buf names = BUF_INIT;
    struct err err = ERR_INIT;
    ck_assert_int_eq(sqlite3_auto_extension((void (*)(void))watch), SQLITE_OK);
    row = stage_node(&stage, "live/tables/users/rows/7");
    begun = 0;
    node_serve(&request);
    stage_list(&stage, "live/tables/users/rows/7", 100, &names);
    ck_assert_str_eq(buf_text(&names), "row.json id name ");
    for (const char *const *name = (const char *const[]){"row.json", "id", "name", NULL}; *name;
         name++) {
        struct node *node = NULL;
        struct node_attr attr;
        ck_assert_int_eq(node_lookup(row, *name, &node, &err), 0);
        ck_assert_int_eq(node_attr(node, &attr, &err), 0);
        node_unref(node);
    }
    node_serve(NULL);
    ck_assert_int_eq(begun, 1);
    sqlite3_reset_auto_extension();
    buf_free(&names);
    node_unref(row);
}
END_TEST

Suite *suite_view_scope_shared(void)
{
    Suite *suite = suite_create("view/scope_shared");
    TCase *tests = tcase_create("scope_shared");
    tcase_add_checked_fixture(tests, set, clear);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, uses_of_one_request_show_one_state);
    tcase_add_test(tests, the_next_request_sees_what_was_committed_before_it);
    tcase_add_test(tests, without_a_request_nothing_is_kept);
    tcase_add_test(tests, what_began_before_the_request_is_not_kept);
    tcase_add_test(tests, two_uses_at_once_have_one_each);
    tcase_add_test(tests, a_state_that_a_failure_ended_is_not_used_again);
    tcase_add_test(tests, who_asks_for_a_state_from_now_on_gets_it);
    tcase_add_test(tests, writers_wait_for_a_request_and_no_longer);
    tcase_add_test(tests, a_long_request_begins_anew_now_and_then);
    tcase_add_test(tests, when_it_changed_is_asked_once_a_request);
    tcase_add_test(tests, a_listing_with_attributes_begins_once);
    suite_add_tcase(suite, tests);
    return suite;
}
