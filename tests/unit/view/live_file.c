/*
 * src/view/live_file.c, and sizes.c for it: the length of a text in the state that an open file holds.
 */
#include <check.h>

#include "dbsnapfs/source/database.h"
#include "dbsnapfs/table/rendering.h"
#include "dbsnapfs/util/err.h"
#include "view/context.h"
#include "view/scope.h"
#include "view/sizes.h"
#include "view/support.h"

Suite *suite_view_live_file(void);

/* Its length is another whenever it is measured. */
#define RANDOM_VIEW                                                                                \
    "CREATE VIEW chance AS WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE " \
    "i < 200) SELECT random() % 1000000 AS r FROM n;"

static struct stage stage;
static struct view *view;
static struct scope *live;

static void set(void)
{
    stage_set(&stage, 10);
    stage_sql(&stage, RANDOM_VIEW);
    ck_assert_int_eq(view_new(stage.service, &view, NULL), 0);
    ck_assert_int_eq(scope_live(view, &live, NULL), 0);
}

static void clear(void)
{
    scope_unref(live);
    view_close(view);
    stage_clear(&stage);
}

static uint64_t known_bytes(void)
{
    struct row_sizes sizes = {.rows = 0};
    ck_assert_int_eq(sizes_rows(live, "chance", &sizes, NULL), 0);
    return sizes.csv_bytes;
}

/* In a state that is begun right behind this. */
static uint64_t held_bytes(const char *sql)
{
    struct moment moment;
    struct database *database = NULL;
    struct row_sizes sizes = {.rows = 0};
    struct err err = ERR_INIT;
    ck_assert_int_eq(sizes_hold_begin(live, &moment, &err), 0);
    stage_sql(&stage, sql);
    ck_assert_int_eq(scope_use(live, NULL, &database, &err), 0);
    ck_assert_int_eq(sizes_hold(live, database, &moment, &err), 0);
    ck_assert_msg(sizes_held(live, database, &moment, "chance", &sizes, &err) == 0, "%s", err.text);
    scope_done(live, database);
    return sizes.csv_bytes;
}

START_TEST(a_state_that_is_held_has_the_length_that_is_known_of_it)
{
    uint64_t known = known_bytes();
    ck_assert_uint_eq(held_bytes("SELECT 1"), known);
    ck_assert_uint_eq(known_bytes(), known);
}
END_TEST

START_TEST(what_is_known_of_the_state_before_is_not_taken_for_it)
{
    uint64_t known = known_bytes();
    ck_assert_uint_ne(held_bytes("DELETE FROM users WHERE id = 10"), known);
}
END_TEST

Suite *suite_view_live_file(void)
{
    Suite *suite = suite_create("view/live_file");
    TCase *tests = tcase_create("held");
    tcase_add_checked_fixture(tests, set, clear);
    tcase_add_test(tests, a_state_that_is_held_has_the_length_that_is_known_of_it);
    tcase_add_test(tests, what_is_known_of_the_state_before_is_not_taken_for_it);
    suite_add_tcase(suite, tests);
    return suite;
}
