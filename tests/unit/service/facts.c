/*
 * src/service/facts.c and background.c: what is found out about a backup when nobody waits.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/service/facts.h"
#include "dbsnapfs/service/service.h"
#include "dbsnapfs/store/repo.h"
#include "dbsnapfs/table/rendering.h"
#include "dbsnapfs/util/err.h"
#include "service/facts_support.h"
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

static void back_up(struct service *service)
{
    ck_assert_int_eq(place_run(service, "backup", &out), 0);
    ck_assert(place_wait(newest_is_known, service));
}

static int find(struct service *service, uint64_t id, const char *table, struct row_sizes *sizes)
{
    struct err err = ERR_INIT;
    int code = facts_find_sizes(service_repo(service), id, table, sizes, &err);

    ck_assert_str_eq(err.text, "");
    return code;
}

START_TEST(each_backup_gets_the_sizes_of_its_tables)
{
    struct service *service = open_mounted();
    struct row_sizes sizes;

    back_up(service);
    place_sql(&place, "DELETE FROM t WHERE a > 100; CREATE TABLE u(x); CREATE VIEW v AS SELECT 1;"
                      "CREATE VIRTUAL TABLE f USING fts5(x); INSERT INTO f VALUES('some text')");
    back_up(service);
    assert_sizes(service, 1, "t");
    assert_sizes(service, 2, "t");
    assert_sizes(service, 2, "u");
    assert_sizes(service, 2, "f");
    assert_sizes(service, 2, "f_content");
    ck_assert_int_eq(find(service, 2, "v", &sizes), -ENOENT);
    ck_assert_int_eq(find(service, 1, "u", &sizes), -ENOENT);
    service_free(service);
}
END_TEST

START_TEST(the_newest_backup_is_measured_when_the_service_starts)
{
    struct service *service = place_open(&place, (struct service_config){.repo = NULL});

    ck_assert_int_eq(place_run(service, "backup", &out), 0);
    ck_assert_int_eq(place_run(service, "backup", &out), 0);
    ck_assert(!newest_is_known(service));
    service_free(service);
    service = open_mounted();
    ck_assert(place_wait(newest_is_known, service));
    assert_sizes(service, 2, "t");
    service_free(service);
}
END_TEST

START_TEST(sizes_of_another_version_are_measured_again)
{
    struct service *service = place_open(&place, (struct service_config){.repo = NULL});

    ck_assert_int_eq(place_run(service, "backup", &out), 0);
    ck_assert_int_eq(repo_note_fact(service_repo(service), 1, FACT_SIZES, "0\n", 2, NULL), 0);
    service_free(service);
    service = open_mounted();
    ck_assert(place_wait(newest_is_known, service));
    assert_sizes(service, 1, "t");
    service_free(service);
}
END_TEST

/* Bytes in the middle of the first segment, where table t's rows are. */
static void damage_segment(void)
{
    char command[400];

    (void)snprintf(command, sizeof command,
                   "f=$(ls %s/segments/*.seg | head -n 1) && s=$(stat -c %%s $f) && "
                   "dd if=/dev/zero of=$f bs=1 seek=$((s / 2)) count=64 conv=notrunc status=none",
                   place.repo);
    ck_assert_int_eq(system(command), 0); // NOLINT(cert-env33-c)
}

static unsigned count_lines(struct service *service, const char *part)
{
    unsigned count = 0;

    buf_clear(&out);
    ck_assert_int_eq(service_log(service, &out, NULL), 0);
    for (const char *at = buf_text(&out); (at = strstr(at, part)); at++)
        count++;
    return count;
}

START_TEST(a_damaged_table_is_logged_once_and_the_others_are_measured)
{
    struct service *service = place_open(&place, (struct service_config){.repo = NULL});
    struct row_sizes sizes;

    place_sql(&place, "CREATE TABLE u(x); CREATE TABLE w(x)");
    ck_assert_int_eq(place_run(service, "backup", &out), 0);
    service_free(service);
    damage_segment();
    service = open_mounted();
    ck_assert(place_wait(newest_is_known, service));
    ck_assert_int_eq(find(service, 1, "t", &sizes), -ENOENT);
    assert_sizes(service, 1, "u");
    assert_sizes(service, 1, "w");
    ck_assert_uint_eq(count_lines(service, " sizes error: "), 1);
    ck_assert_uint_eq(count_lines(service, ": t: "), 1);
    service_free(service);
    service = open_mounted();
    ck_assert_int_eq(place_run(service, "verify", &out), -EBADMSG);
    ck_assert_uint_eq(count_lines(service, " sizes error: "), 1);
    service_free(service);
}
END_TEST

START_TEST(a_backup_that_cannot_be_compared_is_tried_once)
{
    struct service *service = place_open(&place, (struct service_config){.repo = NULL});

    place_sql(&place, "CREATE TABLE u(x)");
    ck_assert_int_eq(place_run(service, "backup", &out), 0);
    place_sql(&place, "ALTER TABLE t ADD COLUMN z DEFAULT 5");
    ck_assert_int_eq(place_run(service, "backup", &out), 0);
    service_free(service);
    damage_segment();
    service = open_mounted();
    ck_assert(place_wait(newest_is_known, service));
    for (unsigned i = 0; i < 3; i++) {
        place_sql(&place, "INSERT INTO u VALUES(1)");
        back_up(service);
    }
    assert_sizes(service, 5, "u");
    ck_assert_uint_eq(count_lines(service, ": changes: "), 1);
    service_free(service);
}
END_TEST

START_TEST(a_reader_measures_nothing_in_the_background)
{
    struct service *service = place_open(&place, (struct service_config){.repo = NULL});
    struct row_sizes sizes;

    ck_assert_int_eq(place_run(service, "backup", &out), 0);
    service_free(service);
    service =
        place_open(&place, (struct service_config){.mount_point = "/mnt/app", .read_only = true});
    ck_assert_int_eq(find(service, 1, "t", &sizes), -ENOENT);
    service_free(service);
}
END_TEST

Suite *suite_service_facts(void)
{
    Suite *suite = suite_create("service/facts");
    TCase *tests = tcase_create("facts");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, each_backup_gets_the_sizes_of_its_tables);
    tcase_add_test(tests, the_newest_backup_is_measured_when_the_service_starts);
    tcase_add_test(tests, sizes_of_another_version_are_measured_again);
    tcase_add_test(tests, a_damaged_table_is_logged_once_and_the_others_are_measured);
    tcase_add_test(tests, a_backup_that_cannot_be_compared_is_tried_once);
    tcase_add_test(tests, a_reader_measures_nothing_in_the_background);
    suite_add_tcase(suite, tests);
    return suite;
}
