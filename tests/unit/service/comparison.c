/*
 * src/service/comparison.c, and what changes.c makes of it where something cannot be read.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dbsnapfs/service/changes.h"
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

static void back_up(struct service *service, const char *sql)
{
    place_sql(&place, sql);
    ck_assert_int_eq(place_run(service, "backup", &out), 0);
}

static struct service *open_unmounted(void)
{
    return place_open(&place, (struct service_config){.repo = NULL});
}

/* Two backups, between which something in t changed, and u got a row. */
static void back_up_twice(const char *sql)
{
    struct service *service = open_unmounted();

    back_up(service, "CREATE TABLE u(x)");
    back_up(service, sql);
    service_free(service);
}

static void assert_only_t_is_unreadable(const struct backup_changes *changes, const char *why)
{
    const struct table_change *t = backup_changes_table(changes, "t");
    const struct table_change *u = backup_changes_table(changes, "u");

    ck_assert_uint_eq(changes->count, 2);
    ck_assert_ptr_nonnull(t);
    ck_assert_ptr_nonnull(u);
    ck_assert_ptr_nonnull(t->unreadable);
    ck_assert_msg(strstr(t->unreadable, why) != NULL, "%s", t->unreadable);
    ck_assert(!t->counts.has_added && !table_change_none(t));
    ck_assert_ptr_null(u->unreadable);
    ck_assert_uint_eq(u->counts.inserted, 1);
}

/* Its rows are looked at one by one, or by pages. */
static const char *const ways[] = {
    "ALTER TABLE t ADD COLUMN z DEFAULT 5; INSERT INTO u VALUES(1)",
    "UPDATE t SET b = 'x' WHERE a % 20 = 0; INSERT INTO u VALUES(1)",
};

START_TEST(a_table_that_is_damaged_in_the_repository_is_noted_and_harms_no_other)
{
    struct service *service;
    struct backup_changes changes;

    back_up_twice(ways[_i]);
    place_damage(&place);
    service = open_unmounted();
    ck_assert_int_eq(backup_changes_make(service_repo(service), 2, NULL, false, &changes, NULL), 0);
    assert_only_t_is_unreadable(&changes, ".seg: the checksum of the record at ");
    backup_changes_free(&changes);
    ck_assert_int_eq(backup_changes_find(service_repo(service), 2, &changes, NULL), 0);
    assert_only_t_is_unreadable(&changes, ".seg: the checksum of the record at ");
    backup_changes_free(&changes);
    service_free(service);
}
END_TEST

/* Each number in it is what it is where nothing is damaged; or the table is said to be unreadable. */
static void assert_right_or_unreadable(const struct backup_changes *changes,
                                       const struct backup_changes *sound)
{
    for (size_t i = 0; i < sound->count; i++)
        ck_assert_ptr_nonnull(backup_changes_table(changes, sound->tables[i].name));
    for (size_t i = 0; i < changes->count; i++) {
        const struct table_change *change = &changes->tables[i];
        const struct table_change *right = backup_changes_table(sound, change->name);

        ck_assert_msg(change->unreadable || right, "%s did not change", change->name);
        if (!change->unreadable)
            ck_assert_mem_eq(&change->counts, &right->counts, sizeof right->counts);
    }
}

static size_t count_unreadable(const struct backup_changes *changes)
{
    size_t count = 0;

    for (size_t i = 0; i < changes->count; i++)
        count += changes->tables[i].unreadable != NULL;
    return count;
}

/* Turns a bit of a byte over. */
static void turn_bit(const char *path, off_t at)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    char byte;

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pread(fd, &byte, 1, at), 1);
    byte ^= 0x10;
    ck_assert_int_eq(pwrite(fd, &byte, 1, at), 1);
    (void)close(fd);
}

static int make_anew(struct backup_changes *ret_changes)
{
    struct service *service = open_unmounted();
    int code = backup_changes_make(service_repo(service), 2, NULL, false, ret_changes, NULL);

    service_free(service);
    return code;
}

static void make_places_to_damage(void)
{
    struct service *service = open_unmounted();

    back_up(service,
            "CREATE TABLE w(k TEXT PRIMARY KEY, v) WITHOUT ROWID; CREATE TABLE o(b);"
            "INSERT INTO w SELECT 'key ' || a, b FROM t WHERE a < 1500;"
            "INSERT INTO o SELECT randomblob(20000) FROM t WHERE a < 40; CREATE TABLE u(x);"
            "CREATE TABLE same(id INTEGER PRIMARY KEY, b); INSERT INTO same SELECT * FROM t");
    back_up(service, "UPDATE t SET b = 'x' WHERE a % 20 = 0; UPDATE w SET v = a FROM t"
                     " WHERE k = 'key ' || (a * 100); INSERT INTO u VALUES(1);"
                     "UPDATE o SET b = randomblob(20000) WHERE rowid % 7 = 0");
    service_free(service);
}

START_TEST(wherever_the_repository_is_damaged_no_table_is_told_wrong)
{
    struct backup_changes sound = {.before_id = 0}, changes = {.before_id = 0};
    unsigned of_all = 0, of_some = 0;
    char path[120];
    struct stat st;

    make_places_to_damage();
    ck_assert_int_eq(make_anew(&sound), 0);
    ck_assert_uint_eq(sound.count, 4);
    ck_assert_uint_eq(count_unreadable(&sound), 0);
    (void)snprintf(path, sizeof path, "%s/segments/%010d.seg", place.repo, _i);
    ck_assert_int_eq(stat(path, &st), 0);
    for (off_t i = 0; i < 60; i++) {
        off_t at = (st.st_size - 1) * i / 59;
        int code;

        turn_bit(path, at);
        code = make_anew(&changes);
        turn_bit(path, at);
        ck_assert(code == 0 || code == -EBADMSG);
        of_all += code != 0;
        if (code != 0)
            continue;
        assert_right_or_unreadable(&changes, &sound);
        of_some += count_unreadable(&changes) > 0 && count_unreadable(&changes) < changes.count;
        backup_changes_free(&changes);
    }
    ck_assert_uint_lt(of_all, 30);
    ck_assert_uint_gt(of_some, 10);
    backup_changes_free(&sound);
}
END_TEST

/* Where segment 2 has the second part of its map, of blocks from 1024 on. */
static off_t find_map(void)
{
    static const char sql[] = "SELECT offset FROM map_shards WHERE backup_id = 2 AND shard = 1";
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    char path[120];
    off_t at;

    (void)snprintf(path, sizeof path, "%s/catalog.sqlite", place.repo);
    ck_assert_int_eq(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(stmt), SQLITE_ROW);
    at = (off_t)sqlite3_column_int64(stmt, 0);
    ck_assert_int_eq(sqlite3_finalize(stmt), SQLITE_OK);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
    return at;
}

START_TEST(a_damaged_part_of_a_map_leaves_the_tables_of_the_others)
{
    struct service *service = open_unmounted();
    struct backup_changes changes = {.before_id = 0};
    char path[120];

    back_up(service, "CREATE TABLE pad(b); INSERT INTO pad VALUES(randomblob(5000000));"
                     "CREATE TABLE far(x); INSERT INTO far VALUES(randomblob(5000000));");
    back_up(service, "DELETE FROM t WHERE a = 7; INSERT INTO far VALUES(1)");
    service_free(service);
    (void)snprintf(path, sizeof path, "%s/segments/0000000002.seg", place.repo);
    turn_bit(path, find_map() + 36);
    ck_assert_int_eq(make_anew(&changes), 0);
    ck_assert_ptr_null(backup_changes_table(&changes, "t")->unreadable);
    ck_assert_uint_eq(backup_changes_table(&changes, "t")->counts.deleted, 1);
    ck_assert_ptr_nonnull(backup_changes_table(&changes, "far")->unreadable);
    backup_changes_free(&changes);
}
END_TEST

START_TEST(a_table_that_sqlite_refuses_to_read_is_noted_and_harms_no_other)
{
    struct service *service = open_unmounted();
    struct backup_changes changes;

    back_up(service, "DROP TABLE t; CREATE TABLE u(x); CREATE TABLE t(a, b AS (a));"
                     "INSERT INTO t VALUES(-9223372036854775808)");
    back_up(service, "INSERT INTO u VALUES(1); PRAGMA writable_schema = ON;"
                     "UPDATE sqlite_schema SET sql = 'CREATE TABLE t(a, b AS (abs(a)))' "
                     "WHERE name = 't'");
    ck_assert_int_eq(backup_changes_make(service_repo(service), 2, NULL, true, &changes, NULL), 0);
    assert_only_t_is_unreadable(&changes, "integer overflow");
    backup_changes_free(&changes);
    service_free(service);
}
END_TEST

/* Reading any segment that is open fails from now on, as /proc/self/mem does where nothing is. */
static void break_disk(void)
{
    int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    unsigned count = 0;

    ck_assert_int_ge(memory, 0);
    for (int fd = 0; fd < 256; fd++) {
        char link[40], target[200] = "";

        (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        if (readlink(link, target, sizeof target - 1) < 0 || !strstr(target, ".seg"))
            continue;
        ck_assert_int_eq(dup2(memory, fd), fd);
        count++;
    }
    (void)close(memory);
    ck_assert_uint_eq(count, 2);
}

START_TEST(a_disk_that_fails_is_no_fault_of_a_table)
{
    struct service *service;
    struct comparison *comparison = NULL;
    struct backup_changes changes;
    struct err err = ERR_INIT;

    back_up_twice(ways[_i]);
    service = open_unmounted();
    /* The schemas are in memory then. */
    ck_assert_int_eq(comparison_open(service_repo(service), 1, 2, NULL, false, &comparison, NULL),
                     0);
    break_disk();
    ck_assert_int_eq(backup_changes_make(service_repo(service), 2, NULL, false, &changes, &err),
                     -EIO);
    ck_assert_ptr_nonnull(strstr(err.text, "cannot read at byte"));
    ck_assert_int_eq(backup_changes_find(service_repo(service), 2, &changes, NULL), -ENOENT);
    comparison_close(comparison);
    service_free(service);
}
END_TEST

Suite *suite_service_comparison(void);
Suite *suite_service_comparison(void)
{
    Suite *suite = suite_create("service/comparison");
    TCase *tests = tcase_create("comparison");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(
        tests, a_table_that_is_damaged_in_the_repository_is_noted_and_harms_no_other, 0, 2);
    tcase_add_loop_test(tests, wherever_the_repository_is_damaged_no_table_is_told_wrong, 1, 3);
    tcase_add_test(tests, a_table_that_sqlite_refuses_to_read_is_noted_and_harms_no_other);
    tcase_add_loop_test(tests, a_disk_that_fails_is_no_fault_of_a_table, 0, 2);
    tcase_add_test(tests, a_damaged_part_of_a_map_leaves_the_tables_of_the_others);
    suite_add_tcase(suite, tests);
    return suite;
}
