/*
 * src/cli/remote.c, against plain files that stand for a mount's.
 */
#include "cli/remote.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dbsnapfs/service/service.h"
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

START_TEST(a_mount_that_cannot_be_asked_is_named)
{
    struct buf out = BUF_INIT;
    struct err err = ERR_INIT;

    ck_assert_int_eq(remote_command("/nowhere", "backup", true, &out, &err), -ENOENT);
    ck_assert_str_eq(err.text, "/nowhere is mounted and does the work, but cannot be asked: "
                               "/nowhere/control: No such file or directory");
    ck_assert_uint_eq(out.len, 0);
    buf_free(&out);
}
END_TEST

START_TEST(the_line_is_written_and_a_strange_answer_is_not_believed)
{
    char folder[] = "/tmp/dbsnapfs-remote-XXXXXX", line[32] = "";
    struct buf path = BUF_INIT, out = BUF_INIT;
    FILE *file;

    ck_assert_ptr_nonnull(mkdtemp(folder));
    buf_addf(&path, "%s/control", folder);
    file = fopen(buf_text(&path), "w+");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(remote_command(folder, "backup note=x", true, &out, NULL), 0);
    ck_assert_str_eq(buf_text(&out), "ok done\n");
    ck_assert_ptr_nonnull(fgets(line, sizeof line, file));
    ck_assert_str_eq(line, "backup note=x\n");
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(unlink(buf_text(&path)), 0);
    ck_assert_int_eq(rmdir(folder), 0);
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
    tcase_add_test(tests, a_mount_that_cannot_be_asked_is_named);
    tcase_add_test(tests, the_line_is_written_and_a_strange_answer_is_not_believed);
    suite_add_tcase(suite, tests);
    return suite;
}
