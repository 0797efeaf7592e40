/* src/view/control.c: commands in, results out. */
#include <check.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/service/service.h"
#include "dbsnapfs/store/repo.h"
#include "view/support.h"

static struct stage stage;
static struct node *control;
static struct node_file *file;
static atomic_bool cancel;
static const struct node_request request = {.cancel = &cancel};

static void set(void)
{
    stage_set(&stage, 100);
    atomic_store(&cancel, false);
    control = stage_node(&stage, "control");
    ck_assert_int_eq(node_open(control, true, &request, &file, NULL), 0);
}

static void clear(void)
{
    file->ops->close(file);
    node_unref(control);
    stage_clear(&stage);
}

static int put(const char *text)
{
    return file->ops->write(file, &request, 0, text, strlen(text), NULL);
}

static int flush(void)
{
    return file->ops->flush(file, &request, NULL);
}

static uint64_t backups(void)
{
    struct repo_totals totals;
    ck_assert_int_eq(repo_totals(service_repo(stage.service), &totals, NULL), 0);
    return totals.backups;
}

static void assert_last(const char *start)
{
    struct buf text = BUF_INIT;
    stage_read(&stage, "control", 1000, &text);
    ck_assert_msg(strncmp(buf_text(&text), start, strlen(start)) == 0, "%s", buf_text(&text));
    ck_assert_uint_eq(stage_attr(&stage, "control").size, text.len);
    buf_free(&text);
}

static void assert_own(uint64_t offset, const char *start)
{
    char bytes[2000];
    size_t len = 0;
    ck_assert_int_eq(file->ops->read(file, offset, bytes, sizeof(bytes) - 1, &len, NULL), 0);
    bytes[len] = '\0';
    ck_assert_msg(strncmp(bytes, start, strlen(start)) == 0, "%s", bytes);
    if (!*start)
        ck_assert_uint_eq(len, 0);
}

START_TEST(a_line_runs_within_its_write)
{
    ck_assert_int_eq(put("backup\n"), 0);
    ck_assert_uint_eq(backups(), 1);
    ck_assert_int_eq(flush(), 0);
    ck_assert_uint_eq(backups(), 1);
    assert_last("ok ");
}
END_TEST

START_TEST(a_line_without_newline_runs_when_the_file_is_closed)
{
    ck_assert_int_eq(flush(), 0); /* the shell's own descriptor */
    ck_assert_int_eq(put("backup"), 0);
    ck_assert_uint_eq(backups(), 0);
    ck_assert_int_eq(flush(), 0);
    ck_assert_uint_eq(backups(), 1);
    ck_assert_int_eq(flush(), 0);
    ck_assert_uint_eq(backups(), 1);
}
END_TEST

START_TEST(a_line_may_come_in_pieces)
{
    ck_assert_int_eq(put("ba"), 0);
    ck_assert_int_eq(put("ckup note=\"a"), 0);
    ck_assert_int_eq(put(" b\""), 0);
    ck_assert_uint_eq(backups(), 0);
    ck_assert_int_eq(put("\n"), 0);
    ck_assert_uint_eq(backups(), 1);
    struct backup_entry entry = {.id = 0};
    ck_assert_int_eq(repo_find(service_repo(stage.service), "latest", &entry, NULL), 0);
    ck_assert_str_eq(entry.note, "a b");
    backup_entry_free(&entry);
}
END_TEST

START_TEST(lines_run_in_order_and_stop_at_the_first_failure)
{
    ck_assert_int_eq(put("backup\n# why not\n\nnonsense\nbackup\nbackup"), -EINVAL);
    ck_assert_uint_eq(backups(), 1);
    assert_last("error: unknown command \"nonsense\"");
    ck_assert_int_eq(flush(), 0); /* was told already */
    ck_assert_uint_eq(backups(), 1);
}
END_TEST

START_TEST(after_a_failure_a_file_takes_no_more)
{
    ck_assert_int_eq(put("nonsense\n"), -EINVAL);
    ck_assert_int_eq(put("backup\n"), -ECANCELED);
    ck_assert_uint_eq(backups(), 0);
    assert_last("error: unknown command \"nonsense\"");
}
END_TEST

START_TEST(a_failure_at_the_close_is_the_closes_error)
{
    ck_assert_int_eq(put("nonsense"), 0);
    ck_assert_int_eq(flush(), -EINVAL);
    assert_last("error: unknown command \"nonsense\"");
}
END_TEST

START_TEST(a_line_of_64_kib_is_the_longest)
{
    const size_t most = 65536;
    char *line = malloc(most + 2);
    ck_assert_ptr_nonnull(line);
    snprintf(line, most + 2, "help%*s\n", (int)most - 4, "");
    ck_assert_int_eq(file->ops->write(file, &request, 0, line, most + 1, NULL), 0);
    line[most] = ' ';
    line[most + 1] = '\n';
    ck_assert_int_eq(file->ops->write(file, &request, 0, line, most + 2, NULL), -E2BIG);
    assert_last("error: control: a command is longer than 65536 bytes\n");
    free(line);
}
END_TEST

START_TEST(a_line_that_never_ends_takes_no_memory)
{
    char piece[4096];
    int r = 0;
    memset(piece, 'a', sizeof(piece));
    for (int i = 0; i < 16; i++)
        ck_assert_int_eq(file->ops->write(file, &request, 0, piece, sizeof(piece), NULL), 0);
    r = file->ops->write(file, &request, 0, piece, sizeof(piece), NULL);
    ck_assert_int_eq(r, -E2BIG);
    assert_last("error: control: a command is longer than 65536 bytes\n");
    ck_assert_int_eq(flush(), 0);
    assert_last("error: control: a command is longer than 65536 bytes\n");
}
END_TEST

START_TEST(a_nul_byte_is_refused)
{
    ck_assert_int_eq(file->ops->write(file, &request, 0, "backup\0x\nbackup\n", 16, NULL), -EINVAL);
    ck_assert_uint_eq(backups(), 0);
    assert_last("error: control: a command cannot hold a NUL byte\n");
}
END_TEST

START_TEST(who_writes_and_reads_finds_the_result_behind_what_was_written)
{
    ck_assert_int_eq(put("backup\n"), 0);
    assert_own(7, "ok ");
    ck_assert_int_eq(put("help\n"), 0);
    stage_command(&stage, "backup"); /* of somebody else */
    assert_own(200, "ok commands are");
    assert_own(10000, "");
    assert_own(0, "ok commands are");
}
END_TEST

START_TEST(who_only_reads_sees_the_last_result_of_anybody)
{
    struct node_file *reader = NULL;
    char bytes[100];
    size_t len = 0;
    stage_command(&stage, "backup");
    ck_assert_int_eq(node_open(control, false, &request, &reader, NULL), 0);
    ck_assert_ptr_null(reader->ops->write);
    ck_assert(reader->direct);
    ck_assert_int_eq(reader->ops->read(reader, 3, bytes, 2, &len, NULL), 0);
    ck_assert_uint_eq(len, 2);
    ck_assert_mem_eq(bytes, "20", 2);
    reader->ops->close(reader);
}
END_TEST

START_TEST(an_interrupted_command_is_cancelled)
{
    atomic_store(&cancel, true);
    ck_assert_int_eq(put("backup\n"), -ECANCELED);
    ck_assert_uint_eq(backups(), 0);
}
END_TEST

Suite *suite_view_control(void);
Suite *suite_view_control(void)
{
    Suite *suite = suite_create("view/control");
    TCase *tcase = tcase_create("control");
    tcase_add_checked_fixture(tcase, set, clear);
    tcase_add_test(tcase, a_line_runs_within_its_write);
    tcase_add_test(tcase, a_line_without_newline_runs_when_the_file_is_closed);
    tcase_add_test(tcase, a_line_may_come_in_pieces);
    tcase_add_test(tcase, lines_run_in_order_and_stop_at_the_first_failure);
    tcase_add_test(tcase, after_a_failure_a_file_takes_no_more);
    tcase_add_test(tcase, a_failure_at_the_close_is_the_closes_error);
    tcase_add_test(tcase, a_line_of_64_kib_is_the_longest);
    tcase_add_test(tcase, a_line_that_never_ends_takes_no_memory);
    tcase_add_test(tcase, a_nul_byte_is_refused);
    tcase_add_test(tcase, who_writes_and_reads_finds_the_result_behind_what_was_written);
    tcase_add_test(tcase, who_only_reads_sees_the_last_result_of_anybody);
    tcase_add_test(tcase, an_interrupted_command_is_cancelled);
    suite_add_tcase(suite, tcase);
    return suite;
}
