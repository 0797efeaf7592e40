/*
 * src/source/sqlite/overflow.c: rows that change in their overflow pages alone.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "source/sqlite/pages_support.h"
#include "source/sqlite/support.h"

Suite *suite_source_sqlite_overflow(void);

/* 400 rows with blobs of 20 KiB, of which 400 bytes are on the leaf; a table without any beside it. */
static const char *const make_blobs =
    "CREATE TABLE plain(id INTEGER PRIMARY KEY, t);"
    "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 9000)"
    " INSERT INTO plain SELECT i, 'some text ' || i FROM c;"
    "CREATE TABLE blobs(id INTEGER PRIMARY KEY, b BLOB);"
    "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 400)"
    " INSERT INTO blobs SELECT i, randomblob(20000) FROM c;";

static struct two_states two;

static void begin(const char *make, int page_size, int auto_vacuum)
{
    char sql[1000];

    (void)snprintf(sql, sizeof sql, "PRAGMA page_size = %d; PRAGMA auto_vacuum = %d; %s", page_size,
                   auto_vacuum, make);
    two_states_begin(&two);
    database_make("a.db", sql);
    two_states_keep(&two, 0);
}

static void end(void)
{
    two_states_end(&two);
    ck_assert_int_eq(remove(folder_path("a.db")), 0);
    folder_tear_down();
    folder_set_up();
}

/* Overwrites 8 bytes of a blob where it lies. */
static void blob_write(const char *table, int64_t rowid, int offset)
{
    sqlite3 *db = shell_open("a.db");
    sqlite3_blob *blob = NULL;

    ck_assert_int_eq(sqlite3_blob_open(db, "main", table, "b", rowid, 1, &blob), SQLITE_OK);
    ck_assert_int_eq(sqlite3_blob_write(blob, "changed!", 8, offset), SQLITE_OK);
    ck_assert_int_eq(sqlite3_blob_close(blob), SQLITE_OK);
    sqlite3_close(db);
}

static void compare(void)
{
    two_states_keep(&two, 1);
    two_states_compare(&two);
}

START_TEST(a_blob_overwritten_in_place_is_found)
{
    static const int sizes[] = {512, 1024, 4096, 65536};

    for (int vacuum = 0; vacuum < 3; vacuum++) {
        struct table_ranges ranges;

        begin(make_blobs, sizes[_i], vacuum);
        blob_write("blobs", 77, 15000);
        blob_write("blobs", 301, 19990);
        compare();
        ck_assert_int_eq(assert_sound(&two, "blobs"), 2);
        table_ranges_get(&two, "blobs", &ranges);
        if (sizes[_i] == 4096) { /* an entire leaf is not needed */
            ck_assert_uint_eq(ranges.count, 2);
            ck_assert_int_eq(ranges.items[0].first, 77);
            ck_assert_int_eq(ranges.items[0].last, 77);
        }
        table_ranges_free(&ranges);
        end();
    }
}
END_TEST

START_TEST(an_update_of_equal_size_is_found)
{
    begin(make_blobs, 4096, 0);
    database_make("a.db",
                  "UPDATE blobs SET b = CAST(substr(b, 1, 19000) || randomblob(1000) AS BLOB)"
                  " WHERE id IN (5, 6, 200)");
    compare();
    ck_assert_int_eq(assert_sound(&two, "blobs"), 3);
    end();
}
END_TEST

START_TEST(each_question_gets_the_same_answer)
{
    begin(make_blobs, 4096, 0);
    blob_write("blobs", 77, 15000);
    compare();
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(assert_sound(&two, "blobs"), 1);
        ck_assert_int_eq(assert_sound(&two, "plain"), 0);
    }
    end();
}
END_TEST

START_TEST(a_table_asked_about_first_does_not_hide_the_row_of_another)
{
    begin(make_blobs, 4096, 0);
    blob_write("blobs", 77, 15000);
    compare();
    ck_assert_int_eq(assert_sound(&two, "plain"), 0);
    ck_assert_int_eq(assert_sound(&two, "blobs"), 1);
    end();
}
END_TEST

/* New, changed and deleted rows, whose own overflow pages account for all that changed. */
START_TEST(common_changes_do_not_make_other_rows_be_looked_at)
{
    begin(make_blobs, 4096, 0);
    database_make("a.db", "INSERT INTO blobs VALUES(500, randomblob(30000));"
                          "DELETE FROM blobs WHERE id IN (17, 18);"
                          "UPDATE blobs SET b = randomblob(21000) WHERE id = 300;"
                          "INSERT INTO blobs VALUES(501, randomblob(30000));");
    compare();
    ck_assert_int_eq(assert_sound(&two, "blobs"), 5);
    ck_assert_int_eq(assert_sound(&two, "plain"), 0);
    /* the pages that changed, the chains of rows beside, and no others of 2,000 */
    ck_assert_uint_gt(page_count(&two, 1), 2000);
    ck_assert_uint_lt(page_comparison_pages_read(two.comparison), 200);
    end();
}
END_TEST

START_TEST(a_table_without_rowid_is_whole_when_its_overflow_pages_changed)
{
    struct table_ranges ranges;

    begin("CREATE TABLE w(k INTEGER PRIMARY KEY, b) WITHOUT ROWID;"
          "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 100)"
          " INSERT INTO w SELECT i, randomblob(20000) FROM c;",
          4096, 0);
    database_make("a.db",
                  "UPDATE w SET b = CAST(substr(b, 1, 19990) || x'00112233445566778899' AS BLOB)"
                  " WHERE k = 50");
    compare();
    table_ranges_get(&two, "w", &ranges);
    ck_assert(ranges.whole);
    end();
}
END_TEST

START_TEST(a_blob_overwritten_beside_many_changes_is_found)
{
    begin(make_blobs, 4096, _i);
    database_make("a.db", "UPDATE plain SET t = t || '!' WHERE id % 3 = 0");
    blob_write("blobs", 77, 15000);
    compare();
    ck_assert_int_eq(assert_sound(&two, "blobs"), 1);
    ck_assert_int_gt(assert_sound(&two, "plain"), 2900);
    end();
}
END_TEST

START_TEST(pages_given_back_are_not_looked_for)
{
    begin(make_blobs, 4096, 0);
    database_make("a.db",
                  "PRAGMA secure_delete = ON; DELETE FROM blobs WHERE id BETWEEN 100 AND 200");
    compare();
    ck_assert_int_eq(assert_sound(&two, "blobs"), 101);
    ck_assert_int_eq(assert_sound(&two, "plain"), 0);
    ck_assert_uint_lt(page_comparison_pages_read(two.comparison), 700);
    end();
}
END_TEST

Suite *suite_source_sqlite_overflow(void)
{
    Suite *suite = suite_create("source/sqlite/overflow");
    TCase *rows = tcase_create("rows");

    tcase_add_checked_fixture(rows, folder_set_up, folder_tear_down);
    tcase_set_timeout(rows, 120);
    tcase_add_loop_test(rows, a_blob_overwritten_in_place_is_found, 0, 4);
    tcase_add_test(rows, an_update_of_equal_size_is_found);
    tcase_add_test(rows, each_question_gets_the_same_answer);
    tcase_add_test(rows, a_table_asked_about_first_does_not_hide_the_row_of_another);
    tcase_add_test(rows, common_changes_do_not_make_other_rows_be_looked_at);
    tcase_add_test(rows, a_table_without_rowid_is_whole_when_its_overflow_pages_changed);
    tcase_add_loop_test(rows, a_blob_overwritten_beside_many_changes_is_found, 0, 3);
    tcase_add_test(rows, pages_given_back_are_not_looked_for);
    suite_add_tcase(suite, rows);
    return suite;
}
