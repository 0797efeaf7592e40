/* src/view/tables.c and table.c: a directory for each table and view, live and in backups. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "view/support.h"

static struct stage stage;

static void set(void)
{
    stage_set(&stage, 12);
}

static void clear(void)
{
    stage_clear(&stage);
}

static const char *const places[] = {"live", "backups/latest"};

static void check_list(const char *place, const char *folder, size_t room, const char *names)
{
    struct buf found = BUF_INIT;
    char path[64];
    snprintf(path, sizeof(path), "%s/%s", place, folder);
    stage_list(&stage, path, room, &found);
    ck_assert_str_eq(buf_text(&found), names);
    buf_free(&found);
}

static void check_text(const char *place, const char *file, const char *text)
{
    struct buf found = BUF_INIT;
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", place, file);
    stage_read(&stage, path, 3, &found);
    ck_assert_str_eq(buf_text(&found), text);
    ck_assert_uint_eq(stage_attr(&stage, path).size, strlen(text));
    buf_free(&found);
}

static int walk(const char *path, struct err *err)
{
    struct node *node = NULL;
    int r = node_walk(stage.root, path, &node, err);
    node_unref(r == 0 ? node : NULL);
    return r;
}

START_TEST(tables_and_views_are_listed_apart)
{
    stage_sql(&stage, "CREATE VIEW names AS SELECT name FROM users; CREATE TABLE more(a)");
    stage_command(&stage, "backup");
    check_list(places[_i], "tables", 100, "users/ more/ ");
    check_list(places[_i], "tables", 1, "users/ more/ ");
    check_list(places[_i], "views", 100, "names/ ");
}
END_TEST

START_TEST(what_sqlite_keeps_for_itself_answers_and_is_not_listed)
{
    stage_sql(&stage, "CREATE TABLE a(id INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO a "
                      "DEFAULT VALUES; CREATE VIRTUAL TABLE f USING fts5(t)");
    stage_command(&stage, "backup");
    check_list(places[_i], "tables", 100, "users/ a/ f/ ");
    check_text(places[_i], "tables/sqlite_sequence/count", "1\n");
    check_text(places[_i], "tables/f_config/count", "1\n");
}
END_TEST

START_TEST(names_are_encoded_and_have_one_spelling)
{
    char path[64];
    struct err err = ERR_INIT;
    stage_sql(&stage, "CREATE TABLE \"a/b\"(x); CREATE TABLE \".h\"(x); CREATE TABLE \"\"(x)");
    stage_command(&stage, "backup");
    check_list(places[_i], "tables", 100, "users/ a%2Fb/ %2Eh/ %~/ ");
    check_text(places[_i], "tables/a%2Fb/count", "0\n");
    check_text(places[_i], "tables/%~/count", "0\n");
    static const char *const wrong[] = {"a%2fb", "%61%2Fb", "Users", "USERS", "%"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char message[128];
        snprintf(path, sizeof(path), "%s/tables/%s", places[_i], wrong[i]);
        ck_assert_int_eq(walk(path, &err), -ENOENT);
        snprintf(message, sizeof(message), "%s: %s: no such table", path, wrong[i]);
        ck_assert_str_eq(err.text, message);
    }
}
END_TEST

START_TEST(a_name_that_was_cut_leads_to_its_table)
{
    char sql[1024], name[301];
    struct buf names = BUF_INIT;
    memset(name, 'q', 300);
    name[300] = '\0';
    snprintf(sql, sizeof(sql),
             "CREATE TABLE \"%sa\"(x); CREATE TABLE \"%sb\"(x); INSERT INTO \"%sb\" VALUES(1)",
             name, name, name);
    stage_sql(&stage, "DROP TABLE users");
    stage_sql(&stage, sql);
    stage_command(&stage, "backup");
    char path[64];
    snprintf(path, sizeof(path), "%s/tables", places[_i]);
    stage_list(&stage, path, 100, &names);
    char *second = strchr(names.data, '/') + 2;
    names.data[255] = '\0';
    second[255] = '\0';
    char file[320];
    snprintf(file, sizeof(file), "tables/%s/count", names.data);
    check_text(places[_i], file, "0\n");
    snprintf(file, sizeof(file), "tables/%s/count", second);
    check_text(places[_i], file, "1\n");
    buf_free(&names);
}
END_TEST

START_TEST(count_is_the_number_of_rows)
{
    stage_sql(&stage, "CREATE VIEW late AS SELECT * FROM users WHERE id > 7; CREATE TABLE w(a "
                      "PRIMARY KEY) WITHOUT ROWID; INSERT INTO w VALUES (1), (2)");
    stage_command(&stage, "backup");
    check_text(places[_i], "tables/users/count", "12\n");
    check_text(places[_i], "tables/w/count", "2\n");
    check_text(places[_i], "views/late/count", "5\n");
}
END_TEST

START_TEST(live_follows_the_database_and_a_backup_does_not)
{
    struct err err = ERR_INIT;
    stage_command(&stage, "backup");
    struct node *count = stage_node(&stage, "live/tables/users/count");
    struct node *folder = stage_node(&stage, "live/tables/users");
    struct node_file *file = NULL;
    check_text("live", "tables/users/count", "12\n");
    stage_sql(&stage, "DELETE FROM users WHERE id > 9");
    check_text("live", "tables/users/count", "9\n");
    stage_sql(&stage, "DROP TABLE users; CREATE TABLE other(a)");
    check_list("live", "tables", 100, "other/ ");
    ck_assert_int_eq(walk("live/tables/users", &err), -ENOENT);
    ck_assert_int_eq(node_open(count, false, NULL, &file, &err), -ENOENT);
    ck_assert_str_eq(err.text, "users: there is no such table any more");
    check_list("backups/latest", "tables", 100, "users/ ");
    check_text("backups/latest", "tables/users/count", "12\n");
    node_unref(count);
    node_unref(folder);
}
END_TEST

START_TEST(a_view_on_what_is_gone_is_listed_and_says_why_it_cannot_be_read)
{
    char path[64];
    struct node_attr attr;
    struct err err = ERR_INIT;
    stage_sql(&stage, "CREATE VIEW broken AS SELECT * FROM nowhere");
    stage_command(&stage, "backup");
    check_list(places[_i], "views", 100, "broken/ ");
    check_list(places[_i], "views/broken", 100, "schema.sql ");
    snprintf(path, sizeof(path), "%s/views/broken/count", places[_i]);
    struct node *node = stage_node(&stage, path);
    ck_assert_int_eq(node_attr(node, &attr, &err), -EIO);
    ck_assert_ptr_nonnull(strstr(err.text, "broken: "));
    ck_assert_ptr_nonnull(strstr(err.text, "nowhere"));
    node_unref(node);
}
END_TEST

static void check_node_list(struct node *node, const char *names)
{
    struct buf found = BUF_INIT;
    struct err err = ERR_INIT;
    ck_assert_msg(stage_list_node(node, 100, &found, &err) == 0, "%s", err.text);
    ck_assert_str_eq(buf_text(&found), names);
    buf_free(&found);
}

START_TEST(a_live_view_that_is_repaired_or_breaks_is_listed_so)
{
    static const char whole[] = "schema.sql columns.json count rows.csv rows.ndjson rows.sql ";
    stage_sql(&stage, "CREATE VIEW v AS SELECT * FROM later");
    struct node *view = stage_node(&stage, "live/views/v");
    check_node_list(view, "schema.sql ");
    stage_sql(&stage, "CREATE TABLE later(x)");
    check_node_list(view, whole);
    ck_assert(stage_has(&stage, "live/views/v/rows.csv"));
    stage_sql(&stage, "DROP TABLE later");
    check_node_list(view, "schema.sql ");
    node_unref(view);
}
END_TEST

START_TEST(a_live_table_that_is_gone_is_no_empty_directory)
{
    struct err err = ERR_INIT;
    struct buf found = BUF_INIT;
    struct node *table = stage_node(&stage, "live/tables/users");
    stage_sql(&stage, "DROP TABLE users");
    ck_assert_int_eq(stage_list_node(table, 100, &found, &err), -ENOENT);
    ck_assert_uint_eq(found.len, 0);
    ck_assert_str_eq(err.text, "users: there is no such table any more");
    node_unref(table);
}
END_TEST

START_TEST(only_backups_may_be_cached)
{
    static const char *const paths[] = {"tables", "views", "tables/users", "tables/users/rows/1",
                                        "tables/users/count"};
    char path[64];
    stage_command(&stage, "backup");
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        snprintf(path, sizeof(path), "live/%s", paths[i]);
        ck_assert(!stage_attr(&stage, path).immutable);
        snprintf(path, sizeof(path), "backups/latest/%s", paths[i]);
        ck_assert(stage_attr(&stage, path).immutable);
        ck_assert_int_eq(stage_attr(&stage, path).mtime_ns,
                         stage_attr(&stage, "backups/latest").mtime_ns);
    }
}
END_TEST

START_TEST(a_live_directory_may_show_a_time_of_a_second_ago_and_a_live_file_may_not)
{
    static const char *const directories[] = {"live/tables", "live/tables/users",
                                              "live/tables/users/rows", "live/tables/users/rows/1"};
    static const char *const files[] = {"live/tables/users/count", "live/tables/users/rows.csv",
                                        "live/tables/users/rows/1/row.json",
                                        "live/tables/users/rows/1/id"};
    for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++)
        ck_assert_uint_eq(stage_attr(&stage, directories[i]).fresh_ms, 1000);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        ck_assert_uint_eq(stage_attr(&stage, files[i]).fresh_ms, 0);
}
END_TEST

START_TEST(a_listing_brings_attributes_only_where_the_kernel_may_keep_them)
{
    static const char *const paths[] = {"tables", "tables/users", "tables/users/rows/1"};
    char path[64];
    stage_command(&stage, "backup");
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        snprintf(path, sizeof(path), "live/%s", paths[i]);
        struct node *node = stage_node(&stage, path);
        ck_assert(node->names_only);
        node_unref(node);
        snprintf(path, sizeof(path), "backups/latest/%s", paths[i]);
        node = stage_node(&stage, path);
        ck_assert(!node->names_only);
        node_unref(node);
    }
}
END_TEST

START_TEST(tables_at_the_top_are_the_live_ones)
{
    check_text("", "tables/users/count", "12\n");
    struct buf target = BUF_INIT;
    struct node *node = NULL;
    struct err err = ERR_INIT;
    ck_assert_int_eq(node_lookup(stage.root, "tables", &node, &err), 0);
    ck_assert_int_eq(node->ops->target(node, &target, &err), 0);
    ck_assert_str_eq(buf_text(&target), "live/tables");
    buf_free(&target);
    node_unref(node);
}
END_TEST

Suite *suite_view_tables(void)
{
    Suite *suite = suite_create("view/tables");
    TCase *tests = tcase_create("tables");
    tcase_add_checked_fixture(tests, set, clear);
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, tables_and_views_are_listed_apart, 0, 2);
    tcase_add_loop_test(tests, what_sqlite_keeps_for_itself_answers_and_is_not_listed, 0, 2);
    tcase_add_loop_test(tests, names_are_encoded_and_have_one_spelling, 0, 2);
    tcase_add_loop_test(tests, a_name_that_was_cut_leads_to_its_table, 0, 2);
    tcase_add_loop_test(tests, count_is_the_number_of_rows, 0, 2);
    tcase_add_test(tests, live_follows_the_database_and_a_backup_does_not);
    tcase_add_loop_test(tests, a_view_on_what_is_gone_is_listed_and_says_why_it_cannot_be_read, 0,
                        2);
    tcase_add_test(tests, a_live_view_that_is_repaired_or_breaks_is_listed_so);
    tcase_add_test(tests, a_live_table_that_is_gone_is_no_empty_directory);
    tcase_add_test(tests, only_backups_may_be_cached);
    tcase_add_test(tests, a_live_directory_may_show_a_time_of_a_second_ago_and_a_live_file_may_not);
    tcase_add_test(tests, a_listing_brings_attributes_only_where_the_kernel_may_keep_them);
    tcase_add_test(tests, tables_at_the_top_are_the_live_ones);
    suite_add_tcase(suite, tests);
    return suite;
}
