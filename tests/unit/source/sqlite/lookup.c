/* src/source/sqlite/lookup.c; cursor_sql.c for one row, and cursor.c on b-trees that were damaged on
 * purpose. */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "source/sqlite/cursor.h"
#include "source/sqlite/database.h"
#include "source/sqlite/opened_support.h"
#include "source/sqlite/support.h"

Suite *suite_source_sqlite_lookup(void);

#define SMALL_PAGE 512

static const uint8_t *page_bytes(const struct buf *file, int64_t page)
{
    return (const uint8_t *)file->data + (page - 1) * SMALL_PAGE;
}

static uint32_t big_endian(const uint8_t *bytes, size_t count)
{
    uint32_t number = 0;

    for (size_t i = 0; i < count; i++)
        number = number << 8 | bytes[i];
    return number;
}

static uint32_t first_child(const struct buf *file, int64_t page)
{
    const uint8_t *bytes = page_bytes(file, page);

    return big_endian(bytes + big_endian(bytes + 12, 2), 4);
}

/* Has each pointer of an interior page lead to the same page. */
static void lead_all_to(const struct buf *file, int64_t page, uint32_t child)
{
    const uint8_t *bytes = page_bytes(file, page);
    const uint8_t pointer[4] = {0, (uint8_t)(child >> 16), (uint8_t)(child >> 8), (uint8_t)child};
    long start = (long)(page - 1) * SMALL_PAGE;

    ck_assert(bytes[0] == 2 || bytes[0] == 5);
    for (uint32_t i = 0; i < big_endian(bytes + 3, 2); i++)
        file_patch("a.db", start + (long)big_endian(bytes + 12 + 2 * (size_t)i, 2), pointer, 4);
    file_patch("a.db", start + 8, pointer, 4);
}

/* A table `t` whose rows are some dozens, hundreds of thousands of times. */
static void make_repeated(const char *columns)
{
    struct buf sql = BUF_INIT, file = BUF_INIT;
    uint32_t left, right;
    sqlite3 *db;
    int64_t root;

    buf_addf(&sql,
             "PRAGMA page_size = %d; CREATE TABLE t%s; WITH RECURSIVE c(i) AS (VALUES(1) UNION ALL"
             " SELECT i + 1 FROM c WHERE i < 8000) INSERT INTO t SELECT i, 'v' FROM c",
             SMALL_PAGE, columns);
    database_make("a.db", buf_text(&sql));
    db = shell_open("a.db");
    root = database_int(db, "SELECT rootpage FROM sqlite_schema");
    sqlite3_close(db);
    file_load("a.db", &file);
    left = first_child(&file, root);
    right = big_endian(page_bytes(&file, root) + 8, 4);
    lead_all_to(&file, root, left);
    lead_all_to(&file, left, right);
    lead_all_to(&file, right, first_child(&file, right));
    buf_free(&file);
    buf_free(&sql);
}

static int read_all(const struct opened *opened, struct err *err)
{
    struct selection selection = {.relation = opened_find(opened, "t")};
    struct cursor *cursor = NULL;
    int r = cursor_open(opened->database, &selection, &cursor, err);

    while (r == 0 && (r = cursor_next(cursor, err)) == 1)
        r = 0;
    cursor_close(cursor);
    return r;
}

START_TEST(a_tree_that_has_pages_more_than_once_is_damaged)
{
    static const char *const columns[] = {"(id INTEGER PRIMARY KEY, v)",
                                          "(k PRIMARY KEY, v) WITHOUT ROWID"};

    for (size_t i = 0; i < 2; i++) {
        struct opened opened;
        struct err err = ERR_INIT;
        uint64_t rows = 0;

        make_repeated(columns[i]);
        opened_begin(&opened, _i);
        ck_assert_int_eq(read_all(&opened, &err), -EBADMSG);
        ck_assert_ptr_nonnull(strstr(err.text, "damaged (rows of t are out of order)"));
        ck_assert_int_eq(database_count(opened.database, opened_find(&opened, "t"), &rows, &err),
                         -EBADMSG);
        ck_assert_ptr_nonnull(strstr(err.text, "damaged (t has rows without end)"));
        opened_end(&opened);
        folder_tear_down();
        folder_set_up();
    }
}
END_TEST

START_TEST(one_row_of_a_virtual_table_is_not_looked_for_among_all)
{
    const struct value position = {.kind = VALUE_INTEGER, .integer = 5};
    struct selection selection = {.at = &position};
    struct buf sql = BUF_INIT;
    sqlite3_stmt *stmt = NULL;
    struct opened opened;

    database_make("a.db", "CREATE VIRTUAL TABLE t USING rtree(id, a, b);"
                          "INSERT INTO t VALUES(4, 0, 1), (5, 2, 3), (6, 4, 5)");
    opened_begin(&opened, _i);
    selection.relation = opened_find(&opened, "t");
    ck_assert_str_eq(opened_rows(&opened, &selection), "(5|2|3)");
    buf_add_text(&sql, "EXPLAIN QUERY PLAN ");
    cursor_sql(&selection, NULL, &sql);
    ck_assert_int_eq(
        sqlite3_prepare_v2(database_handle(opened.database), buf_text(&sql), -1, &stmt, NULL),
        SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(stmt), SQLITE_ROW);
    /* What R*Tree calls a search for a rowid. */
    ck_assert_str_eq((const char *)sqlite3_column_text(stmt, 3), "SCAN t VIRTUAL TABLE INDEX 1:");
    sqlite3_finalize(stmt);
    buf_free(&sql);
    opened_end(&opened);
}
END_TEST

Suite *suite_source_sqlite_lookup(void)
{
    Suite *suite = suite_create("source/sqlite/lookup");
    TCase *rows = tcase_create("live, and a backup");

    tcase_add_checked_fixture(rows, folder_set_up, folder_tear_down);
    tcase_add_loop_test(rows, a_tree_that_has_pages_more_than_once_is_damaged, 0, 2);
    tcase_add_loop_test(rows, one_row_of_a_virtual_table_is_not_looked_for_among_all, 0, 2);
    suite_add_tcase(suite, rows);
    return suite;
}
