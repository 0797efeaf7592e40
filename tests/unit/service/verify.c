/*
 * src/service/verify.c
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dbsnapfs/service/service.h"
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

/* Turns the bits of a byte in the middle of the first segment. */
static void damage(void)
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

    damage();
    ck_assert_int_eq(place_run(service, "verify", &out), -EBADMSG);
    assert_begins(&out, "error: ");
    assert_contains(&out, "damaged\n");
    assert_contains(&out, ".seg: ");
    ck_assert_int_eq(service_status(service, &status, NULL), 0);
    assert_contains(&status, " verify: ");
    buf_free(&status);
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
    suite_add_tcase(suite, tests);
    return suite;
}
