/*
 * src/cli/remote.c, against locks and plain files that stand for a mount's.
 */
#include "cli/remote.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dbsnapfs/service/service.h"
#include "dbsnapfs/store/repo.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/clock.h"
#include "dbsnapfs/util/err.h"

START_TEST(progress_is_read_from_status)
{
    static const char json[] = "{\"running\": {\"verb\": \"backup\", \"done_bytes\": 5, "
                               "\"total_bytes\": 7, \"elapsed_seconds\": 1.5}}";
    struct service_progress progress;
    int64_t elapsed_ns;

    remote_progress(json, strlen(json), &progress);
    elapsed_ns = clock_monotonic_ns() - progress.started_ns;
    ck_assert(progress.active);
    ck_assert_str_eq(progress.verb, "backup");
    ck_assert_uint_eq(progress.done_bytes, 5);
    ck_assert_uint_eq(progress.total_bytes, 7);
    ck_assert_int_ge(elapsed_ns, 1500000000);
    ck_assert_int_lt(elapsed_ns, 60 * INT64_C(1000000000));
}
END_TEST

START_TEST(a_status_that_says_nothing_means_nothing_runs)
{
    static const char *const texts[] = {"", "{", "[]", "{\"running\": null}", "{}", NULL};

    for (size_t i = 0; texts[i]; i++) {
        struct service_progress progress = {.active = true};

        remote_progress(texts[i], strlen(texts[i]), &progress);
        ck_assert(!progress.active);
    }
}
END_TEST

/* ---- who holds a repository ---- */

static char folder[64], repo_folder[80];

static void set(void)
{
    (void)snprintf(folder, sizeof folder, "/tmp/dbsnapfs-remote-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(repo_folder, sizeof repo_folder, "%s/repo", folder);
}

static void clear(void)
{
    struct buf command = BUF_INIT;

    buf_addf(&command, "rm -rf '%s'", folder);
    ck_assert_int_eq(system(buf_text(&command)), 0); // NOLINT(cert-env33-c)
    buf_free(&command);
}

/* Opens the repository as somebody called `holder` does. */
static struct repo *held_by(const char *holder)
{
    const struct repo_options options = {.holder = holder, .compress = CODEC_DEFAULT};
    struct err err = ERR_INIT;
    struct repo *repo = NULL;

    ck_assert_msg(repo_open(repo_folder, &options, &repo, &err) == 0, "%s", err.text);
    return repo;
}

/* Finds who holds it and waits for this many milliseconds at most. */
static int find(int64_t wait_ms, struct remote *ret_remote, struct err *err)
{
    return remote_find(repo_folder, clock_monotonic_ns() + wait_ms * 1000000, ret_remote, err);
}

START_TEST(nobody_and_who_is_no_mount_hold_it_without_a_wait)
{
    struct remote remote;
    struct repo *repo;

    ck_assert_int_eq(find(60000, &remote, NULL), 0);
    ck_assert_str_eq(remote.holder, "");
    repo = held_by("dbsnapfs backup");
    ck_assert_int_eq(find(60000, &remote, NULL), 0);
    ck_assert_ptr_nonnull(strstr(remote.holder, " dbsnapfs backup"));
    ck_assert_str_eq(remote.mount, "");
    ck_assert_int_eq(remote.control_fd, -1);
    repo_close(repo);
    remote_release(&remote);
}
END_TEST

START_TEST(a_mount_that_cannot_be_asked_is_named)
{
    struct repo *repo = held_by("mount at /nowhere");
    struct err err = ERR_INIT;
    struct remote remote;

    ck_assert_int_eq(find(100, &remote, &err), -ENOENT);
    ck_assert_str_eq(err.text, "/nowhere is mounted and does the work, but cannot be asked: "
                               "/nowhere/control: No such file or directory");
    ck_assert_int_eq(err.code, -ENOENT);
    remote_release(&remote);
    repo_close(repo);
}
END_TEST

START_TEST(a_file_called_control_is_not_taken_for_a_mounts)
{
    struct buf holder = BUF_INIT, path = BUF_INIT;
    struct remote remote;
    struct repo *repo;
    FILE *file;

    buf_addf(&holder, "mount at %s", folder);
    buf_addf(&path, "%s/control", folder);
    file = fopen(buf_text(&path), "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fclose(file), 0);
    repo = held_by(buf_text(&holder));
    ck_assert_int_eq(find(100, &remote, NULL), -ENOENT);
    ck_assert_str_eq(remote.mount, folder);
    ck_assert_int_eq(remote.control_fd, -1);
    repo_close(repo);
    buf_free(&holder);
    buf_free(&path);
}
END_TEST

static void *end_soon(void *arg)
{
    ck_assert_int_eq(usleep(200000), 0);
    repo_close(arg);
    return NULL;
}

START_TEST(a_mount_that_is_ending_is_waited_for)
{
    struct repo *repo = held_by("mount at /nowhere");
    struct remote remote;
    pthread_t thread;

    ck_assert_int_eq(pthread_create(&thread, NULL, end_soon, repo), 0);
    ck_assert_int_eq(find(60000, &remote, NULL), 0);
    ck_assert_str_eq(remote.holder, "");
    ck_assert_str_eq(remote.mount, "");
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
}
END_TEST

START_TEST(the_line_is_written_and_a_strange_answer_is_not_believed)
{
    struct buf path = BUF_INIT, out = BUF_INIT;
    struct remote remote = {.control_fd = -1};
    char line[32] = "";
    FILE *file;

    buf_addf(&path, "%s/control", folder);
    file = fopen(buf_text(&path), "w+");
    ck_assert_ptr_nonnull(file);
    remote.control_fd = open(buf_text(&path), O_RDWR | O_CLOEXEC);
    ck_assert_int_eq(remote_command(&remote, "backup note=x", true, &out), 0);
    ck_assert_str_eq(buf_text(&out), "ok done\n");
    ck_assert_ptr_nonnull(fgets(line, sizeof line, file));
    ck_assert_str_eq(line, "backup note=x\n");
    ck_assert_int_eq(fclose(file), 0);
    remote_release(&remote);
    ck_assert_int_eq(remote.control_fd, -1);
    buf_free(&path);
    buf_free(&out);
}
END_TEST

Suite *suite_cli_remote(void)
{
    Suite *suite = suite_create("cli/remote");
    TCase *tests = tcase_create("remote");

    tcase_add_test(tests, progress_is_read_from_status);
    tcase_add_test(tests, a_status_that_says_nothing_means_nothing_runs);
    tcase_add_checked_fixture(tests, set, clear);
    tcase_add_test(tests, nobody_and_who_is_no_mount_hold_it_without_a_wait);
    tcase_add_test(tests, a_file_called_control_is_not_taken_for_a_mounts);
    tcase_add_test(tests, a_mount_that_is_ending_is_waited_for);
    tcase_add_test(tests, a_mount_that_cannot_be_asked_is_named);
    tcase_add_test(tests, the_line_is_written_and_a_strange_answer_is_not_believed);
    suite_add_tcase(suite, tests);
    return suite;
}
