/*
 * src/service/service.c and run.c: opening, the way of a command, the end.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dbsnapfs/service/service.h"
#include "dbsnapfs/source/source.h"
#include "dbsnapfs/store/repo.h"
#include "dbsnapfs/util/err.h"
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

static struct service *open_mounted(void)
{
    return place_open(&place, (struct service_config){.mount_point = "/mnt/app"});
}

START_TEST(the_repository_lies_beside_the_database)
{
    struct service *service = place_open(&place, (struct service_config){.repo = NULL});
    char *path = NULL;

    ck_assert_int_eq(service_default_repo(place.database, &path, NULL), 0);
    ck_assert_str_eq(path, place.repo);
    ck_assert_str_eq(repo_path(service_repo(service)), place.repo);
    ck_assert_str_eq(source_path(service_source(service)), place.database);
    ck_assert_ptr_null(service_mount_point(service));
    free(path);
    service_free(service);
}
END_TEST

START_TEST(a_missing_database_makes_no_repository)
{
    struct buf path = BUF_INIT;
    struct service_config config = {.compress = CODEC_DEFAULT};
    struct service *service = NULL;
    struct err err = ERR_INIT;

    buf_addf(&path, "%s/none.db", place.folder);
    config.source = buf_text(&path);
    ck_assert_int_eq(service_new(&config, &service, &err), -ENOENT);
    ck_assert_ptr_nonnull(strstr(err.text, "none.db"));
    buf_add_text(&path, ".backups");
    ck_assert_int_ne(access(buf_text(&path), F_OK), 0);
    buf_free(&path);
}
END_TEST

START_TEST(backups_can_be_looked_at_without_the_database)
{
    struct service *service = place_open(&place, (struct service_config){.repo = NULL});
    struct repo_totals totals;

    ck_assert_int_eq(place_run(service, "backup", &out), 0);
    service_free(service);
    ck_assert_int_eq(remove(place.database), 0);
    service =
        place_open(&place, (struct service_config){.read_only = true, .source_optional = true});
    ck_assert_int_eq(repo_totals(service_repo(service), &totals, NULL), 0);
    ck_assert_uint_eq(totals.backups, 1);
    service_free(service);
}
END_TEST

START_TEST(backups_can_be_looked_at_without_the_databases_directory)
{
    struct service *service = place_open(&place, (struct service_config){.repo = NULL});
    struct service_config config = {.source = "/nowhere/at/all/app.db",
                                    .repo = place.repo,
                                    .read_only = true,
                                    .source_optional = true,
                                    .compress = CODEC_DEFAULT};

    service_free(service);
    ck_assert_int_eq(service_new(&config, &service, NULL), 0);
    ck_assert_int_eq(service_status(service, &out, NULL), 0);
    assert_contains(&out, "source       /nowhere/at/all/app.db\n");
    service_free(service);
}
END_TEST

START_TEST(the_second_writer_is_told_of_the_first)
{
    struct service *service = open_mounted(), *second = NULL;
    struct service_config config = {.source = place.database, .compress = CODEC_DEFAULT};
    struct err err = ERR_INIT;

    ck_assert_int_eq(service_new(&config, &second, &err), -EBUSY);
    ck_assert_ptr_nonnull(strstr(err.text, "mount at /mnt/app"));
    service_free(service);
}
END_TEST

START_TEST(what_only_looks_writes_nothing)
{
    struct service *service = open_mounted();

    ck_assert_int_eq(place_run(service, "backup", &out), 0);
    service_free(service);
    service = place_open(&place, (struct service_config){.read_only = true});
    ck_assert_int_eq(place_run(service, "backup", &out), -EROFS);
    ck_assert_str_eq(buf_text(&out), "error: backup: mounted read-only\n");
    ck_assert_int_eq(place_run(service, "verify", &out), 0);
    buf_clear(&out);
    ck_assert_int_eq(service_log(service, &out, NULL), 0);
    ck_assert_ptr_null(strstr(buf_text(&out), "verify"));
    service_free(service);
}
END_TEST

START_TEST(lines_without_a_command_change_nothing)
{
    struct service *service = open_mounted();

    ck_assert_int_eq(place_run(service, "cancel", &out), 0);
    ck_assert_str_eq(buf_text(&out), "ok nothing is running\n");
    ck_assert_int_eq(place_run(service, "# a comment", &out), 0);
    ck_assert_int_eq(place_run(service, "  ", &out), 0);
    ck_assert_uint_eq(out.len, 0);
    service_last_result(service, &out);
    ck_assert_str_eq(buf_text(&out), "ok nothing is running\n");
    service_free(service);
}
END_TEST

START_TEST(a_mistake_is_answered_logged_and_remembered)
{
    struct service *service = open_mounted();
    struct buf text = BUF_INIT;

    ck_assert_int_eq(place_run(service, "backup lable=x", &out), -EINVAL);
    assert_begins(&out, "error: backup: unknown word \"lable=x\"; known: note=TEXT");
    service_last_result(service, &text);
    ck_assert_str_eq(buf_text(&text), buf_text(&out));
    buf_clear(&text);
    ck_assert_int_eq(service_log(service, &text, NULL), 0);
    assert_contains(&text, "Z control error: backup: unknown word \"lable=x\"");
    buf_clear(&text);
    ck_assert_int_eq(service_status_json(service, &text, NULL), 0);
    assert_contains(&text, "\"code\": \"EINVAL\"");
    assert_contains(&text, "\"failed\": 1");
    buf_free(&text);
    service_free(service);
}
END_TEST

START_TEST(help_lists_the_verbs)
{
    struct service *service = open_mounted();

    ck_assert_int_eq(place_run(service, "help", &out), 0);
    assert_begins(&out,
                  "ok commands are\nbackup [note=TEXT] [if-changed] [check] [wait=no] [nowait]\n");
    assert_contains(&out, "\nverify [BACKUP|all] [deep] [wait=no] [nowait]\n");
    service_free(service);
}
END_TEST

static bool has_finished(void *arg)
{
    buf_clear(&out);
    service_last_result(arg, &out);
    return strcmp(buf_text(&out), "ok started\n") != 0;
}

START_TEST(a_backup_that_nobody_waits_for_tells_its_result_later)
{
    struct service *service = open_mounted();

    ck_assert_int_eq(place_run(service, "backup wait=no", &out), 0);
    ck_assert_str_eq(buf_text(&out), "ok started\n");
    ck_assert(place_wait(has_finished, service));
    assert_begins(&out, "ok 20");
    service_free(service);
}
END_TEST

START_TEST(without_a_mount_somebody_has_to_wait)
{
    struct service *service = place_open(&place, (struct service_config){.repo = NULL});

    ck_assert_int_eq(place_run(service, "backup wait=no", &out), -EINVAL);
    ck_assert_str_eq(buf_text(&out),
                     "error: wait=no needs a mount: without one nothing stays to run it\n");
    service_free(service);
}
END_TEST

START_TEST(the_end_undoes_what_nobody_waits_for)
{
    struct service *service = open_mounted();

    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(place_run(service, "backup wait=no", &out), 0);
    service_stop(service);
    ck_assert_int_eq(place_run(service, "backup", &out), -ESHUTDOWN);
    ck_assert_str_eq(buf_text(&out), "error: no command is taken any more: the mount is ending\n");
    service_free(service);
}
END_TEST

/* Many threads that back up and look at once: sanitizers watch. */
static void *work(void *arg)
{
    struct service *service = arg;
    struct buf text = BUF_INIT;

    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(service_command(service, "backup if-changed", 17, NULL, &text), 0);
        ck_assert_int_eq(service_status(service, &text, NULL), 0);
        ck_assert_int_eq(service_status_json(service, &text, NULL), 0);
        (void)service_command(service, "verify nowait wait=no", 21, NULL, &text);
        service_last_result(service, &text);
        ck_assert_int_eq(service_log(service, &text, NULL), 0);
    }
    buf_free(&text);
    return NULL;
}

START_TEST(many_may_look_while_many_back_up)
{
    struct service *service = open_mounted();
    pthread_t threads[4];

    for (size_t i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, work, service), 0);
    for (size_t i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    service_free(service);
}
END_TEST

static bool is_checked(void *arg)
{
    struct backup_entry entry;
    bool checked;

    ck_assert_int_eq(repo_find(service_repo(arg), "latest", &entry, NULL), 0);
    checked = entry.checked_ns != 0 && strcmp(entry.check_result, "ok") == 0;
    backup_entry_free(&entry);
    return checked;
}

START_TEST(a_mount_checks_each_backup_in_the_background)
{
    struct service *service = open_mounted();

    ck_assert_int_eq(place_run(service, "backup", &out), 0);
    ck_assert(place_wait(is_checked, service));
    buf_clear(&out);
    ck_assert_int_eq(service_status(service, &out, NULL), 0);
    assert_contains(&out, "last check   ok, ");
    service_free(service);
}
END_TEST

static bool is_idle(struct service *service)
{
    buf_clear(&out);
    ck_assert_int_eq(service_status(service, &out, NULL), 0);
    return strstr(buf_text(&out), "now          idle");
}

START_TEST(a_mount_is_not_idle_while_a_backup_is_to_be_checked)
{
    struct service *service = open_mounted();

    for (int i = 0; i < 10; i++) {
        ck_assert_int_eq(place_run(service, "backup", &out), 0);
        while (!is_idle(service))
            usleep(1000);
        ck_assert(is_checked(service));
    }
    service_free(service);
}
END_TEST

START_TEST(a_mount_checks_what_was_backed_up_without_it)
{
    struct service *service = place_open(&place, (struct service_config){.repo = NULL});

    ck_assert_int_eq(place_run(service, "backup", &out), 0);
    ck_assert(!is_checked(service));
    service_free(service);
    service = open_mounted();
    ck_assert(place_wait(is_checked, service));
    service_free(service);
}
END_TEST

Suite *suite_service_service(void)
{
    Suite *suite = suite_create("service/service");
    TCase *tests = tcase_create("service");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, the_repository_lies_beside_the_database);
    tcase_add_test(tests, a_missing_database_makes_no_repository);
    tcase_add_test(tests, backups_can_be_looked_at_without_the_database);
    tcase_add_test(tests, backups_can_be_looked_at_without_the_databases_directory);
    tcase_add_test(tests, the_second_writer_is_told_of_the_first);
    tcase_add_test(tests, what_only_looks_writes_nothing);
    tcase_add_test(tests, lines_without_a_command_change_nothing);
    tcase_add_test(tests, a_mistake_is_answered_logged_and_remembered);
    tcase_add_test(tests, help_lists_the_verbs);
    tcase_add_test(tests, a_backup_that_nobody_waits_for_tells_its_result_later);
    tcase_add_test(tests, without_a_mount_somebody_has_to_wait);
    tcase_add_test(tests, the_end_undoes_what_nobody_waits_for);
    tcase_add_test(tests, many_may_look_while_many_back_up);
    tcase_add_test(tests, a_mount_checks_each_backup_in_the_background);
    tcase_add_test(tests, a_mount_is_not_idle_while_a_backup_is_to_be_checked);
    tcase_add_test(tests, a_mount_checks_what_was_backed_up_without_it);
    suite_add_tcase(suite, tests);
    return suite;
}
