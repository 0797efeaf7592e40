/* src/view/live.c, live_image.c: the database as it is now. */
#include <check.h>
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "view/support.h"

static struct stage stage;

START_TEST(an_open_copy_keeps_one_state_to_its_end)
{
    struct node_file *file = NULL;
    struct buf later = BUF_INIT;
    char bytes[4096];
    size_t len = 0, total = 0;
    stage_set(&stage, 2000);
    struct node *node = stage_node(&stage, "live/database.sqlite");
    struct node_attr attr = stage_attr(&stage, "live/database.sqlite");
    ck_assert_int_eq(node_open(node, false, NULL, &file, NULL), 0);
    ck_assert(file->direct && !file->keep_cache);
    stage_sql(&stage, "INSERT INTO users(name) SELECT name || name FROM users");
    do {
        ck_assert_int_eq(file->ops->read(file, total, bytes, sizeof(bytes), &len, NULL), 0);
        total += len;
    } while (len > 0);
    ck_assert_uint_eq(total, attr.size);
    file->ops->close(file);
    node_unref(node);
    stage_read(&stage, "live/database.sqlite", 65536, &later);
    ck_assert_uint_gt(later.len, total);
    ck_assert_uint_eq(stage_attr(&stage, "live/database.sqlite").size, later.len);
    buf_free(&later);
    stage_clear(&stage);
}
END_TEST

/* SQLite makes a first page when it copies nothing. */
START_TEST(an_empty_database_is_copied_as_sqlite_copies_it)
{
    struct buf content = BUF_INIT;
    stage_set(&stage, -1);
    stage_read(&stage, "live/schema.sql", 4096, &content);
    ck_assert_uint_eq(content.len, 0);
    stage_read(&stage, "live/database.sqlite", 4096, &content);
    ck_assert_uint_eq(stage_attr(&stage, "live/database.sqlite").size, content.len);
    buf_free(&content);
    stage_clear(&stage);
}
END_TEST

START_TEST(a_database_that_is_gone_says_so)
{
    struct node_attr attr;
    struct node_file *file = NULL;
    struct err err = ERR_INIT;
    stage_set(&stage, 10);
    struct node *node = stage_node(&stage, "live/database.sqlite");
    ck_assert_int_eq(unlink(stage.database), 0);
    ck_assert_int_eq(node_attr(node, &attr, &err), -ENOENT);
    ck_assert_ptr_nonnull(strstr(err.text, stage.database));
    ck_assert_int_eq(node_open(node, false, NULL, &file, &err), -ENOENT);
    node_unref(node);
    stage_clear(&stage);
}
END_TEST

START_TEST(the_copy_can_be_interrupted)
{
    static const atomic_bool yes = true;
    const struct node_request request = {.cancel = &yes};
    struct node_file *file = NULL;
    struct err err = ERR_INIT;
    stage_set(&stage, 2000);
    struct node *node = stage_node(&stage, "live/database.sqlite");
    ck_assert_int_eq(node_open(node, false, &request, &file, &err), -ECANCELED);
    ck_assert_str_ne(err.text, "");
    node_unref(node);
    stage_clear(&stage);
}
END_TEST

START_TEST(the_live_database_has_the_files_of_a_backup)
{
    struct buf names = BUF_INIT;
    stage_set(&stage, 10);
    stage_list(&stage, "live", 10, &names);
    ck_assert_str_eq(buf_text(&names), "database.sqlite database.sql schema.sql tables/ views/ ");
    ck_assert(stage_has(&stage, "live/database.sqlite-wal"));
    ck_assert(stage_has(&stage, "live/database.sqlite-shm"));
    buf_free(&names);
    stage_clear(&stage);
}
END_TEST

Suite *suite_view_live(void);
Suite *suite_view_live(void)
{
    Suite *suite = suite_create("view/live");
    TCase *tcase = tcase_create("live");
    tcase_add_test(tcase, an_open_copy_keeps_one_state_to_its_end);
    tcase_add_test(tcase, an_empty_database_is_copied_as_sqlite_copies_it);
    tcase_add_test(tcase, a_database_that_is_gone_says_so);
    tcase_add_test(tcase, the_copy_can_be_interrupted);
    tcase_add_test(tcase, the_live_database_has_the_files_of_a_backup);
    suite_add_tcase(suite, tcase);
    return suite;
}
