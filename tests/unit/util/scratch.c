/*
 * src/util/scratch.c
 */
#include "dbsnapfs/util/scratch.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

Suite *suite_util_scratch(void);

static int entries(const char *folder)
{
    DIR *dir = opendir(folder);
    int count = -2; /* . and .. */

    ck_assert_ptr_nonnull(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

START_TEST(a_scratch_file_has_no_name_and_is_its_owners_alone)
{
    char folder[] = "/tmp/dbsnapfs-scratch-XXXXXX";
    struct stat st;
    int fd = -1;

    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(scratch_open(folder, &fd), 0);
    ck_assert_int_eq(entries(folder), 0);
    ck_assert_int_eq(fstat(fd, &st), 0);
    ck_assert_uint_eq(st.st_nlink, 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0600);
    close(fd);
    ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

START_TEST(what_is_written_anywhere_is_read_back_up_to_the_end)
{
    char bytes[16];
    size_t len = 0;
    int fd = -1;

    ck_assert_int_eq(scratch_open("/tmp", &fd), 0);
    ck_assert_int_eq(scratch_write(fd, "behind", 6, 4), 0);
    ck_assert_int_eq(scratch_write(fd, "ab", 2, 0), 0);
    ck_assert_int_eq(scratch_read(fd, bytes, sizeof(bytes), 1, &len), 0);
    ck_assert_uint_eq(len, 9);
    ck_assert_mem_eq(bytes, "b\0\0behind", 9);
    ck_assert_int_eq(scratch_read(fd, bytes, sizeof(bytes), 10, &len), 0);
    ck_assert_uint_eq(len, 0);
    close(fd);
}
END_TEST

START_TEST(a_folder_that_is_not_there_is_an_error)
{
    int fd = -1;

    ck_assert_int_eq(scratch_open("/nowhere/at/all", &fd), -ENOENT);
    ck_assert_int_eq(fd, -1);
    ck_assert_int_eq(scratch_write(fd, "a", 1, 0), -EBADF);
}
END_TEST

Suite *suite_util_scratch(void)
{
    Suite *suite = suite_create("util/scratch");
    TCase *tests = tcase_create("files");

    tcase_add_test(tests, a_scratch_file_has_no_name_and_is_its_owners_alone);
    tcase_add_test(tests, what_is_written_anywhere_is_read_back_up_to_the_end);
    tcase_add_test(tests, a_folder_that_is_not_there_is_an_error);
    suite_add_tcase(suite, tests);
    return suite;
}
