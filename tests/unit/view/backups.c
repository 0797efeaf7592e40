/* src/view/backups.c, entry.c, image.c, schema.c, sums.c and manifest.c: the backups. */
#include <check.h>
#include <errno.h>
#include <jansson.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dbsnapfs/service/service.h"
#include "dbsnapfs/store/repo.h"
#include "dbsnapfs/util/sha256.h"
#include "view/support.h"

static struct stage stage;

static void set(void)
{
    stage_set(&stage, 3000);
}

static void clear(void)
{
    stage_clear(&stage);
}

START_TEST(without_a_backup_there_is_no_latest)
{
    struct buf names = BUF_INIT;
    struct node *node = NULL;
    struct err err = ERR_INIT;
    stage_list(&stage, "backups", 10, &names);
    ck_assert_str_eq(buf_text(&names), "");
    ck_assert_int_eq(node_walk(stage.root, "backups/latest", &node, &err), -ENOENT);
    ck_assert_ptr_nonnull(strstr(err.text, "backups/latest: "));
    buf_free(&names);
}
END_TEST

START_TEST(a_listing_is_the_same_however_often_it_is_resumed)
{
    struct buf whole = BUF_INIT, pieces = BUF_INIT;
    for (int i = 0; i < 5; i++)
        stage_command(&stage, "backup");
    stage_list(&stage, "backups", 100, &whole);
    stage_list(&stage, "backups", (size_t)_i, &pieces);
    ck_assert_str_eq(buf_text(&whole), buf_text(&pieces));
    ck_assert_str_eq(buf_text(&whole) + whole.len - 8, "latest@ ");
    ck_assert_ptr_eq(strstr(buf_text(&whole), "latest"), whole.data + whole.len - 8);
    buf_free(&whole);
    buf_free(&pieces);
}
END_TEST

START_TEST(latest_follows_the_newest_backup)
{
    struct node *dir = stage_node(&stage, "backups"), *link = NULL;
    struct repo *repo = service_repo(stage.service);
    struct backup_entry newest = {.id = 0};
    struct node_attr attr;
    stage_command(&stage, "backup");
    ck_assert_int_eq(node_lookup(dir, "latest", &link, NULL), 0);
    for (int i = 0; i < 2; i++) {
        struct buf target = BUF_INIT;
        ck_assert_int_eq(repo_find(repo, "latest", &newest, NULL), 0);
        ck_assert_int_eq(link->ops->target(link, &target, NULL), 0);
        ck_assert_str_eq(buf_text(&target), newest.name);
        ck_assert_int_eq(node_attr(link, &attr, NULL), 0);
        ck_assert_uint_eq(attr.size, target.len);
        ck_assert_int_eq(attr.mtime_ns, newest.started_ns);
        ck_assert(!attr.immutable);
        ck_assert_int_eq(stage_attr(&stage, "backups").mtime_ns, newest.started_ns);
        ck_assert_int_eq(stage_attr(&stage, "backups/latest").mtime_ns, newest.started_ns);
        backup_entry_free(&newest);
        buf_free(&target);
        stage_command(&stage, "backup");
    }
    node_unref(link);
    node_unref(dir);
}
END_TEST

START_TEST(an_entry_hides_wal_and_shm_but_has_them)
{
    struct buf names = BUF_INIT, content = BUF_INIT;
    stage_command(&stage, "backup");
    stage_list(&stage, "backups/latest", 2, &names);
    ck_assert_str_eq(buf_text(&names), "database.sqlite database.sql schema.sql manifest.json "
                                       "SHA256SUMS tables/ views/ changes/ ");
    stage_read(&stage, "backups/latest/database.sqlite-wal", 10, &content);
    stage_read(&stage, "backups/latest/database.sqlite-shm", 10, &content);
    ck_assert_uint_eq(content.len, 0);
    ck_assert(!stage_has(&stage, "backups/latest/database.sqlite-journal"));
    buf_free(&names);
    buf_free(&content);
}
END_TEST

/* The check that follows a backup changes manifest.json once. */
static void wait_for_check(void)
{
    for (int i = 0; i < 1000; i++) {
        struct buf text = BUF_INIT;
        stage_read(&stage, "backups/latest/manifest.json", 4096, &text);
        bool checked = strstr(buf_text(&text), "\"check_result\": \"ok\"");
        buf_free(&text);
        if (checked)
            return;
        usleep(10000);
    }
    ck_abort_msg("the backup was never checked");
}

START_TEST(every_file_is_as_long_as_its_size_says)
{
    static const char *const names[] = {"database.sqlite", "schema.sql", "manifest.json",
                                        "SHA256SUMS"};
    char path[64];
    struct buf content = BUF_INIT;
    stage_command(&stage, "backup");
    wait_for_check();
    snprintf(path, sizeof(path), "backups/latest/%s", names[_i]);
    struct node_attr attr = stage_attr(&stage, path);
    stage_read(&stage, path, 4096, &content);
    ck_assert_uint_eq(attr.size, content.len);
    ck_assert_uint_gt(attr.size, 0);
    ck_assert_int_eq(attr.mtime_ns, stage_attr(&stage, "backups/latest").mtime_ns);
    ck_assert_int_eq(attr.immutable, strcmp(names[_i], "manifest.json") != 0);
    ck_assert_uint_eq(stage_attr(&stage, path).size, content.len);
    buf_free(&content);
}
END_TEST

START_TEST(a_backup_is_the_live_copy_byte_for_byte)
{
    struct buf live = BUF_INIT, backup = BUF_INIT;
    stage_command(&stage, "backup");
    stage_read(&stage, "live/database.sqlite", 100000, &live);
    stage_read(&stage, "backups/latest/database.sqlite", (size_t)_i, &backup);
    ck_assert_uint_eq(live.len, backup.len);
    ck_assert_mem_eq(live.data, backup.data, live.len);
    buf_free(&live);
    buf_free(&backup);
}
END_TEST

static void assert_sum(const char *sums, const char *path, const char *name)
{
    struct buf content = BUF_INIT;
    struct sha256 *sha256 = NULL;
    char hex[SHA256_HEX_BYTES], line[160];
    stage_read(&stage, path, 65536, &content);
    ck_assert_int_eq(sha256_new(&sha256, NULL), 0);
    ck_assert_int_eq(sha256_add(sha256, content.data, content.len, NULL), 0);
    ck_assert_int_eq(sha256_hex(sha256, hex, NULL), 0);
    snprintf(line, sizeof(line), "%s  %s\n", hex, name);
    ck_assert_msg(strstr(sums, line), "%s is not in %s", line, sums);
    sha256_free(sha256);
    buf_free(&content);
}

START_TEST(the_sums_are_right_and_remembered)
{
    struct buf sums = BUF_INIT, again = BUF_INIT;
    struct backup_entry newest = {.id = 0};
    stage_command(&stage, "backup");
    stage_read(&stage, "backups/latest/SHA256SUMS", 100, &sums);
    assert_sum(buf_text(&sums), "backups/latest/database.sqlite", "database.sqlite");
    assert_sum(buf_text(&sums), "backups/latest/schema.sql", "schema.sql");
    ck_assert_int_eq(repo_find(service_repo(stage.service), "latest", &newest, NULL), 0);
    ck_assert_mem_eq(newest.sha256, sums.data, 64);
    stage_read(&stage, "backups/latest/SHA256SUMS", 100, &again);
    ck_assert_str_eq(buf_text(&sums), buf_text(&again));
    backup_entry_free(&newest);
    buf_free(&sums);
    buf_free(&again);
}
END_TEST

START_TEST(working_out_the_sums_can_be_interrupted)
{
    static const atomic_bool yes = true;
    const struct node_request request = {.cancel = &yes};
    struct node_file *file = NULL;
    struct err err = ERR_INIT;
    stage_command(&stage, "backup");
    struct node *node = stage_node(&stage, "backups/latest/SHA256SUMS");
    ck_assert_int_eq(node_open(node, false, &request, &file, &err), -ECANCELED);
    ck_assert_str_eq(err.text, "SHA256SUMS: cancelled");
    node_unref(node);
}
END_TEST

START_TEST(the_manifest_is_json_of_this_backup)
{
    struct buf text = BUF_INIT;
    json_error_t error;
    stage_command(&stage, "backup note='before noon'");
    stage_read(&stage, "backups/latest/manifest.json", 100, &text);
    json_t *json = json_loadb(text.data, text.len, 0, &error);
    ck_assert_msg(json, "%s", error.text);
    ck_assert_str_eq(json_string_value(json_object_get(json, "note")), "before noon");
    json_decref(json);
    buf_free(&text);
}
END_TEST

START_TEST(the_schema_is_that_of_the_backup)
{
    struct buf before = BUF_INIT, backup = BUF_INIT;
    stage_read(&stage, "live/schema.sql", 100, &before);
    stage_command(&stage, "backup");
    stage_sql(&stage, "DROP INDEX by_name; CREATE TABLE later(x)");
    stage_read(&stage, "backups/latest/schema.sql", 100, &backup);
    ck_assert_str_eq(buf_text(&backup), buf_text(&before));
    ck_assert_ptr_nonnull(strstr(buf_text(&backup), "CREATE INDEX by_name ON users(name);\n"));
    buf_free(&before);
    buf_free(&backup);
}
END_TEST

START_TEST(a_file_stays_open_without_its_directory)
{
    struct node_file *file = NULL;
    char bytes[16];
    size_t len = 0;
    stage_command(&stage, "backup");
    struct node *node = stage_node(&stage, "backups/latest/database.sqlite");
    ck_assert_int_eq(node_open(node, false, NULL, &file, NULL), 0);
    ck_assert(file->keep_cache && !file->direct);
    node_unref(node);
    ck_assert_int_eq(file->ops->read(file, 0, bytes, 16, &len, NULL), 0);
    ck_assert_mem_eq(bytes, "SQLite format 3", 16);
    file->ops->close(file);
}
END_TEST

Suite *suite_view_backups(void);
Suite *suite_view_backups(void)
{
    Suite *suite = suite_create("view/backups");
    TCase *tcase = tcase_create("backups");
    tcase_add_checked_fixture(tcase, set, clear);
    tcase_add_test(tcase, without_a_backup_there_is_no_latest);
    tcase_add_loop_test(tcase, a_listing_is_the_same_however_often_it_is_resumed, 1, 8);
    tcase_add_test(tcase, latest_follows_the_newest_backup);
    tcase_add_test(tcase, an_entry_hides_wal_and_shm_but_has_them);
    tcase_add_loop_test(tcase, every_file_is_as_long_as_its_size_says, 0, 4);
    tcase_add_loop_test(tcase, a_backup_is_the_live_copy_byte_for_byte, 4095, 4098);
    tcase_add_test(tcase, the_sums_are_right_and_remembered);
    tcase_add_test(tcase, working_out_the_sums_can_be_interrupted);
    tcase_add_test(tcase, the_manifest_is_json_of_this_backup);
    tcase_add_test(tcase, the_schema_is_that_of_the_backup);
    tcase_add_test(tcase, a_file_stays_open_without_its_directory);
    suite_add_tcase(suite, tcase);
    return suite;
}
