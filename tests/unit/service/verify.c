/*
 * src/service/verify.c
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dbsnapfs/service/service.h"
#include "dbsnapfs/store/repo.h"
#include "service/support.h"

static struct place place;
static struct service *service;
static struct buf out = BUF_INIT;

static void set_up(void)
{
    place_set_up(&place);
    service = place_open(&place, (struct service_config){.repo = NULL});
    ck_assert_int_eq(place_run(service, "backup", &out), 0);
}

static void tear_down(void)
{
    service_free(service);
    buf_free(&out);
    place_tear_down(&place);
}

/* Turns the bits of a byte in the middle of the first segment; the second time they are as before. */
static void turn_bits(void)
{
    struct buf path = BUF_INIT;
    unsigned char byte;
    struct stat st;
    int fd;

    buf_addf(&path, "%s/segments", place.repo);
    buf_addf(&path, "/%010d.seg", 1);
    fd = open(buf_text(&path), O_RDWR | O_CLOEXEC);
    if (fd < 0)
        ck_abort_msg("no segment %s", buf_text(&path));
    ck_assert_int_eq(fstat(fd, &st), 0);
    ck_assert_int_eq(pread(fd, &byte, 1, st.st_size / 2), 1);
    byte = (unsigned char)~byte;
    ck_assert_int_eq(pwrite(fd, &byte, 1, st.st_size / 2), 1);
    (void)close(fd);
    buf_free(&path);
}

/* Another database in the place of the first one, with two tables, one of which cannot be read. */
static void damage_database(void)
{
    static const unsigned char rubbish[4096] = {0x5a, 0x5a, 0x5a};
    int fd;

    place_sql(&place, "CREATE TABLE bad(a); INSERT INTO bad VALUES(1);"
                      "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET rootpage ="
                      " (SELECT page_count FROM pragma_page_count) WHERE name = 'bad'");
    fd = open(place.database, O_WRONLY | O_APPEND | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    (void)close(fd);
    fd = open(place.database, O_RDWR | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    off_t end = lseek(fd, 0, SEEK_END);
    ck_assert_int_eq(pwrite(fd, rubbish, sizeof(rubbish), end - (off_t)sizeof(rubbish)),
                     sizeof(rubbish));
    (void)close(fd);
}

static const char *result_of(const char *name, bool *ret_checked)
{
    static char result[400];
    struct backup_entry entry;

    ck_assert_int_eq(repo_find(service_repo(service), name, &entry, NULL), 0);
    snprintf(result, sizeof(result), "%s", entry.check_result);
    *ret_checked = entry.checked_ns != 0;
    backup_entry_free(&entry);
    return result;
}

START_TEST(a_whole_repository_has_no_damage)
{
    ck_assert_int_eq(place_run(service, "verify", &out), 0);
    assert_begins(&out, "ok 1 backup, ");
    assert_contains(&out, " read, no damage\n");
    ck_assert_int_eq(place_run(service, "verify all", &out), 0);
    ck_assert_int_eq(place_run(service, "verify latest nowait", &out), 0);
    assert_begins(&out, "ok 1 backup, ");
}
END_TEST

START_TEST(a_backup_that_is_not_there_cannot_be_verified)
{
    ck_assert_int_eq(place_run(service, "verify 2001-01-01T00-00-00Z", &out), -ENOENT);
    assert_begins(&out, "error: ");
    assert_contains(&out, "2001-01-01T00-00-00Z");
}
END_TEST

START_TEST(damage_is_named_line_by_line)
{
    struct buf status = BUF_INIT;

    turn_bits();
    ck_assert_int_eq(place_run(service, "verify", &out), -EBADMSG);
    assert_begins(&out, "error: ");
    assert_contains(&out, "damaged\n");
    assert_contains(&out, ".seg: ");
    ck_assert_int_eq(service_status(service, &status, NULL), 0);
    assert_contains(&status, " verify: ");
    buf_free(&status);
}
END_TEST

START_TEST(what_sqlite_has_not_looked_over_is_not_called_good)
{
    bool checked = true;

    ck_assert_int_eq(place_run(service, "verify", &out), 0);
    ck_assert_str_eq(result_of("latest", &checked), "");
    ck_assert(!checked);
    ck_assert_int_eq(place_run(service, "verify latest", &out), 0);
    ck_assert_str_eq(result_of("latest", &checked), "");
    ck_assert_int_eq(place_run(service, "verify deep", &out), 0);
    assert_contains(&out, "no damage, and SQLite finds none");
    ck_assert_str_eq(result_of("latest", &checked), "ok");
    ck_assert(checked);
    ck_assert_int_eq(place_run(service, "verify", &out), 0);
    ck_assert_str_eq(result_of("latest", &checked), "ok");
}
END_TEST

START_TEST(a_damaged_database_that_was_stored_well_is_not_called_good)
{
    bool checked = false;

    damage_database();
    ck_assert_int_eq(place_run(service, "backup", &out), 0);
    ck_assert_int_eq(place_run(service, "verify latest deep", &out), -EBADMSG);
    assert_begins(&out, "error: 1 backup is not good\nbackup ");
    assert_contains(&out, ": SQLite: ");
    ck_assert_int_eq(strncmp(result_of("latest", &checked), "SQLite: ", 8), 0);
    ck_assert(checked);
    ck_assert_int_eq(place_run(service, "verify", &out), 0);
    ck_assert_int_eq(strncmp(result_of("latest", &checked), "SQLite: ", 8), 0);
    ck_assert_int_eq(place_run(service, "verify latest", &out), 0);
    ck_assert_int_eq(strncmp(result_of("latest", &checked), "SQLite: ", 8), 0);
    ck_assert_int_eq(place_run(service, "verify deep", &out), -EBADMSG);
    assert_begins(&out, "error: 1 backup is not good\nbackup ");
}
END_TEST

START_TEST(damage_that_is_mended_has_to_be_looked_over_again)
{
    bool checked = false;

    ck_assert_int_eq(place_run(service, "verify deep", &out), 0);
    turn_bits();
    ck_assert_int_eq(place_run(service, "verify deep", &out), -EBADMSG);
    ck_assert_ptr_nonnull(strstr(result_of("latest", &checked), ".seg: "));
    turn_bits();
    ck_assert_int_eq(place_run(service, "verify", &out), 0);
    ck_assert_str_eq(result_of("latest", &checked), "");
    ck_assert(!checked);
}
END_TEST

START_TEST(a_backup_after_one_that_is_damaged_shares_nothing_with_it)
{
    bool checked = false;

    turn_bits();
    ck_assert_int_eq(place_run(service, "verify", &out), -EBADMSG);
    ck_assert_int_eq(place_run(service, "backup check", &out), 0);
    ck_assert_str_eq(result_of("latest", &checked), "ok");
    ck_assert_int_eq(place_run(service, "backup if-changed", &out), 0);
    assert_begins(&out, "ok skipped: ");
}
END_TEST

Suite *suite_service_verify(void)
{
    Suite *suite = suite_create("service/verify");
    TCase *tests = tcase_create("verify");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_whole_repository_has_no_damage);
    tcase_add_test(tests, a_backup_that_is_not_there_cannot_be_verified);
    tcase_add_test(tests, damage_is_named_line_by_line);
    tcase_add_test(tests, what_sqlite_has_not_looked_over_is_not_called_good);
    tcase_add_test(tests, a_damaged_database_that_was_stored_well_is_not_called_good);
    tcase_add_test(tests, damage_that_is_mended_has_to_be_looked_over_again);
    tcase_add_test(tests, a_backup_after_one_that_is_damaged_shares_nothing_with_it);
    suite_add_tcase(suite, tests);
    return suite;
}
