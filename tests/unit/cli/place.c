/*
 * src/cli/place.c
 */
#include "cli/place.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"

static char folder[] = "/tmp/dbsnapfs-place-XXXXXX";

static void touch(const char *path)
{
    FILE *file = fopen(path, "w");

    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fclose(file), 0);
}

static void set_up(void)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(chdir(folder), 0);
    touch("app.db");
    ck_assert_int_eq(mkdir("mnt", 0700), 0);
    ck_assert_int_eq(mkdir("app.db.backups", 0700), 0);
    ck_assert_int_eq(mkdir("app.db.backups/in", 0700), 0);
    ck_assert_int_eq(symlink("app.db.backups/in", "link"), 0);
}

static void tear_down(void)
{
    struct buf command = BUF_INIT;

    buf_addf(&command, "rm -rf %s", folder);
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_int_eq(system(buf_text(&command)), 0); // NOLINT(cert-env33-c)
    buf_free(&command);
}

static int check(const char *mount, const char *database, const char *repo, struct err *err)
{
    char *real_mount = NULL, *real_repo = NULL;
    int code = place_check_mount(mount, database, repo, &real_mount, &real_repo, err);

    if (code == 0) {
        ck_assert_int_eq(real_mount[0], '/');
        ck_assert_int_eq(real_repo[0], '/');
    }
    free(real_mount);
    free(real_repo);
    return code;
}

static void assert_refused(const char *mount, const char *database, const char *repo, int code,
                           const char *message)
{
    struct err err = ERR_INIT;

    ck_assert_int_eq(check(mount, database, repo, &err), code);
    if (!strstr(err.text, message))
        ck_abort_msg("\"%s\" does not say \"%s\"", err.text, message);
}

START_TEST(within_means_names_not_characters)
{
    ck_assert(place_is_within("/a/b", "/a"));
    ck_assert(place_is_within("/a", "/a"));
    ck_assert(place_is_within("/a", "/"));
    ck_assert(!place_is_within("/ab", "/a"));
    ck_assert(!place_is_within("/a", "/a/b"));
}
END_TEST

START_TEST(a_path_that_does_not_exist_is_resolved_as_far_as_it_does)
{
    struct buf expected = BUF_INIT;
    char *path = NULL;

    ck_assert_int_eq(place_resolve("link/new/er/", &path, NULL), 0);
    buf_addf(&expected, "%s/app.db.backups/in/new/er", folder);
    ck_assert_str_eq(path, buf_text(&expected));
    free(path);
    ck_assert_int_eq(place_resolve("/no-such-name", &path, NULL), 0);
    ck_assert_str_eq(path, "/no-such-name");
    free(path);
    buf_free(&expected);
}
END_TEST

START_TEST(a_directory_beside_the_database_is_fine)
{
    struct err err = ERR_INIT;

    ck_assert_int_eq(check("mnt", "app.db", "app.db.backups", &err), 0);
    ck_assert_int_eq(check("mnt", "app.db", "not/yet/there", &err), 0);
}
END_TEST

START_TEST(a_mount_point_over_database_or_repository_is_refused)
{
    assert_refused(".", "app.db", "/tmp", -EINVAL, "holds the database");
    assert_refused("mnt", "app.db", "mnt", -EINVAL, "holds the repository");
    assert_refused("mnt", "app.db", "mnt/new", -EINVAL, "holds the repository");
    assert_refused("/", "app.db", "app.db.backups", -EINVAL, "holds the database");
}
END_TEST

START_TEST(a_mount_point_in_the_repository_is_refused_through_links_too)
{
    assert_refused("app.db.backups/in", "app.db", "app.db.backups", -EINVAL,
                   "lies in the repository");
    assert_refused("link", "app.db", "app.db.backups", -EINVAL, "link: lies in the repository");
}
END_TEST

START_TEST(a_mount_point_has_to_be_a_directory)
{
    assert_refused("nowhere", "app.db", "app.db.backups", -ENOENT,
                   "nowhere: no such directory: make it first");
    assert_refused("app.db", "app.db", "app.db.backups", -ENOTDIR,
                   "app.db: a mount point has to be a directory");
}
END_TEST

static void assert_no_restore(const char *dest, const char *database, const char *message)
{
    struct err err = ERR_INIT;

    ck_assert_int_eq(place_check_restore(dest, database, &err), -EBUSY);
    if (!strstr(err.text, message))
        ck_abort_msg("\"%s\" does not say \"%s\"", err.text, message);
}

START_TEST(a_new_name_and_an_idle_file_can_be_restored_to)
{
    touch("other.db");
    ck_assert_int_eq(place_check_restore("new.db", "app.db", NULL), 0);
    ck_assert_int_eq(place_check_restore("other.db", "app.db", NULL), 0);
    ck_assert_int_eq(place_check_restore("other.db", NULL, NULL), 0);
    ck_assert_int_eq(place_check_restore("gone.db", "gone.db", NULL), 0);
}
END_TEST

START_TEST(the_live_database_is_not_restored_over)
{
    assert_no_restore("./app.db", "app.db", "./app.db is the live database");
}
END_TEST

START_TEST(nothing_is_restored_beside_a_wal_or_a_journal)
{
    touch("a.db-wal");
    touch("b.db-journal");
    assert_no_restore("a.db", "app.db", "a.db-wal lies beside it");
    assert_no_restore("b.db", "app.db", "b.db-journal lies beside it");
}
END_TEST

START_TEST(nothing_is_restored_under_a_lock_of_sqlite)
{
    struct flock lock = {
        .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 0x40000002, .l_len = 510};
    int ready[2];
    char byte;
    pid_t child;

    touch("locked.db");
    ck_assert_int_eq(pipe(ready), 0);
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        int fd = open("locked.db", O_RDWR | O_CLOEXEC);

        if (fd < 0 || fcntl(fd, F_SETLK, &lock) != 0 || write(ready[1], "x", 1) != 1)
            _exit(1);
        (void)pause();
        _exit(0);
    }
    ck_assert_int_eq(read(ready[0], &byte, 1), 1);
    assert_no_restore("locked.db", "app.db", "has this database open");
    ck_assert_int_eq(kill(child, SIGKILL), 0);
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    (void)close(ready[0]);
    (void)close(ready[1]);
}
END_TEST

Suite *suite_cli_place(void)
{
    Suite *suite = suite_create("cli/place");
    TCase *tests = tcase_create("place");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, within_means_names_not_characters);
    tcase_add_test(tests, a_path_that_does_not_exist_is_resolved_as_far_as_it_does);
    tcase_add_test(tests, a_directory_beside_the_database_is_fine);
    tcase_add_test(tests, a_mount_point_over_database_or_repository_is_refused);
    tcase_add_test(tests, a_mount_point_in_the_repository_is_refused_through_links_too);
    tcase_add_test(tests, a_mount_point_has_to_be_a_directory);
    tcase_add_test(tests, a_new_name_and_an_idle_file_can_be_restored_to);
    tcase_add_test(tests, the_live_database_is_not_restored_over);
    tcase_add_test(tests, nothing_is_restored_beside_a_wal_or_a_journal);
    tcase_add_test(tests, nothing_is_restored_under_a_lock_of_sqlite);
    suite_add_tcase(suite, tests);
    return suite;
}
