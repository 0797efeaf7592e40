/*
 * src/service/backup.c
 */
#include <check.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "dbsnapfs/service/service.h"
#include "dbsnapfs/source/source.h"
#include "dbsnapfs/store/repo.h"
#include "dbsnapfs/util/err.h"
#include "service/support.h"

static struct place place;
static struct service *service;
static struct buf out = BUF_INIT;

static void set_up(void)
{
    place_set_up(&place);
    service = place_open(&place, (struct service_config){.repo = NULL});
}

static void tear_down(void)
{
    service_free(service);
    buf_free(&out);
    place_tear_down(&place);
}

static void find_latest(struct backup_entry *ret_entry)
{
    ck_assert_int_eq(repo_find(service_repo(service), "latest", ret_entry, NULL), 0);
}

START_TEST(a_backup_is_there_when_the_command_returns)
{
    struct backup_entry entry;
    struct buf expected = BUF_INIT;

    ck_assert_int_eq(place_run(service, "backup note=\"before deploy\"", &out), 0);
    find_latest(&entry);
    buf_addf(&expected, "ok %s ", entry.name);
    assert_begins(&out, buf_text(&expected));
    assert_contains(&out, " blocks new, ");
    ck_assert_str_eq(entry.note, "before deploy");
    ck_assert_str_eq(entry.source, place.database);
    ck_assert_uint_gt(entry.image_bytes, 100000);
    assert_contains(&(struct buf){.data = entry.settings, .len = strlen(entry.settings)},
                    "page_size");
    backup_entry_free(&entry);
    buf_free(&expected);
}
END_TEST

START_TEST(a_backup_is_logged_with_its_note)
{
    struct buf log = BUF_INIT;

    ck_assert_int_eq(place_run(service, "backup note='a\tb'", &out), 0);
    ck_assert_int_eq(service_log(service, &log, NULL), 0);
    assert_contains(&log, "Z backup ok 20");
    assert_contains(&log, " note=\"a\\tb\" (");
    ck_assert_int_eq(log.data[log.len - 1], '\n');
    buf_free(&log);
}
END_TEST

START_TEST(if_changed_skips_what_is_the_same)
{
    struct backup_entry entry;
    struct buf expected = BUF_INIT;

    ck_assert_int_eq(place_run(service, "backup if-changed", &out), 0);
    find_latest(&entry);
    ck_assert_int_eq(place_run(service, "backup if-changed", &out), 0);
    buf_addf(&expected, "ok skipped: nothing has changed since %s\n", entry.name);
    ck_assert_str_eq(buf_text(&out), buf_text(&expected));
    place_sql(&place, "UPDATE t SET b = 'new' WHERE a = 77");
    ck_assert_int_eq(place_run(service, "backup if-changed", &out), 0);
    assert_contains(&out, " blocks new, ");
    backup_entry_free(&entry);
    buf_free(&expected);
}
END_TEST

START_TEST(a_cancelled_backup_leaves_nothing)
{
    static const atomic_bool cancel = true;
    struct repo_totals totals;

    ck_assert_int_eq(service_command(service, "backup", 6, &cancel, &out), -ECANCELED);
    assert_begins(&out, "error: cancelled");
    ck_assert_int_eq(repo_totals(service_repo(service), &totals, NULL), 0);
    ck_assert_uint_eq(totals.backups, 0);
}
END_TEST

START_TEST(a_note_has_to_be_utf8)
{
    static const char *const bad[] = {
        "\xff", "\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe0\x80\x80", NULL};

    for (size_t i = 0; bad[i]; i++) {
        struct buf line = BUF_INIT;

        buf_addf(&line, "backup note=%s", bad[i]);
        ck_assert_int_eq(place_run(service, buf_text(&line), &out), -EINVAL);
        ck_assert_str_eq(buf_text(&out), "error: backup: note= is not UTF-8 text\n");
        buf_free(&line);
    }
    ck_assert_int_eq(place_run(service, "backup note=\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", &out),
                     0);
}
END_TEST

START_TEST(a_database_that_vanished_is_named)
{
    struct buf expected = BUF_INIT;

    ck_assert_int_eq(remove(place.database), 0);
    ck_assert_int_eq(place_run(service, "backup", &out), -ENOENT);
    buf_addf(&expected, "error: %s", place.database);
    assert_begins(&out, buf_text(&expected));
    buf_free(&expected);
}
END_TEST

Suite *suite_service_backup(void)
{
    Suite *suite = suite_create("service/backup");
    TCase *tests = tcase_create("backup");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_backup_is_there_when_the_command_returns);
    tcase_add_test(tests, a_backup_is_logged_with_its_note);
    tcase_add_test(tests, if_changed_skips_what_is_the_same);
    tcase_add_test(tests, a_cancelled_backup_leaves_nothing);
    tcase_add_test(tests, a_note_has_to_be_utf8);
    tcase_add_test(tests, a_database_that_vanished_is_named);
    suite_add_tcase(suite, tests);
    return suite;
}
