/*
 * Every fault probe of the sources, in a backup by the program itself: tests/crash/probe does the
 * work, one probe a run.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* The program and the sources, as tests/run-check says, or where `make` leaves them. */
static void set_up(void)
{
    ck_assert_int_eq(setenv("DBSNAPFS_TOP", ".", 0), 0);
    if (!getenv("DBSNAPFS")) {
        char *program = realpath("build/release/dbsnapfs", NULL);

        ck_assert_msg(program != NULL, "no build/release/dbsnapfs: say DBSNAPFS=PROGRAM");
        ck_assert_int_eq(setenv("DBSNAPFS", program, 1), 0);
        free(program);
    }
}

/* Runs a shell command; its output goes to `text`. */
static int shell(const char *command, char *text, size_t size)
{
    FILE *pipe = popen(command, "re"); // NOLINT(cert-env33-c)
    size_t used;
    int status;

    ck_assert_ptr_nonnull(pipe);
    used = fread(text, 1, size - 1, pipe);
    text[used] = '\0';
    status = pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static void every_probe(const char *action)
{
    char names[4096], output[4096], command[256], *rest = names, *name;
    unsigned count = 0;

    ck_assert_int_eq(shell("cd \"$DBSNAPFS_TOP\" && grep -rhoE 'probe_hit\\(\"[a-z-]+\"' src | "
                           "cut -d '\"' -f 2 | sort -u",
                           names, sizeof names),
                     0);
    while ((name = strsep(&rest, "\n")) && *name) {
        (void)snprintf(command, sizeof command, "\"$DBSNAPFS_TOP\"/tests/crash/probe %s %s 2>&1",
                       name, action);
        ck_assert_msg(shell(command, output, sizeof output) == 0, "%s", output);
        count++;
    }
    ck_assert_uint_ge(count, 10);
}

START_TEST(a_killed_backup_leaves_the_others_whole)
{
    every_probe("kill");
}
END_TEST

START_TEST(a_full_disk_fails_the_backup_and_nothing_else)
{
    every_probe("ENOSPC");
}
END_TEST

START_TEST(an_io_error_fails_the_backup_and_nothing_else)
{
    every_probe("EIO");
}
END_TEST

Suite *suite_store_crash(void)
{
    Suite *suite = suite_create("store/crash");
    TCase *tests = tcase_create("crash");

    tcase_add_checked_fixture(tests, set_up, NULL);
    tcase_set_timeout(tests, 300);
    tcase_add_test(tests, a_killed_backup_leaves_the_others_whole);
    tcase_add_test(tests, a_full_disk_fails_the_backup_and_nothing_else);
    tcase_add_test(tests, an_io_error_fails_the_backup_and_nothing_else);
    suite_add_tcase(suite, tests);
    return suite;
}
