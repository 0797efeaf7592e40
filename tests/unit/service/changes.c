/*
 * src/service/changes.c and changes_text.c: what changed between a backup and the one
 * before it, and the sizes that follow from it.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/service/changes.h"
#include "dbsnapfs/service/facts.h"
#include "dbsnapfs/store/repo.h"
#include "dbsnapfs/util/err.h"
#include "service/facts_support.h"
#include "service/noted.h"
#include "service/support.h"

static struct place place;
static struct buf out = BUF_INIT;

static void set_up(void)
{
    place_set_up(&place);
}

static void tear_down(void)
{
    buf_free(&out);
    place_tear_down(&place);
}

/* ---- as text ---- */

static void read_text(const char *text, size_t len, int expected, struct backup_changes *changes)
{
    struct buf fact = BUF_INIT;

    buf_add(&fact, text, len);
    ck_assert_int_eq(backup_changes_read(&fact, changes), expected);
    buf_free(&fact);
}

START_TEST(changes_come_back_from_their_text)
{
    char names[3][8] = {"a b\n5:c", "", "u 1:u"}, reason[] = "u 1:x\n5:users is damaged\n";
    struct table_change tables[] = {
        {.name = names[0],
         .counts = {.inserted = 1,
                    .updated = UINT64_MAX,
                    .deleted = 3,
                    .csv_bytes = 4,
                    .sql_bytes = 5,
                    .rows_added = -6,
                    .rows_csv_added = INT64_MAX,
                    .rows_ndjson_added = 0,
                    .rows_sql_added = -1,
                    .has_added = true}},
        {.name = names[1], .counts = {.schema = true, .gone = true}},
        {.name = names[2], .unreadable = reason},
    };
    const struct backup_changes changes = {.before_id = 7, .count = 3, .tables = tables};
    struct backup_changes again;
    const struct table_change *first, *second, *third;

    backup_changes_write(&changes, &out);
    ck_assert_int_eq(backup_changes_read(&out, &again), 0);
    ck_assert_uint_eq(again.before_id, 7);
    ck_assert_uint_eq(again.count, 3);
    first = backup_changes_table(&again, names[0]);
    second = backup_changes_table(&again, "");
    third = backup_changes_table(&again, names[2]);
    ck_assert_ptr_nonnull(first);
    ck_assert_ptr_nonnull(second);
    ck_assert_ptr_nonnull(third);
    ck_assert_ptr_null(backup_changes_table(&again, "a"));
    ck_assert_mem_eq(&first->counts, &tables[0].counts, sizeof first->counts);
    ck_assert_mem_eq(&second->counts, &tables[1].counts, sizeof second->counts);
    ck_assert_ptr_null(second->unreadable);
    ck_assert_str_eq(third->unreadable, reason);
    ck_assert(!table_change_none(third));
    backup_changes_free(&again);
}
END_TEST

START_TEST(what_is_no_such_text_is_refused)
{
    static const char *const texts[] = {
        "",
        "1",
        "1 2",
        "2 0\n",
        "1 x\n",
        "1 2\n5:users",
        "1 2\n9:users 1 2 3 - 4 5 6 7 8 9\n",
        "1 2\n5:users 1 2 3 z 4 5 6 7 8 9\n",
        "1 2\n5:users 1 2 3 - 4 5 6 7 8\n",
        "1 2\n5:users 1 2 3 - 4 5 6 7 8 9",
        "1 2\n5:users 1 2 3 - -4 5 6 7 8 9\n",
        "1 2\n5:users 1 2 3 - 4 5 6 7 8 9223372036854775808\n",
        "1 2\n99999999999999999999:users 1 2 3 - 4 5 6 7 8 9\n",
        "1 2\n5:users u ",
        "1 2\n5:users u why\n",
        "1 2\n5:users u 3:why",
        "1 2\n5:users u 3:why \n",
        "1 2\n5:users u 4:why\n",
        "1 2\n5:users u 3:why\n\n",
    };
    struct backup_changes changes;

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        read_text(texts[i], strlen(texts[i]), -EBADMSG, &changes);
    read_text("1 2\n3:a\0b 1 2 3 - 4 5 6 7 8 9\n", 31, -EBADMSG, &changes);
    read_text("1 2\n5:users u 3:w\0y\n", 19, -EBADMSG, &changes);
    read_text("1 0\n", 4, 0, &changes);
    ck_assert_uint_eq(changes.count, 0);
}
END_TEST

/* ---- of backups ---- */

static void back_up(struct service *service, const char *sql)
{
    place_sql(&place, sql);
    ck_assert_int_eq(place_run(service, "backup", &out), 0);
}

static struct service *open_unmounted(void)
{
    return place_open(&place, (struct service_config){.repo = NULL});
}

START_TEST(what_changed_is_worked_out_once_and_noted)
{
    struct service *service = open_unmounted();
    struct repo *repo = service_repo(service);
    struct backup_changes changes;
    const struct table_change *change;

    back_up(service, "CREATE TABLE u(x); CREATE TABLE same(x); INSERT INTO same VALUES(1)");
    back_up(service, "INSERT INTO u VALUES(1),(2); DELETE FROM t WHERE rowid = 1;"
                     "CREATE INDEX same_x ON same(x)");
    ck_assert_int_eq(backup_changes_find(repo, 2, &changes, NULL), -ENOENT);
    ck_assert_int_eq(backup_changes_make(repo, 2, NULL, false, &changes, NULL), 0);
    backup_changes_free(&changes);
    ck_assert_int_eq(backup_changes_find(repo, 2, &changes, NULL), 0);
    ck_assert_uint_eq(changes.before_id, 1);
    ck_assert_uint_eq(changes.count, 3);
    change = backup_changes_table(&changes, "u");
    ck_assert_uint_eq(change->counts.inserted, 2);
    ck_assert_uint_eq(change->counts.deleted, 0);
    change = backup_changes_table(&changes, "t");
    ck_assert_uint_eq(change->counts.deleted, 1);
    change = backup_changes_table(&changes, "same");
    ck_assert(change->counts.schema && change->counts.inserted == 0);
    backup_changes_free(&changes);
    service_free(service);
}
END_TEST

START_TEST(the_first_backup_has_none_before_it)
{
    struct service *service = open_unmounted();
    struct backup_changes changes;

    back_up(service, "SELECT 1");
    ck_assert_int_eq(backup_changes_make(service_repo(service), 1, NULL, false, &changes, NULL), 0);
    ck_assert_uint_eq(changes.before_id, 0);
    ck_assert_uint_eq(changes.count, 0);
    service_free(service);
}
END_TEST

START_TEST(what_is_noted_of_another_backup_before_is_not_believed)
{
    struct buf fact = BUF_INIT;
    struct service *service = open_unmounted();
    struct repo *repo = service_repo(service);
    struct backup_changes changes;

    back_up(service, "SELECT 1");
    back_up(service, "UPDATE t SET b = 7 WHERE a = 7");
    back_up(service, "UPDATE t SET b = 8 WHERE a = 8");
    buf_add_text(&fact, "1 1\n5:users 1 0 0 - 4 5 6 7 8 9\n");
    ck_assert_int_eq(noted_put(repo, 3, FACT_CHANGES, &fact, NULL), 0);
    ck_assert_int_eq(backup_changes_find(repo, 3, &changes, NULL), -ENOENT);
    ck_assert_int_eq(noted_put(repo, 2, FACT_CHANGES, &fact, NULL), 0);
    ck_assert_int_eq(backup_changes_find(repo, 2, &changes, NULL), 0);
    backup_changes_free(&changes);
    buf_free(&fact);
    service_free(service);
}
END_TEST

START_TEST(a_comparison_that_is_cancelled_notes_nothing)
{
    struct service *service = open_unmounted();
    struct repo *repo = service_repo(service);
    struct backup_changes changes;
    atomic_bool cancel = true;
    struct err err = ERR_INIT;

    back_up(service, "SELECT 1");
    back_up(service, "UPDATE t SET b = a");
    ck_assert_int_eq(backup_changes_make(repo, 2, &cancel, true, &changes, &err), -ECANCELED);
    ck_assert_int_eq(backup_changes_find(repo, 2, &changes, NULL), -ENOENT);
    service_free(service);
}
END_TEST

/* ---- sizes that follow from changes ---- */

/* Each backup after the first: what is done before it. */
static const char *const days[] = {
    "CREATE TABLE w(k TEXT PRIMARY KEY, v REAL, b BLOB) WITHOUT ROWID;"
    "CREATE TABLE named(k TEXT PRIMARY KEY, v); CREATE TABLE g(a, b AS (a || '!') STORED);"
    "INSERT INTO w SELECT 'key ' || rowid, a / 7.0, randomblob(50) FROM t;"
    "INSERT INTO named SELECT 'name ' || rowid, a FROM t; INSERT INTO g(a) SELECT a FROM t;"
    "CREATE VIRTUAL TABLE f USING fts5(x); INSERT INTO f VALUES('some text');"
    "CREATE TABLE s(id INTEGER PRIMARY KEY AUTOINCREMENT, x); INSERT INTO s(x) VALUES(1)",
    "UPDATE w SET v = v * 3 WHERE k LIKE '%5'; DELETE FROM named WHERE v % 3 = 0;"
    "INSERT INTO named VALUES('x''y', 'a,\"b\"'); UPDATE g SET a = a || a WHERE rowid < 9;"
    "INSERT INTO f VALUES('more text'); INSERT INTO s(x) VALUES(2),(3)",
    "VACUUM",
    "DELETE FROM named WHERE rowid < 40; VACUUM; UPDATE t SET a = -a WHERE rowid % 11 = 0",
    "ALTER TABLE t ADD COLUMN c DEFAULT 'x'; DROP TABLE g; DELETE FROM w; DELETE FROM f",
    "SELECT 1",
};

START_TEST(sizes_that_follow_from_changes_are_those_that_are_measured)
{
    static const char *const tables[] = {"t",         "w", "named",          "f",
                                         "f_content", "s", "sqlite_sequence"};
    struct service *service =
        place_open(&place, (struct service_config){.mount_point = "/mnt/app"});

    for (size_t day = 0; day < sizeof days / sizeof days[0]; day++) {
        back_up(service, days[day]);
        ck_assert(place_wait(newest_is_known, service));
        for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
            assert_sizes(service, day + 1, tables[i]);
    }
    service_free(service);
}
END_TEST

Suite *suite_service_changes(void);
Suite *suite_service_changes(void)
{
    Suite *suite = suite_create("service/changes");
    TCase *tests = tcase_create("changes");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, changes_come_back_from_their_text);
    tcase_add_test(tests, what_is_no_such_text_is_refused);
    tcase_add_test(tests, what_changed_is_worked_out_once_and_noted);
    tcase_add_test(tests, the_first_backup_has_none_before_it);
    tcase_add_test(tests, what_is_noted_of_another_backup_before_is_not_believed);
    tcase_add_test(tests, a_comparison_that_is_cancelled_notes_nothing);
    tcase_add_test(tests, sizes_that_follow_from_changes_are_those_that_are_measured);
    suite_add_tcase(suite, tests);
    return suite;
}
