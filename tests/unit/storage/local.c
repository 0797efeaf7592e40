/*
 * src/storage/local.c
 */
#include "dbsnapfs/storage.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dbsnapfs/util/err.h"

static char folder[64], path[80];
static struct storage *storage;

static void set_up(void)
{
    (void)snprintf(folder, sizeof folder, "/tmp/dbsnapfs-storage-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/objects", folder);
    ck_assert_int_eq(storage_open(path, 1, &storage, NULL), 0);
}

static void tear_down(void)
{
    char command[96];

    storage_close(storage);
    (void)snprintf(command, sizeof command, "rm -rf %s", folder);
    ck_assert_int_eq(system(command), 0); // NOLINT(cert-env33-c)
}

static void put(const char *name, const char *text)
{
    struct storage_upload *upload = NULL;

    ck_assert_int_eq(storage_begin(storage, name, &upload, NULL), 0);
    ck_assert_int_eq(storage_write(upload, text, strlen(text), NULL), 0);
    ck_assert_int_eq(storage_commit(upload, NULL), 0);
}

static void assert_error(int code, int expected, const struct err *err, const char *part)
{
    ck_assert_int_eq(code, expected);
    ck_assert_msg(strstr(err->text, part) != NULL, "\"%s\" does not hold \"%s\"", err->text, part);
}

START_TEST(an_object_is_there_when_it_is_committed_and_not_before)
{
    struct storage_upload *upload = NULL;
    struct err err = ERR_INIT;
    char bytes[4];
    uint64_t size = 0;

    ck_assert_int_eq(storage_begin(storage, "a.seg", &upload, NULL), 0);
    ck_assert_int_eq(storage_write(upload, "hello", 5, NULL), 0);
    assert_error(storage_read(storage, "a.seg", 0, bytes, 1, &err), -ENOENT, &err,
                 "a.seg: No such file");
    ck_assert_int_eq(storage_commit(upload, NULL), 0);
    ck_assert_int_eq(storage_read(storage, "a.seg", 1, bytes, 4, NULL), 0);
    ck_assert_mem_eq(bytes, "ello", 4);
    ck_assert_int_eq(storage_size(storage, "a.seg", &size, NULL), 0);
    ck_assert_uint_eq(size, 5);
}
END_TEST

START_TEST(a_read_behind_the_end_is_damage_and_names_the_place)
{
    struct err err = ERR_INIT;
    char bytes[16];

    put("a", "hello");
    assert_error(storage_read(storage, "a", 2, bytes, 10, &err), -EBADMSG, &err,
                 "objects/a: the file ends at byte 5, 7 more were there");
    assert_error(storage_read(storage, "a", UINT64_MAX - 3, bytes, 2, &err), -EBADMSG, &err,
                 "objects/a: there is no byte");
}
END_TEST

START_TEST(an_aborted_upload_leaves_nothing)
{
    struct storage_upload *upload = NULL;

    ck_assert_int_eq(storage_begin(storage, "a", &upload, NULL), 0);
    ck_assert_int_eq(storage_write(upload, "hello", 5, NULL), 0);
    storage_abort(upload);
    storage_abort(NULL);
    ck_assert_int_eq(rmdir(path), 0);
}
END_TEST

static int count(void *arg, const char *name)
{
    unsigned *seen = arg;

    *seen += strcmp(name, "a") == 0 ? 1 : strcmp(name, "b") == 0 ? 16 : 256;
    return 0;
}

START_TEST(a_list_has_objects_and_no_temporary_files)
{
    char left[128];
    unsigned seen = 0;

    put("a", "1");
    put("b", "2");
    (void)snprintf(left, sizeof left, "%s/c.tmp", path);
    (void)fclose(fopen(left, "we"));
    ck_assert_int_eq(storage_list(storage, count, &seen, NULL), 0);
    ck_assert_uint_eq(seen, 17);
    ck_assert_int_eq(storage_clean(storage, NULL), 0);
    ck_assert_int_ne(access(left, F_OK), 0);
    ck_assert_int_eq(storage_read(storage, "a", 0, left, 1, NULL), 0);
}
END_TEST

START_TEST(a_name_that_is_written_anew_is_read_anew)
{
    char bytes[3];

    put("a", "one");
    ck_assert_int_eq(storage_read(storage, "a", 0, bytes, 3, NULL), 0);
    put("a", "two");
    ck_assert_int_eq(storage_read(storage, "a", 0, bytes, 3, NULL), 0);
    ck_assert_mem_eq(bytes, "two", 3);
    ck_assert_int_eq(storage_delete(storage, "a", NULL), 0);
    ck_assert_int_eq(storage_read(storage, "a", 0, bytes, 3, NULL), -ENOENT);
    ck_assert_int_eq(storage_delete(storage, "a", NULL), 0); /* gone is gone */
}
END_TEST

START_TEST(more_objects_than_descriptors_are_kept_can_be_read)
{
    char name[16], byte;

    for (int i = 0; i < 200; i++) {
        (void)snprintf(name, sizeof name, "%d", i);
        put(name, name);
    }
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 200; i++) {
            (void)snprintf(name, sizeof name, "%d", i);
            ck_assert_int_eq(storage_read(storage, name, 0, &byte, 1, NULL), 0);
            ck_assert_int_eq(byte, name[0]);
        }
    }
}
END_TEST

Suite *suite_storage_local(void)
{
    Suite *suite = suite_create("storage/local");
    TCase *tests = tcase_create("local");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, an_object_is_there_when_it_is_committed_and_not_before);
    tcase_add_test(tests, a_read_behind_the_end_is_damage_and_names_the_place);
    tcase_add_test(tests, an_aborted_upload_leaves_nothing);
    tcase_add_test(tests, a_list_has_objects_and_no_temporary_files);
    tcase_add_test(tests, a_name_that_is_written_anew_is_read_anew);
    tcase_add_test(tests, more_objects_than_descriptors_are_kept_can_be_read);
    suite_add_tcase(suite, tests);
    return suite;
}
