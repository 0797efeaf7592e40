/* src/view/history.c and versions.c: the backups in which a row came, became another, and went. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/service/changes.h"
#include "dbsnapfs/service/service.h"
#include "dbsnapfs/store/repo.h"
#include "view/context.h"
#include "view/support.h"
#include "view/versions.h"

static struct stage stage;

static void set(void)
{
    stage_set(&stage, 300);
}

static void clear(void)
{
    stage_clear(&stage);
}

static void day(const char *sql)
{
    stage_sql(&stage, sql);
    stage_command(&stage, "backup");
}

/* The versions of a row as letters, the newest first: the number of the backup, and `-` behind it
 * where the row is gone, `?` where it cannot be read. */
static const char *versions(const char *row)
{
    static char text[200];
    struct repo *repo = service_repo(stage.service);
    struct buf names = BUF_INIT;
    char path[200];
    text[0] = '\0';
    snprintf(path, sizeof(path), "history/%s", row);
    stage_list(&stage, path, 1, &names);
    for (char *name = strtok(names.data, " "); name; name = strtok(NULL, " ")) {
        struct backup_entry backup = {.id = 0};
        bool gone = strstr(name, ".gone") != NULL, bad = strstr(name, ".unreadable") != NULL;
        name[strcspn(name, ".@")] = '\0';
        ck_assert_int_eq(repo_find(repo, name, &backup, NULL), 0);
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%d%s", text[0] ? " " : "",
                 (int)backup.id,
                 gone  ? "-"
                 : bad ? "?"
                       : "");
        backup_entry_free(&backup);
    }
    buf_free(&names);
    return text;
}

/* The name of a version, by its place in the listing. */
static const char *version_path(const char *row, unsigned place)
{
    static char path[400];
    struct buf names = BUF_INIT;
    snprintf(path, sizeof(path), "history/%s", row);
    stage_list(&stage, path, 100, &names);
    const char *name = strtok(names.data, " ");
    while (place-- > 0)
        name = strtok(NULL, " ");
    ck_assert_ptr_nonnull(name);
    snprintf(path, sizeof(path), "history/%s/%.*s", row, (int)strcspn(name, "@"), name);
    buf_free(&names);
    return path;
}

static void week(void)
{
    day("SELECT 1");
    day("UPDATE users SET name = 'other' WHERE id = 7");
    day("DELETE FROM users WHERE id IN (7, 8)");
    day("UPDATE users SET name = 'nine' WHERE id = 9");
    day("INSERT INTO users VALUES(7, 'again')");
}

START_TEST(a_row_has_the_backups_in_which_it_came_changed_and_went)
{
    week();
    ck_assert_str_eq(versions("users/7"), "5 3- 2 1");
    ck_assert_str_eq(versions("users/8"), "3- 1");
    ck_assert_str_eq(versions("users/9"), "4 1");
    ck_assert_str_eq(versions("users/10"), "1");
}
END_TEST

static int see_cookie(void *arg, const char *name, enum node_kind kind, uint64_t next)
{
    uint64_t *last = arg;
    (void)name, (void)kind;
    ck_assert_uint_gt(next, *last);
    ck_assert_uint_le(next, NODE_COOKIE_MOST);
    ck_assert_uint_le(next + 2, INT64_MAX); /* as the mount tells it, behind "." and ".." */
    *last = next;
    return 0;
}

START_TEST(where_a_listing_goes_on_is_a_positive_number_for_the_kernel)
{
    struct err err = ERR_INIT;
    uint64_t last = 0;
    week();
    struct node *node = stage_node(&stage, "history/users/7");
    ck_assert_msg(node_list(node, NULL, 0, see_cookie, &last, &err) == 0, "%s", err.text);
    ck_assert_uint_gt(last, 0);
    node_unref(node);
}
END_TEST

START_TEST(a_history_goes_on_with_each_backup)
{
    week();
    ck_assert_str_eq(versions("users/9"), "4 1");
    day("UPDATE users SET name = 'nine again' WHERE id = 9");
    ck_assert_str_eq(versions("users/9"), "6 4 1");
    day("SELECT 1");
    ck_assert_str_eq(versions("users/9"), "6 4 1");
    day("ALTER TABLE users ADD COLUMN mail");
    ck_assert_str_eq(versions("users/9"), "8 6 4 1");
}
END_TEST

START_TEST(a_version_is_a_link_to_the_row_and_one_that_went_says_so)
{
    struct buf text = BUF_INIT;
    struct node_attr attr;
    week();
    stage_read(&stage, version_path("users/8", 0), 100, &text);
    ck_assert_ptr_nonnull(strstr(buf_text(&text), "has no row 8 in users; "));
    attr = stage_attr(&stage, version_path("users/8", 0));
    ck_assert_int_eq(attr.kind, NODE_FILE);
    ck_assert_uint_eq(attr.size, text.len);
    buf_clear(&text);
    buf_add_text(&text, version_path("users/7", 2));
    buf_add_text(&text, "/name");
    char *path = strdup(buf_text(&text));
    buf_clear(&text);
    stage_read(&stage, path, 100, &text);
    ck_assert_str_eq(buf_text(&text), "other");
    free(path);
    buf_free(&text);
}
END_TEST

START_TEST(what_no_backup_has_has_no_history)
{
    week();
    ck_assert(!stage_has(&stage, "history/users/1000"));
    ck_assert(!stage_has(&stage, "history/users/07"));
    ck_assert(!stage_has(&stage, "history/nothing"));
    ck_assert(!stage_has(&stage, "history/users/7/latest"));
}
END_TEST

START_TEST(tables_are_listed_and_rows_are_not)
{
    struct buf names = BUF_INIT;
    day("CREATE TABLE \"a/b\"(x); CREATE VIEW v AS SELECT 1");
    stage_list(&stage, "history", 1, &names);
    ck_assert_str_eq(buf_text(&names), "users/ a%2Fb/ ");
    buf_clear(&names);
    stage_list(&stage, "history/users", 10, &names);
    ck_assert_str_eq(buf_text(&names), "");
    buf_free(&names);
}
END_TEST

START_TEST(a_table_that_is_gone_keeps_its_history)
{
    day("CREATE TABLE goes(id INTEGER PRIMARY KEY); INSERT INTO goes VALUES(5)");
    day("DROP TABLE goes");
    day("SELECT 1");
    ck_assert_str_eq(versions("goes/5"), "2- 1");
}
END_TEST

START_TEST(a_table_whose_name_is_written_otherwise_is_another)
{
    struct backup_changes changes;
    day("SELECT 1");
    day("ALTER TABLE users RENAME TO other; ALTER TABLE other RENAME TO Users");
    ck_assert_int_eq(
        backup_changes_make(service_repo(stage.service), 2, NULL, false, &changes, NULL), 0);
    backup_changes_free(&changes);
    ck_assert_str_eq(versions("users/9"), "2- 1");
    ck_assert_str_eq(versions("Users/9"), "2");
}
END_TEST

START_TEST(what_a_version_says_may_change_when_backups_are_deleted)
{
    day("SELECT 1");
    day("DELETE FROM users WHERE id = 7");
    ck_assert(!stage_attr(&stage, version_path("users/7", 0)).immutable);
}
END_TEST

START_TEST(without_a_backup_there_is_no_history)
{
    struct buf names = BUF_INIT;
    stage_list(&stage, "history", 10, &names);
    ck_assert_str_eq(buf_text(&names), "");
    ck_assert(!stage_has(&stage, "history/users"));
    buf_free(&names);
}
END_TEST

START_TEST(backups_in_which_the_table_did_not_change_are_not_opened)
{
    struct view *view = NULL;
    struct versions *row = NULL;
    const struct version *all = NULL;
    struct backup_changes changes;
    size_t count = 0;
    week();
    day("CREATE TABLE other(x)");
    day("INSERT INTO other VALUES(1)");
    day("DELETE FROM users WHERE id = 9");
    for (uint64_t id = 1; id <= 8; id++) {
        ck_assert_int_eq(
            backup_changes_make(service_repo(stage.service), id, NULL, false, &changes, NULL), 0);
        backup_changes_free(&changes);
    }
    ck_assert_int_eq(view_new(stage.service, &view, NULL), 0);
    ck_assert_int_eq(versions_get(view, "users", "9", &row, NULL), 0);
    ck_assert_int_eq(versions_look(row, &all, &count, NULL), 0);
    ck_assert_uint_eq(count, 3);
    ck_assert_uint_eq(all[2].backup_id, 8);
    ck_assert_uint_eq(versions_opened(row), 6);
    versions_done(row);
    versions_unref(row);
    view_close(view);
}
END_TEST

START_TEST(many_rows_can_be_asked_for_in_turn)
{
    char row[40];
    week();
    for (int i = 0; i < 60; i++) {
        snprintf(row, sizeof(row), "users/%d", 20 + i % 25);
        ck_assert_str_eq(versions(row), "1");
    }
}
END_TEST

Suite *suite_view_history(void);
Suite *suite_view_history(void)
{
    Suite *suite = suite_create("view/history");
    TCase *tests = tcase_create("history");
    tcase_add_checked_fixture(tests, set, clear);
    tcase_add_test(tests, a_row_has_the_backups_in_which_it_came_changed_and_went);
    tcase_add_test(tests, where_a_listing_goes_on_is_a_positive_number_for_the_kernel);
    tcase_add_test(tests, a_history_goes_on_with_each_backup);
    tcase_add_test(tests, a_version_is_a_link_to_the_row_and_one_that_went_says_so);
    tcase_add_test(tests, what_no_backup_has_has_no_history);
    tcase_add_test(tests, tables_are_listed_and_rows_are_not);
    tcase_add_test(tests, a_table_that_is_gone_keeps_its_history);
    tcase_add_test(tests, a_table_whose_name_is_written_otherwise_is_another);
    tcase_add_test(tests, what_a_version_says_may_change_when_backups_are_deleted);
    tcase_add_test(tests, without_a_backup_there_is_no_history);
    tcase_add_test(tests, backups_in_which_the_table_did_not_change_are_not_opened);
    tcase_add_test(tests, many_rows_can_be_asked_for_in_turn);
    suite_add_tcase(suite, tests);
    return suite;
}
