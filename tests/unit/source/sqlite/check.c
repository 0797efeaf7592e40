/*
 * What a check finds, and what it must not call a fault.
 */
#include "source/sqlite/check.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "source/sqlite/image.h"
#include "source/sqlite/support.h"

Suite *suite_source_sqlite_check(void);

static int check_image(struct memory_image *memory, bool deep, const atomic_bool *cancel,
                       struct buf *out, struct err *err)
{
    struct snapshot_image reader = memory_image_reader(memory);

    return image_check(&reader, deep, cancel, out, err);
}

/* The first line of what is found in the database a.db. */
static const char *first_finding(bool deep, uint64_t damaged_at)
{
    static char line[300];
    struct memory_image memory = {BUF_INIT, damaged_at};
    struct buf out = BUF_INIT;
    struct err err = ERR_INIT;

    file_load("a.db", &memory.bytes);
    ck_assert_msg(check_image(&memory, deep, NULL, &out, &err) == 0, "%s", err.text);
    ck_assert_uint_gt(out.len, 0);
    ck_assert_int_eq(out.data[out.len - 1], '\n');
    snprintf(line, sizeof(line), "%.*s", (int)strcspn(buf_text(&out), "\n"), buf_text(&out));
    buf_free(&memory.bytes);
    buf_free(&out);
    return line;
}

static int reverse(void *arg, int a_len, const void *a, int b_len, const void *b)
{
    int order = memcmp(b, a, (size_t)(a_len < b_len ? a_len : b_len));

    (void)arg;
    return order ? order : b_len - a_len;
}

static void one_function(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count, (void)values;
    sqlite3_result_int(context, 1);
}

START_TEST(a_good_database_is_ok)
{
    database_make("a.db", "CREATE TABLE t(a UNIQUE); INSERT INTO t VALUES(1), (2)");
    ck_assert_str_eq(first_finding(false, 0), "ok");
    ck_assert_str_eq(first_finding(true, 0), "ok");
}
END_TEST

START_TEST(a_damaged_page_is_found)
{
    database_make("a.db", "CREATE TABLE t(a); INSERT INTO t VALUES(1), (2)");
    file_patch("a.db", 4096, "\x0d\xff\xff\xff\xff\xff", 6);
    ck_assert_str_ne(first_finding(false, 0), "ok");
    file_patch("a.db", 4096, "\x77", 1);
    ck_assert_str_ne(first_finding(false, 0), "ok");
}
END_TEST

START_TEST(a_damaged_schema_is_found)
{
    database_make("a.db", "CREATE TABLE t(a); PRAGMA writable_schema=ON;"
                          "UPDATE sqlite_schema SET sql = 'CREATE NONSENSE'");
    ck_assert_ptr_nonnull(strstr(first_finding(false, 0), "malformed database schema (t)"));
}
END_TEST

#define SOME                                                                         \
    "CREATE TABLE t(a UNIQUE); CREATE VIEW v AS SELECT 1; INSERT INTO t VALUES (1);" \
    "CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT 1; END"

START_TEST(a_view_or_trigger_that_sqlite_does_not_understand_is_no_fault)
{
    database_make("a.db", SOME);
    schema_make_newer(_i == 0 ? "v" : "r");
    ck_assert_str_eq(first_finding(false, 0), "ok");
    ck_assert_str_eq(first_finding(true, 0), "ok");
    file_patch("a.db", 4096, "\x77", 1);
    ck_assert_str_ne(first_finding(false, 0), "ok");
}
END_TEST

START_TEST(a_table_that_sqlite_does_not_understand_is_not_checked_and_that_is_found)
{
    database_make("a.db", SOME);
    schema_make_newer("t");
    ck_assert_ptr_nonnull(strstr(first_finding(false, 0), "cannot read its schema (malformed "
                                                          "database schema (t) - near \"OF\""));
}
END_TEST

START_TEST(an_image_that_is_no_database_is_found)
{
    char bytes[8192];

    memset(bytes, 'x', sizeof(bytes));
    file_write("a.db", bytes, sizeof(bytes));
    ck_assert_str_eq(first_finding(false, 0), "file is not a database");
}
END_TEST

static void assert_store_fails(bool deep, uint64_t damaged_at)
{
    struct memory_image memory = {BUF_INIT, damaged_at};
    struct buf out = BUF_INIT;
    struct err err = ERR_INIT;

    file_load("a.db", &memory.bytes);
    ck_assert_int_eq(check_image(&memory, deep, NULL, &out, &err), -EBADMSG);
    ck_assert_str_eq(err.text, "segments/7.seg: frame 3: checksum does not match");
    ck_assert_uint_eq(out.len, 0);
    buf_free(&memory.bytes);
    buf_free(&out);
}

START_TEST(damage_in_the_store_is_no_finding_and_told_in_its_own_words)
{
    database_make("a.db", "CREATE TABLE t(a); INSERT INTO t VALUES(randomblob(100000))");
    assert_store_fails(false, 8192);
    assert_store_fails(true, 50);
}
END_TEST

START_TEST(a_row_that_points_nowhere_is_found_by_a_deep_check)
{
    database_make("a.db", "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(p REFERENCES p);"
                          "INSERT INTO c VALUES(7)");
    ck_assert_str_eq(first_finding(false, 0), "ok");
    ck_assert_str_eq(first_finding(true, 0), "row 1 of c names a missing row of p");
}
END_TEST

START_TEST(a_foreign_key_that_fits_no_parent_is_found_by_a_deep_check)
{
    database_make("a.db", "CREATE TABLE p(a); CREATE TABLE c(p REFERENCES p(a));"
                          "INSERT INTO c VALUES(7)");
    ck_assert_ptr_nonnull(strstr(first_finding(true, 0), "foreign key mismatch"));
}
END_TEST

START_TEST(an_index_without_its_row_is_found_by_a_deep_check)
{
    database_make("a.db", "CREATE TABLE t(a); CREATE INDEX i ON t(a); INSERT INTO t VALUES(1), (2);"
                          "PRAGMA writable_schema=ON; UPDATE sqlite_schema SET sql ="
                          " 'CREATE INDEX i ON t(a) WHERE a > 1' WHERE name = 'i'");
    ck_assert_str_ne(first_finding(true, 0), "ok");
}
END_TEST

START_TEST(what_only_the_application_has_is_no_fault)
{
    sqlite3 *db = shell_open("a.db");

    sqlite3_create_collation(db, "APP", SQLITE_UTF8, NULL, reverse);
    sqlite3_create_function(db, "app", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS,
                            NULL, one_function, NULL, NULL);
    database_exec(db, "CREATE TABLE t(a TEXT COLLATE app UNIQUE, b CHECK(app(b)),"
                      " c AS (app(a))); CREATE INDEX i ON t(app(b));"
                      "INSERT INTO t VALUES('a', 1), ('b', 2), ('c', 3)");
    sqlite3_close(db);
    ck_assert_str_eq(first_finding(false, 0), "ok");
    ck_assert_str_eq(first_finding(true, 0), "ok");
}
END_TEST

START_TEST(a_check_can_be_cancelled)
{
    struct memory_image memory = {BUF_INIT, 0};
    struct buf out = BUF_INIT;
    struct err err = ERR_INIT;
    atomic_bool cancel = true;

    database_make("a.db", "CREATE TABLE t(a); INSERT INTO t VALUES(randomblob(100000))");
    file_load("a.db", &memory.bytes);
    ck_assert_int_eq(check_image(&memory, true, &cancel, &out, &err), -ECANCELED);
    ck_assert_ptr_nonnull(strstr(err.text, "cancelled"));
    ck_assert_uint_eq(out.len, 0);
    buf_free(&memory.bytes);
    buf_free(&out);
}
END_TEST

Suite *suite_source_sqlite_check(void)
{
    Suite *suite = suite_create("source/sqlite/check");
    TCase *findings = tcase_create("findings");

    tcase_add_checked_fixture(findings, folder_set_up, folder_tear_down);
    tcase_add_test(findings, a_good_database_is_ok);
    tcase_add_test(findings, a_damaged_page_is_found);
    tcase_add_test(findings, a_damaged_schema_is_found);
    tcase_add_test(findings, an_image_that_is_no_database_is_found);
    tcase_add_loop_test(findings, a_view_or_trigger_that_sqlite_does_not_understand_is_no_fault, 0,
                        2);
    tcase_add_test(findings,
                   a_table_that_sqlite_does_not_understand_is_not_checked_and_that_is_found);
    tcase_add_test(findings, damage_in_the_store_is_no_finding_and_told_in_its_own_words);
    tcase_add_test(findings, a_row_that_points_nowhere_is_found_by_a_deep_check);
    tcase_add_test(findings, a_foreign_key_that_fits_no_parent_is_found_by_a_deep_check);
    tcase_add_test(findings, an_index_without_its_row_is_found_by_a_deep_check);
    tcase_add_test(findings, what_only_the_application_has_is_no_fault);
    tcase_add_test(findings, a_check_can_be_cancelled);
    suite_add_tcase(suite, findings);
    return suite;
}
