/* src/view/changes.c: what differs from the backup before, as files. */
#include <check.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "dbsnapfs/service/changes.h"
#include "dbsnapfs/service/service.h"
#include "dbsnapfs/store/repo.h"
#include "dbsnapfs/util/buf.h"
#include "service/noted.h"
#include "view/support.h"

#define LATEST "backups/latest/changes"

static struct stage stage;

static void set(void)
{
    stage_set(&stage, 300);
}

static void clear(void)
{
    stage_clear(&stage);
}

/* Changes the database and backs it up. */
static void day(const char *sql)
{
    stage_sql(&stage, sql);
    stage_command(&stage, "backup");
}

static void assert_list(const char *path, const char *expected)
{
    struct buf names = BUF_INIT;
    stage_list(&stage, path, 100, &names);
    ck_assert_str_eq(buf_text(&names), expected);
    buf_free(&names);
}

/* The content, whose length is also what the attributes say. */
static void assert_has(const char *path, const char *part)
{
    struct buf text = BUF_INIT;
    stage_read(&stage, path, 4096, &text);
    ck_assert_msg(strstr(buf_text(&text), part) != NULL, "%s: %s", path, buf_text(&text));
    ck_assert_uint_eq(stage_attr(&stage, path).size, text.len);
    buf_free(&text);
}

START_TEST(the_first_backup_says_that_there_is_none_before_it)
{
    day("SELECT 1");
    assert_list(LATEST, "summary ");
    assert_has(LATEST "/summary", "the first backup");
}
END_TEST

START_TEST(a_backup_of_the_same_content_says_that_nothing_changed)
{
    day("SELECT 1");
    day("UPDATE users SET name = name");
    assert_list(LATEST, "summary ");
    assert_has(LATEST "/summary", "nothing changed\n");
}
END_TEST

START_TEST(there_are_two_files_for_each_table_that_changed)
{
    day("CREATE TABLE same(x); CREATE TABLE \"a/b\"(x); CREATE TABLE goes(x)");
    day("UPDATE users SET name = 'other' WHERE id = 7; DELETE FROM users WHERE id = 9;"
        "INSERT INTO \"a/b\" VALUES(1), (2); DROP TABLE goes; CREATE INDEX same_x ON same(x)");
    assert_list(LATEST,
                "summary users.csv users.sql same.csv same.sql a%2Fb.csv a%2Fb.sql goes.csv "
                "goes.sql ");
    assert_has(LATEST "/summary", "         0          1          1  users\n");
    assert_has(LATEST "/summary", "         2          0          0  a%2Fb\n");
    assert_has(LATEST "/summary", "         0          0          0  goes  (gone)\n");
    assert_has(LATEST "/summary", "         0          0          0  same  (new SQL)\n");
    assert_has(LATEST "/users.csv", "\"update\",\"7\",7,\"user 7\",7,\"other\"\r\n");
    assert_has(LATEST "/users.csv", "\"delete\",\"9\",9,\"user 9\",,\r\n");
    assert_has(LATEST "/users.sql", "DELETE FROM \"users\"");
    assert_has(LATEST "/same.sql", "CREATE INDEX same_x ON same(x)");
}
END_TEST

START_TEST(a_listing_is_the_same_however_often_it_is_resumed)
{
    struct buf whole = BUF_INIT, pieces = BUF_INIT;
    day("CREATE TABLE a(x); CREATE TABLE b(x); CREATE TABLE c(x)");
    day("INSERT INTO a VALUES(1); INSERT INTO c VALUES(1); DELETE FROM users");
    stage_list(&stage, LATEST, 100, &whole);
    stage_list(&stage, LATEST, (size_t)_i, &pieces);
    ck_assert_str_eq(buf_text(&whole), "summary users.csv users.sql a.csv a.sql c.csv c.sql ");
    ck_assert_str_eq(buf_text(&whole), buf_text(&pieces));
    buf_free(&whole);
    buf_free(&pieces);
}
END_TEST

START_TEST(what_did_not_change_has_no_file)
{
    struct node *node = NULL;
    struct err err = ERR_INIT;
    day("CREATE TABLE same(x)");
    day("DELETE FROM users WHERE id = 1");
    ck_assert_int_eq(node_walk(stage.root, LATEST "/same.csv", &node, &err), -ENOENT);
    ck_assert_ptr_nonnull(strstr(err.text, "nothing changed"));
    ck_assert(!stage_has(&stage, LATEST "/users"));
    ck_assert(stage_has(&stage, LATEST "/users.sql"));
}
END_TEST

START_TEST(long_changes_are_as_long_as_they_say)
{
    day("SELECT 1");
    day("UPDATE users SET name = hex(zeroblob(4000)) || id");
    assert_has(LATEST "/users.csv", "\"update\",\"300\",300,\"user 300\",300,\"0000");
    ck_assert_uint_gt(stage_attr(&stage, LATEST "/users.csv").size, 2 << 20);
}
END_TEST

START_TEST(each_backup_is_compared_with_the_one_before_it)
{
    char path[200];
    struct buf names = BUF_INIT;
    day("SELECT 1");
    day("UPDATE users SET name = 'two' WHERE id = 2");
    day("UPDATE users SET name = 'three' WHERE id = 3");
    stage_list(&stage, "backups", 100, &names);
    const char *second = strstr(buf_text(&names), "/ ") + 2;
    snprintf(path, sizeof(path), "backups/%.*s/changes/users.csv", (int)strcspn(second, "/"),
             second);
    assert_has(path, "\"update\",\"2\"");
    assert_has(LATEST "/users.csv", "after.name\"\r\n\"update\",\"3\"");
    buf_free(&names);
}
END_TEST

/* ---- tables that cannot be read ---- */

/* From now on reading the table fails: SQLite has no such number. */
static const char make_unreadable[] =
    "CREATE TABLE \"b d\"(a, b AS (a)); INSERT INTO \"b d\" VALUES(-9223372036854775808);"
    "PRAGMA writable_schema = ON;"
    "UPDATE sqlite_schema SET sql = 'CREATE TABLE \"b d\"(a, b AS (abs(a)))' WHERE name = 'b d'";

START_TEST(an_unreadable_table_harms_no_other)
{
    day("SELECT 1");
    stage_sql(&stage, make_unreadable);
    day("UPDATE users SET name = 'other' WHERE id = 7");
    assert_list(LATEST, "summary users.csv users.sql b d.csv b d.sql ");
    assert_has(LATEST "/summary", "         0          1          0  users\n");
    assert_has(LATEST "/summary", "         -          -          -  b d  (unreadable: ");
    assert_has(LATEST "/summary", "integer overflow)\n");
    assert_has(LATEST "/users.csv", "\"update\",\"7\"");
    assert_has(LATEST "/users.sql", "REPLACE INTO \"users\"");
}
END_TEST

START_TEST(the_files_of_an_unreadable_table_can_be_looked_at_and_not_opened)
{
    static const char *const paths[] = {LATEST "/b d.csv", LATEST "/b d.sql"};
    day("SELECT 1");
    day(make_unreadable);
    for (size_t i = 0; i < 2; i++) {
        struct node *node = stage_node(&stage, paths[i]);
        struct node_file *file = NULL;
        struct err err = ERR_INIT;
        ck_assert_uint_eq(stage_attr(&stage, paths[i]).size, 0);
        ck_assert_int_eq(node_open(node, false, NULL, &file, &err), -EIO);
        ck_assert_msg(strstr(err.text, "integer overflow") != NULL, "%s", err.text);
        node_unref(node);
    }
}
END_TEST

static void note(const char *fact)
{
    struct buf text = BUF_INIT;
    buf_add_text(&text, fact);
    ck_assert_int_eq(noted_put(service_repo(stage.service), 2, FACT_CHANGES, &text, NULL), 0);
    buf_free(&text);
}

/* ---- who is interrupted ---- */

/* Nothing is noted about the second backup, and the background does not come again. */
static void forget_changes(void)
{
    const struct timespec nap = {.tv_nsec = 5000000};
    struct buf fact = BUF_INIT;
    int r = -ENOENT;
    for (int i = 0; i < 4000 && r == -ENOENT; i++) {
        r = repo_find_fact(service_repo(stage.service), 2, FACT_CHANGES, &fact, NULL);
        nanosleep(&nap, NULL);
    }
    ck_assert_int_eq(r, 0);
    buf_free(&fact);
    note("nothing that could be understood");
}

static const atomic_bool interrupted = true;
static const struct node_request interrupted_request = {.cancel = &interrupted};

START_TEST(who_is_interrupted_leaves_the_comparison_to_the_next)
{
    static const char *const paths[] = {LATEST, LATEST "/summary"};
    day("SELECT 1");
    day("UPDATE users SET name = 'other' WHERE id = 7");
    forget_changes();
    for (size_t i = 0; i < 2; i++) {
        struct node *node = stage_node(&stage, paths[i]);
        struct node_attr attr;
        struct buf names = BUF_INIT;
        struct err err = ERR_INIT;
        node_serve(&interrupted_request);
        int r = i == 0 ? stage_list_node(node, 100, &names, &err) : node_attr(node, &attr, &err);
        node_serve(NULL);
        ck_assert_int_eq(r, -ECANCELED);
        ck_assert_msg(strstr(err.text, "cancelled") != NULL, "%s", err.text);
        node_unref(node);
        buf_free(&names);
    }
    assert_list(LATEST, "summary users.csv users.sql ");
    assert_has(LATEST "/summary", "         0          1          0  users\n");
}
END_TEST

/* Somebody else asks while this listing has what changed, and is interrupted. */
static int ask_meanwhile(void *arg, const char *name, enum node_kind kind, uint64_t next)
{
    struct err err = ERR_INIT;
    struct buf names = BUF_INIT;
    (void)kind;
    if (next < 2)
        return 0;
    node_serve(&interrupted_request);
    ck_assert_int_eq(stage_list_node(arg, 100, &names, &err), -ECANCELED);
    node_serve(NULL);
    ck_assert_str_eq(err.text, "changes: cancelled");
    ck_assert_str_eq(name, "users.csv");
    buf_free(&names);
    return 1;
}

START_TEST(who_waits_for_another_can_be_interrupted)
{
    struct err err = ERR_INIT;
    day("SELECT 1");
    day("UPDATE users SET name = 'other' WHERE id = 7");
    struct node *node = stage_node(&stage, LATEST);
    ck_assert_msg(node_list(node, NULL, 0, ask_meanwhile, node, &err) == 0, "%s", err.text);
    node_unref(node);
}
END_TEST

START_TEST(a_reason_stays_in_its_line)
{
    day("SELECT 1");
    day("UPDATE users SET name = 'other' WHERE id = 7");
    note("1 1\n5:users u 12:a\n9 9 9  x\x7f\x1b\n");
    assert_has(LATEST "/summary",
               "         -          -          -  users  (unreadable: a 9 9 9  x  )\n");
}
END_TEST

START_TEST(a_table_that_can_be_read_again_is_compared_anew)
{
    struct buf text = BUF_INIT;
    day("SELECT 1");
    day("UPDATE users SET name = 'other' WHERE id = 7");
    note("1 1\n5:users u 3:why\n");
    ck_assert_uint_eq(stage_attr(&stage, LATEST "/users.csv").size, 0);
    stage_read(&stage, LATEST "/users.csv", 4096, &text);
    ck_assert_ptr_nonnull(strstr(buf_text(&text), "\"update\",\"7\""));
    assert_has(LATEST "/users.csv", "\"update\",\"7\"");
    assert_has(LATEST "/summary", "         0          1          0  users\n");
    buf_free(&text);
}
END_TEST

Suite *suite_view_changes(void);
Suite *suite_view_changes(void)
{
    Suite *suite = suite_create("view/changes");
    TCase *tests = tcase_create("changes");
    tcase_add_checked_fixture(tests, set, clear);
    tcase_add_test(tests, the_first_backup_says_that_there_is_none_before_it);
    tcase_add_test(tests, a_backup_of_the_same_content_says_that_nothing_changed);
    tcase_add_test(tests, there_are_two_files_for_each_table_that_changed);
    tcase_add_loop_test(tests, a_listing_is_the_same_however_often_it_is_resumed, 1, 6);
    tcase_add_test(tests, what_did_not_change_has_no_file);
    tcase_add_test(tests, long_changes_are_as_long_as_they_say);
    tcase_add_test(tests, each_backup_is_compared_with_the_one_before_it);
    tcase_add_test(tests, an_unreadable_table_harms_no_other);
    tcase_add_test(tests, the_files_of_an_unreadable_table_can_be_looked_at_and_not_opened);
    tcase_add_test(tests, who_is_interrupted_leaves_the_comparison_to_the_next);
    tcase_add_test(tests, who_waits_for_another_can_be_interrupted);
    tcase_add_test(tests, a_reason_stays_in_its_line);
    tcase_add_test(tests, a_table_that_can_be_read_again_is_compared_anew);
    suite_add_tcase(suite, tests);
    return suite;
}
