/*
 * src/view/rendered.c, past_file.c, live_file.c and renderings.c: texts of any length, each of one
 * state.
 */
#include "view/rendered.h"

#include <check.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dbsnapfs/service/service.h"
#include "dbsnapfs/store/repo.h"
#include "view/context.h"
#include "view/holder.h"
#include "view/scope.h"
#include "view/scope_pool.h"
#include "view/support.h"

#define MANY 100000 /* rows: more than a MiB */
#define PIECE 100000

static struct stage stage;
static struct view *view; /* a second one, whose timeout a test may change */
static struct scope *live;
static struct node *csv; /* of live users, in that view */
static struct buf text = BUF_INIT;

static void set(void)
{
    struct err err = ERR_INIT;
    stage_set(&stage, MANY);
    ck_assert_int_eq(view_new(stage.service, &view, &err), 0);
    ck_assert_int_eq(scope_live(view, &live, &err), 0);
    ck_assert_int_eq(rendered_rows_make(live, "users", false, TEXT_CSV, &csv, &err), 0);
}

static void clear(void)
{
    buf_free(&text);
    node_unref(csv);
    scope_unref(live);
    view_close(view);
    stage_clear(&stage);
}

static struct node_file *open_node(struct node *node)
{
    struct node_file *file = NULL;
    struct err err = ERR_INIT;
    ck_assert_msg(node_open(node, false, NULL, &file, &err) == 0, "%s", err.text);
    return file;
}

static struct node_file *open_path(const char *path)
{
    struct node *node = stage_node(&stage, path);
    struct node_file *file = open_node(node);
    node_unref(node);
    return file;
}

/* The rest from `offset` on, appended to `text`. */
static void read_from(struct node_file *file, uint64_t offset)
{
    size_t len = 1;
    struct err err = ERR_INIT;
    while (len > 0) {
        void *bytes = buf_reserve(&text, PIECE);
        ck_assert_ptr_nonnull(bytes);
        ck_assert_msg(file->ops->read(file, offset, bytes, PIECE, &len, &err) == 0, "%s", err.text);
        text.len += len;
        offset += len;
    }
    buf_add_text(&text, "");
}

static uint64_t size_of(struct node_file *file)
{
    uint64_t size = 0;
    struct err err = ERR_INIT;
    ck_assert_msg(file->ops->size(file, &size, &err) == 0, "%s", err.text);
    return size;
}

static unsigned lines(void)
{
    unsigned count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += text.data[i] == '\n';
    return count;
}

/* What PRAGMA wal_checkpoint(TRUNCATE) says: 0 when the -wal file was emptied. */
static int checkpoint(void)
{
    sqlite3 *db = NULL;
    ck_assert_int_eq(sqlite3_open(stage.database, &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db, "SELECT count(*) FROM users", NULL, NULL, NULL), SQLITE_OK);
    int rc = sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
    return rc;
}

static const char *const places[] = {"live", "backups/latest"};
static const char *const forms[] = {"rows.csv", "rows.ndjson", "rows.sql"};

START_TEST(texts_are_as_long_as_is_said_live_and_in_a_backup)
{
    struct buf first = BUF_INIT;
    stage_sql(&stage, "CREATE TABLE small(x); INSERT INTO small VALUES (1), (NULL), ('a')");
    stage_command(&stage, "backup");
    for (size_t table = 0; table < 2; table++)
        for (size_t form = 0; form < 3; form++) {
            buf_clear(&first);
            for (size_t place = 0; place < 2; place++) {
                char path[96];
                snprintf(path, sizeof(path), "%s/tables/%s/%s", places[place],
                         table ? "small" : "users", forms[form]);
                buf_clear(&text);
                stage_read(&stage, path, PIECE, &text);
                ck_assert_uint_eq(stage_attr(&stage, path).size, text.len);
                if (place == 0)
                    buf_add(&first, text.data, text.len);
            }
            ck_assert_uint_eq(first.len, text.len);
            ck_assert_int_eq(memcmp(first.data, text.data, text.len), 0);
        }
    buf_free(&first);
}
END_TEST

START_TEST(to_look_up_measures_nothing)
{
    struct node_attr attr;
    struct err err = ERR_INIT;
    bool whole = true;
    ck_assert_int_eq(node_glance(csv, &attr, &whole, &err), 0);
    ck_assert(!whole);
    ck_assert(!attr.immutable);
    ck_assert_uint_eq(attr.size, 0);
}
END_TEST

START_TEST(a_long_live_text_is_of_one_state_and_knows_its_size)
{
    struct node_file *file = open_node(csv);
    stage_sql(&stage, "DELETE FROM users WHERE id % 2");
    uint64_t size = size_of(file);
    read_from(file, 0);
    ck_assert_uint_eq(lines(), MANY + 1);
    ck_assert_uint_eq(text.len, size);
    ck_assert(file->direct);
    file->ops->close(file);
    file = open_node(csv);
    ck_assert_uint_lt(size_of(file), size);
    file->ops->close(file);
}
END_TEST

START_TEST(a_small_live_text_is_of_one_state_and_holds_nothing)
{
    stage_sql(&stage, "DELETE FROM users WHERE id > 10");
    struct node_file *file = open_node(csv);
    stage_sql(&stage, "DELETE FROM users");
    ck_assert_uint_eq(holders_count(view->holders, false), 0);
    ck_assert_int_eq(checkpoint(), SQLITE_OK);
    uint64_t size = size_of(file);
    read_from(file, 0);
    ck_assert_uint_eq(lines(), 11);
    ck_assert_uint_eq(text.len, size);
    file->ops->close(file);
}
END_TEST

START_TEST(an_open_long_text_lets_writers_write_and_keeps_the_wal_file)
{
    struct node_file *file = open_node(csv);
    ck_assert_uint_eq(holders_count(view->holders, false), 1);
    stage_sql(&stage, "INSERT INTO users(name) VALUES ('new')");
    ck_assert_int_eq(checkpoint(), SQLITE_BUSY);
    file->ops->close(file);
    ck_assert_uint_eq(holders_count(view->holders, false), 0);
    ck_assert_int_eq(checkpoint(), SQLITE_OK);
}
END_TEST

static void await_given_up(void)
{
    const struct timespec nap = {.tv_nsec = 10000000};
    for (int i = 0; i < 2000 && holders_count(view->holders, false) > 0; i++)
        nanosleep(&nap, NULL);
    ck_assert_uint_eq(holders_count(view->holders, false), 0);
}

START_TEST(a_state_is_given_up_in_time_and_the_log_says_so)
{
    char byte;
    size_t len;
    uint64_t size;
    struct err err = ERR_INIT;
    view->live_timeout_s = 1;
    struct node_file *file = open_node(csv);
    stage_sql(&stage, "INSERT INTO users(name) VALUES ('new')");
    await_given_up();
    ck_assert_int_eq(checkpoint(), SQLITE_OK);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(file->ops->read(file, 0, &byte, 1, &len, &err), -ETIMEDOUT);
        ck_assert_ptr_nonnull(strstr(err.text, "within 1 s (-o live-timeout=)"));
    }
    ck_assert_int_eq(file->ops->size(file, &size, &err), -ETIMEDOUT);
    file->ops->close(file);
    ck_assert_int_eq(service_log(stage.service, &text, &err), 0);
    ck_assert_ptr_nonnull(
        strstr(buf_text(&text), " read error: live/tables/users/rows.csv: not read to its end"));
}
END_TEST

START_TEST(a_timeout_of_zero_never_comes)
{
    char byte;
    size_t len = 0;
    struct err err = ERR_INIT;
    view->live_timeout_s = 0;
    struct node_file *file = open_node(csv);
    ck_assert_int_eq(file->ops->read(file, 1500000, &byte, 1, &len, &err), 0);
    ck_assert_uint_eq(len, 1);
    file->ops->close(file);
}
END_TEST

START_TEST(in_rollback_mode_an_open_text_blocks_no_writer)
{
    stage_sql(&stage, "PRAGMA journal_mode = delete");
    struct node_file *file = open_node(csv);
    ck_assert_uint_eq(holders_count(view->holders, false), 0);
    stage_sql(&stage, "DELETE FROM users WHERE id % 2");
    read_from(file, 0);
    ck_assert_uint_eq(lines(), MANY + 1);
    ck_assert_uint_eq(size_of(file), text.len);
    file->ops->close(file);
}
END_TEST

START_TEST(when_many_states_are_held_the_next_is_copied)
{
    struct node_file *files[40];
    for (size_t i = 0; i < 40; i++)
        files[i] = open_node(csv);
    ck_assert_uint_eq(holders_count(view->holders, false), 32);
    stage_sql(&stage, "DELETE FROM users");
    read_from(files[0], 0);
    size_t len = text.len;
    read_from(files[39], 0);
    ck_assert_uint_eq(text.len, 2 * len);
    ck_assert_int_eq(memcmp(text.data, text.data + len, len), 0);
    for (size_t i = 0; i < 40; i++)
        files[i]->ops->close(files[i]);
}
END_TEST

START_TEST(who_is_interrupted_waits_no_longer)
{
    static const atomic_bool now = true;
    const struct node_request request = {.cancel = &now};
    struct node_file *file = NULL;
    struct node *endless = NULL;
    struct err err = ERR_INIT;
    stage_sql(&stage, "CREATE VIEW endless AS WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT "
                      "i + 1 FROM n) SELECT i FROM n WHERE i < 0");
    ck_assert_int_eq(rendered_rows_make(live, "endless", true, TEXT_CSV, &endless, &err), 0);
    ck_assert_int_eq(node_open(endless, false, &request, &file, &err), -ECANCELED);
    node_unref(endless);
    ck_assert_uint_le(scope_pool_idle(view->pool), 1);
}
END_TEST

START_TEST(a_backups_text_is_read_from_any_offset_by_several_at_once)
{
    struct node_file *files[20];
    stage_command(&stage, "backup");
    stage_read(&stage, "backups/latest/tables/users/rows.csv", PIECE, &text);
    size_t whole = text.len;
    for (size_t i = 0; i < 20; i++)
        files[i] = open_path("backups/latest/tables/users/rows.csv");
    for (size_t i = 0; i < 20; i++) {
        char bytes[100];
        size_t len = 0;
        uint64_t offset = (whole - 100) / 20 * (19 - i);
        struct err err = ERR_INIT;
        ck_assert_int_eq(files[i]->ops->read(files[i], offset, bytes, 100, &len, &err), 0);
        ck_assert_uint_eq(len, 100);
        ck_assert_int_eq(memcmp(bytes, text.data + offset, 100), 0);
    }
    read_from(files[0], whole / 2);
    ck_assert_uint_eq(text.len, whole + whole - whole / 2);
    ck_assert_int_eq(memcmp(text.data + whole, text.data + whole / 2, whole - whole / 2), 0);
    for (size_t i = 0; i < 20; i++)
        files[i]->ops->close(files[i]);
}
END_TEST

START_TEST(a_broken_view_says_why)
{
    struct node_attr attr;
    char byte;
    size_t len;
    struct err err = ERR_INIT;
    stage_sql(&stage, "CREATE VIEW broken AS SELECT * FROM nowhere");
    stage_command(&stage, "backup");
    for (size_t i = 0; i < 2; i++) {
        char path[64];
        struct node_file *file = NULL;
        snprintf(path, sizeof(path), "%s/views/broken/rows.csv", places[i]);
        struct node *node = stage_node(&stage, path);
        ck_assert_int_eq(node_attr(node, &attr, &err), -EIO);
        ck_assert_ptr_nonnull(strstr(err.text, "nowhere"));
        err = (struct err)ERR_INIT;
        int r = node_open(node, false, NULL, &file, &err);
        if (r == 0) {
            r = file->ops->read(file, 0, &byte, 1, &len, &err);
            file->ops->close(file);
        }
        ck_assert_int_eq(r, -EIO);
        ck_assert_ptr_nonnull(strstr(err.text, "nowhere"));
        node_unref(node);
        buf_clear(&text);
        snprintf(path, sizeof(path), "%s/views/broken/schema.sql", places[i]);
        stage_read(&stage, path, 100, &text);
        ck_assert_str_eq(buf_text(&text), "CREATE VIEW broken AS SELECT * FROM nowhere;\n");
    }
}
END_TEST

START_TEST(a_table_that_is_dropped_cannot_be_opened)
{
    struct node_file *file = NULL;
    struct err err = ERR_INIT;
    stage_sql(&stage, "DROP TABLE users");
    ck_assert_int_eq(node_open(csv, false, NULL, &file, &err), -ENOENT);
    ck_assert_ptr_nonnull(strstr(err.text, "users: "));
}
END_TEST

Suite *suite_view_rendered(void)
{
    Suite *suite = suite_create("view/rendered");
    TCase *tests = tcase_create("rendered");
    tcase_add_checked_fixture(tests, set, clear);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, texts_are_as_long_as_is_said_live_and_in_a_backup);
    tcase_add_test(tests, to_look_up_measures_nothing);
    tcase_add_test(tests, a_long_live_text_is_of_one_state_and_knows_its_size);
    tcase_add_test(tests, a_small_live_text_is_of_one_state_and_holds_nothing);
    tcase_add_test(tests, an_open_long_text_lets_writers_write_and_keeps_the_wal_file);
    tcase_add_test(tests, a_state_is_given_up_in_time_and_the_log_says_so);
    tcase_add_test(tests, a_timeout_of_zero_never_comes);
    tcase_add_test(tests, in_rollback_mode_an_open_text_blocks_no_writer);
    tcase_add_test(tests, when_many_states_are_held_the_next_is_copied);
    tcase_add_test(tests, who_is_interrupted_waits_no_longer);
    tcase_add_test(tests, a_backups_text_is_read_from_any_offset_by_several_at_once);
    tcase_add_test(tests, a_broken_view_says_why);
    tcase_add_test(tests, a_table_that_is_dropped_cannot_be_opened);
    suite_add_tcase(suite, tests);
    return suite;
}
