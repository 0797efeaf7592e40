/* src/view/root.c, readme.c, status.c and log.c: what stands at the top. */
#include <check.h>
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "dbsnapfs/util/clock.h"
#include "view/support.h"

static struct stage stage;

static void set(void)
{
    stage_set(&stage, 100);
}

static void clear(void)
{
    stage_clear(&stage);
}

START_TEST(the_top_has_the_contracts_files)
{
    struct buf names = BUF_INIT;
    stage_list(&stage, "/", 100, &names);
    ck_assert_str_eq(buf_text(&names),
                     "README.txt control status status.json log tables@ live/ backups/ history/ ");
    buf_free(&names);
}
END_TEST

START_TEST(the_readme_has_commands_that_can_be_copied)
{
    struct buf text = BUF_INIT;
    stage_read(&stage, "README.txt", 100, &text);
    ck_assert_ptr_nonnull(strstr(buf_text(&text), "    echo backup > '/mnt/our app'/control\n"));
    ck_assert_ptr_nonnull(strstr(buf_text(&text), stage.database));
    ck_assert_ptr_nonnull(strstr(buf_text(&text), "app.db.backups"));
    ck_assert_ptr_null(strchr(buf_text(&text), '%'));
    buf_free(&text);
}
END_TEST

START_TEST(what_can_change_is_not_cached)
{
    static const char *const paths[] = {
        "README.txt", "control", "status",          "status.json",
        "log",        "backups", "live/schema.sql", "live/database.sqlite"};
    ck_assert(!stage_attr(&stage, paths[_i]).immutable);
}
END_TEST

START_TEST(only_control_can_be_written)
{
    struct node *node = stage_node(&stage, "status");
    struct node_file *file = NULL;
    struct err err = ERR_INIT;
    ck_assert_int_eq(node_open(node, true, NULL, &file, &err), -EROFS);
    ck_assert_str_eq(err.text, "cannot be written");
    node_unref(node);
    ck_assert(!stage_attr(&stage, "status").writable);
    ck_assert(stage_attr(&stage, "control").writable);
}
END_TEST

START_TEST(the_status_for_programs_is_json)
{
    struct buf text = BUF_INIT;
    json_error_t error;
    stage_read(&stage, "status.json", 64, &text);
    json_t *json = json_loadb(text.data, text.len, 0, &error);
    ck_assert_msg(json, "%s", error.text);
    ck_assert_str_eq(json_string_value(json_object_get(json, "source")), stage.database);
    json_decref(json);
    buf_free(&text);
}
END_TEST

START_TEST(the_log_has_a_line_a_backup_and_is_as_old_as_its_last)
{
    struct buf text = BUF_INIT;
    int64_t before = clock_now_ns();
    stage_command(&stage, "backup");
    stage_read(&stage, "log", 1000, &text);
    ck_assert_ptr_nonnull(strstr(buf_text(&text), " backup ok "));
    ck_assert_uint_eq(stage_attr(&stage, "log").size, text.len);
    /* File times come from a coarser clock. */
    ck_assert_int_ge(stage_attr(&stage, "log").mtime_ns, before - 100000000);
    buf_free(&text);
}
END_TEST

Suite *suite_view_root(void);
Suite *suite_view_root(void)
{
    Suite *suite = suite_create("view/root");
    TCase *tcase = tcase_create("root");
    tcase_add_checked_fixture(tcase, set, clear);
    tcase_add_test(tcase, the_top_has_the_contracts_files);
    tcase_add_test(tcase, the_readme_has_commands_that_can_be_copied);
    tcase_add_loop_test(tcase, what_can_change_is_not_cached, 0, 8);
    tcase_add_test(tcase, only_control_can_be_written);
    tcase_add_test(tcase, the_status_for_programs_is_json);
    tcase_add_test(tcase, the_log_has_a_line_a_backup_and_is_as_old_as_its_last);
    suite_add_tcase(suite, tcase);
    return suite;
}
