/*
 * src/service/facts.c and background.c: what is found out about a backup when nobody waits.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dbsnapfs/service/changes.h"
#include "dbsnapfs/service/facts.h"
#include "dbsnapfs/service/service.h"
#include "dbsnapfs/store/repo.h"
#include "dbsnapfs/table/rendering.h"
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

/* Text with a line end and with all that could stand for one is SQL of another length there. */
START_TEST(rows_in_another_encoding_are_measured_anew)
{
    static const char table[] = "CREATE TABLE m(id INTEGER PRIMARY KEY, x TEXT);"
                                "INSERT INTO m VALUES(1, char(13) || '\\r\\r1\\r2\\r3')";
    struct buf sql = BUF_INIT;
    struct service *service;

    place_sql(&place, table);
    service = open_mounted();
    back_up(service);
    service_free(service);
    ck_assert_int_eq(remove(place.database), 0);
    buf_addf(&sql, "PRAGMA encoding = 'UTF-16le'; %s", table);
    place_sql(&place, buf_text(&sql));
    service = open_mounted();
    back_up(service);
    assert_sizes(service, 2, "m");
    service_free(service);
    buf_free(&sql);
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

/* Of another version of ours, and of another library's. */
START_TEST(sizes_of_another_version_are_measured_again)
{
    static const char of_another[] = "sqlite 3.0.0\n1\n1:t 1 2 3 4\n";
    struct service *service = place_open(&place, (struct service_config){.repo = NULL});
    struct repo *repo = service_repo(service);
    struct buf fact = BUF_INIT;
    struct row_sizes sizes;

    ck_assert_int_eq(place_run(service, "backup", &out), 0);
    buf_add_text(&fact, "0\n1:t 1 2 3 4\n");
    if (_i == 0)
        ck_assert_int_eq(noted_put(repo, 1, FACT_SIZES, &fact, NULL), 0);
    else
        ck_assert_int_eq(repo_note_fact(repo, 1, FACT_SIZES, of_another, strlen(of_another), NULL),
                         0);
    buf_free(&fact);
    ck_assert_int_eq(find(service, 1, "t", &sizes), -ENOENT);
    service_free(service);
    service = open_mounted();
    ck_assert(place_wait(newest_is_known, service));
    assert_sizes(service, 1, "t");
    service_free(service);
}
END_TEST

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
    place_damage(&place);
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

START_TEST(a_table_that_cannot_be_compared_is_logged_once_for_a_backup)
{
    struct service *service = place_open(&place, (struct service_config){.repo = NULL});

    place_sql(&place, "CREATE TABLE u(x)");
    ck_assert_int_eq(place_run(service, "backup", &out), 0);
    place_sql(&place, "ALTER TABLE t ADD COLUMN z DEFAULT 5");
    ck_assert_int_eq(place_run(service, "backup", &out), 0);
    service_free(service);
    place_damage(&place);
    service = open_mounted();
    ck_assert(place_wait(newest_is_known, service));
    for (unsigned i = 0; i < 3; i++) {
        place_sql(&place, "INSERT INTO u VALUES(1)");
        back_up(service);
    }
    assert_sizes(service, 5, "u");
    /* of the damaged one, and of the next, which is compared with that */
    ck_assert_uint_eq(count_lines(service, ": changes: "), 2);
    service_free(service);
}
END_TEST

/* ---- in a catalog that is damaged ---- */

/* Its bytes. */
static void read_catalog(char *ret_path, size_t size, struct buf *ret_bytes)
{
    FILE *file;
    int c;

    (void)snprintf(ret_path, size, "%s/catalog.sqlite", place.repo);
    file = fopen(ret_path, "re");
    ck_assert_ptr_nonnull(file);
    while ((c = getc(file)) != EOF)
        buf_add_char(ret_bytes, (char)c);
    (void)fclose(file);
}

static void put_byte(const char *path, size_t at, char byte)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pwrite(fd, &byte, 1, (off_t)at), 1);
    (void)close(fd);
}

/* What is noted of backup 2, or nothing where an error is all there is. */
static void assert_right_or_unknown(struct repo *repo, const char *kind, const struct buf *right,
                                    unsigned *unknown)
{
    struct buf fact = BUF_INIT;
    int code = repo_find_fact(repo, 2, kind, &fact, NULL);

    ck_assert(code == 0 || code == -EBADMSG);
    if (code == 0) {
        ck_assert_uint_eq(fact.len, right->len);
        ck_assert_mem_eq(buf_text(&fact), buf_text(right), right->len);
    }
    *unknown += code != 0;
    buf_free(&fact);
}

static void assert_changes_are_right(struct repo *repo)
{
    struct backup_changes changes = {.before_id = 0};

    ck_assert_int_eq(backup_changes_find(repo, 2, &changes, NULL), -ENOENT);
    ck_assert_int_eq(backup_changes_make(repo, 2, NULL, false, &changes, NULL), 0);
    ck_assert_uint_eq(changes.count, 1);
    ck_assert_uint_eq(changes.tables[0].counts.deleted, 3);
    backup_changes_free(&changes);
}

START_TEST(a_bit_that_turns_in_what_is_noted_is_noticed_and_worked_out_anew)
{
    static const char *const kinds[] = {FACT_SIZES, FACT_CHANGES};
    struct service *service = open_mounted();
    struct buf bytes = BUF_INIT, facts[2] = {BUF_INIT, BUF_INIT};
    const char *catalog;
    char path[120];
    unsigned unknown = 0, turned = 0;

    back_up(service);
    place_sql(&place, "DELETE FROM t WHERE a < 4");
    back_up(service);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(repo_find_fact(service_repo(service), 2, kinds[i], &facts[i], NULL), 0);
    service_free(service);
    read_catalog(path, sizeof path, &bytes);
    catalog = buf_text(&bytes);
    for (int i = 0; i < 2; i++) {
        const char *fact = memmem(catalog, bytes.len, buf_text(&facts[i]), facts[i].len);

        ck_assert_ptr_nonnull(fact);
        for (size_t at = (size_t)(fact - catalog), end = at + facts[i].len; at < end; at++) {
            put_byte(path, at, (char)(catalog[at] ^ (1 << at % 8)));
            service = place_open(&place, (struct service_config){.repo = NULL});
            for (int kind = 0; kind < 2; kind++)
                assert_right_or_unknown(service_repo(service), kinds[kind], &facts[kind], &unknown);
            assert_changes_are_right(service_repo(service));
            service_free(service);
            put_byte(path, at, catalog[at]);
            turned++;
        }
    }
    ck_assert_uint_eq(unknown, 2 * turned); /* both are in one page */
    for (int i = 0; i < 2; i++)
        buf_free(&facts[i]);
    buf_free(&bytes);
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
    tcase_add_test(tests, rows_in_another_encoding_are_measured_anew);
    tcase_add_test(tests, the_newest_backup_is_measured_when_the_service_starts);
    tcase_add_loop_test(tests, sizes_of_another_version_are_measured_again, 0, 2);
    tcase_add_test(tests, a_damaged_table_is_logged_once_and_the_others_are_measured);
    tcase_add_test(tests, a_table_that_cannot_be_compared_is_logged_once_for_a_backup);
    tcase_add_test(tests, a_bit_that_turns_in_what_is_noted_is_noticed_and_worked_out_anew);
    tcase_add_test(tests, a_reader_measures_nothing_in_the_background);
    suite_add_tcase(suite, tests);
    return suite;
}
