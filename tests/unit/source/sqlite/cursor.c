/*
 * src/source/sqlite/cursor.c, compare.c, lookup.c, real.c: rows in order, from any place, by their values. Each test runs on the live database and on a stored backup of it.
 */
#include <check.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "source/sqlite/cursor.h"
#include "source/sqlite/database.h"
#include "source/sqlite/model.h"
#include "source/sqlite/opened_support.h"
#include "source/sqlite/support.h"

Suite *suite_source_sqlite_cursor(void);

static struct value integer(int64_t number)
{
    return (struct value){.kind = VALUE_INTEGER, .integer = number};
}

static struct value real(double number)
{
    return (struct value){.kind = VALUE_REAL, .real = number};
}

static struct value text(const char *bytes, size_t len)
{
    return (struct value){.kind = VALUE_TEXT, .bytes = bytes, .len = len};
}

static struct value blob(const char *bytes, size_t len)
{
    return (struct value){.kind = VALUE_BLOB, .bytes = bytes, .len = len};
}

static const char *all(const struct opened *opened, const char *name)
{
    struct selection selection = {.relation = opened_find(opened, name)};

    return opened_rows(opened, &selection);
}

/* The one column of the rows of `table` in which `column` is `value`. */
static const char *matched(const struct opened *opened, const char *name, size_t column,
                           struct value value)
{
    struct selection selection = {.relation = opened_find(opened, name),
                                  .match_count = 1,
                                  .match_columns = &column,
                                  .match_values = &value};

    return opened_rows(opened, &selection);
}

/* Reads on behind each row in turn; what is met on the way must be all rows, once. */
static void assert_resumes(const struct opened *opened, const char *name)
{
    const struct relation *relation = opened_find(opened, name);
    struct selection selection = {.relation = relation};
    struct value after[8] = {{VALUE_NULL, 0, 0, NULL, 0}};
    struct buf seen = BUF_INIT, expected = BUF_INIT;
    struct cursor *cursor = NULL;
    int r;

    ck_assert_uint_gt(relation->position_count, 0);
    buf_add_text(&expected, opened_rows(opened, &selection));
    for (;;) {
        const char *rest = opened_rows(opened, &selection);

        buf_add(&seen, rest, *rest ? (size_t)(strstr(rest, ")") - rest) + 1 : 0);
        ck_assert_int_eq(cursor_open(opened->database, &selection, &cursor, NULL), 0);
        r = cursor_next(cursor, NULL);
        for (size_t i = 0; r == 1 && i < relation->position_count; i++) {
            struct value value;

            cursor_position(cursor, i, &value);
            value_free(&after[i]);
            ck_assert_int_eq(value_copy(&value, &after[i]), 0);
        }
        cursor_close(cursor);
        if (r != 1)
            break;
        selection.after = after;
    }
    ck_assert_str_eq(buf_text(&seen), buf_text(&expected));
    for (size_t i = 0; i < relation->position_count; i++)
        value_free(&after[i]);
    buf_free(&seen);
    buf_free(&expected);
}

/* What SQLite says it will do. */
static void plan_of(const struct opened *opened, const struct selection *selection,
                    struct buf *ret_plan)
{
    struct buf sql = BUF_INIT;
    sqlite3_stmt *stmt = NULL;

    buf_add_text(&sql, "EXPLAIN QUERY PLAN ");
    cursor_sql(selection, model_order(opened->database->model, selection->relation), &sql);
    ck_assert_int_eq(
        sqlite3_prepare_v2(database_handle(opened->database), buf_text(&sql), -1, &stmt, NULL),
        SQLITE_OK);
    while (sqlite3_step(stmt) == SQLITE_ROW)
        buf_addf(ret_plan, "%s\n", (const char *)sqlite3_column_text(stmt, 3));
    sqlite3_finalize(stmt);
    buf_free(&sql);
}

static const char orders[] =
    "CREATE TABLE plain(v); INSERT INTO plain(rowid, v) VALUES(5,'e'),(-9223372036854775808,'a'),"
    "(9223372036854775807,'z'),(0,NULL);"
    "CREATE TABLE alias(v, id INTEGER PRIMARY KEY); INSERT INTO alias VALUES('b',2),('a',1);"
    "CREATE TABLE up(a, b, v, PRIMARY KEY(a, b)) WITHOUT ROWID;"
    "INSERT INTO up VALUES(1,2,0),(1,1,0),('1',1,0),(x'31',1,0),(0.5,9,0),(1,'x',0);"
    "CREATE TABLE mixed(a, b, c, PRIMARY KEY(a DESC, b, c DESC)) WITHOUT ROWID;"
    "INSERT INTO mixed VALUES(1,1,1),(1,1,2),(1,2,1),(2,1,1),(2,2,2),(2,2,3),(3,0,0);"
    "CREATE TABLE folded(a TEXT, b, PRIMARY KEY(a COLLATE NOCASE, b)) WITHOUT ROWID;"
    "INSERT INTO folded VALUES('B',1),('a',1),('A',2),('c',0);";

START_TEST(rows_come_in_the_order_of_their_positions)
{
    struct opened opened;

    database_make("a.db", orders);
    opened_begin(&opened, _i);
    ck_assert_str_eq(all(&opened, "plain"), "('a')(NULL)('e')('z')");
    ck_assert_str_eq(all(&opened, "alias"), "('a'|1)('b'|2)");
    ck_assert_str_eq(all(&opened, "up"), "(0.5|9|0)(1|1|0)(1|2|0)(1|'x'|0)('1'|1|0)(x'1'|1|0)");
    ck_assert_str_eq(all(&opened, "mixed"), "(3|0|0)(2|1|1)(2|2|3)(2|2|2)(1|1|2)(1|1|1)(1|2|1)");
    ck_assert_str_eq(all(&opened, "folded"), "('a'|1)('A'|2)('B'|1)('c'|0)");
    opened_end(&opened);
}
END_TEST

START_TEST(reading_goes_on_behind_any_row)
{
    static const char *const names[] = {"plain", "alias", "up", "mixed", "folded"};
    struct opened opened;

    database_make("a.db", orders);
    opened_begin(&opened, _i);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_resumes(&opened, names[i]);
    opened_end(&opened);
}
END_TEST

START_TEST(going_on_is_a_search_and_nothing_is_sorted)
{
    static const char *const names[] = {"plain", "alias", "up", "mixed", "folded"};
    struct value after[3] = {{.kind = VALUE_INTEGER}};
    struct opened opened;

    database_make("a.db", orders);
    opened_begin(&opened, _i);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct selection selection = {.relation = opened_find(&opened, names[i]), .after = after};
        struct buf plan = BUF_INIT;

        plan_of(&opened, &selection, &plan);
        ck_assert_msg(strncmp(buf_text(&plan), "SEARCH", 6) == 0, "%s: %s", names[i],
                      buf_text(&plan));
        ck_assert_msg(!strstr(buf_text(&plan), "TEMP"), "%s: %s", names[i], buf_text(&plan));
        selection.after = NULL;
        buf_clear(&plan);
        plan_of(&opened, &selection, &plan);
        ck_assert_msg(!strstr(buf_text(&plan), "TEMP"), "%s: %s", names[i], buf_text(&plan));
        buf_free(&plan);
    }
    opened_end(&opened);
}
END_TEST

/* The positions of all rows, each compared with that of the row before it. */
static void assert_ascends(const struct opened *opened, const char *name)
{
    const struct relation *relation = opened_find(opened, name);
    struct selection selection = {.relation = relation};
    struct value last[8], now[8];
    struct cursor *cursor = NULL;
    size_t count = relation->position_count;

    ck_assert_int_eq(cursor_open(opened->database, &selection, &cursor, NULL), 0);
    for (int row = 0; cursor_next(cursor, NULL) == 1; row++) {
        int order = 0, back = 0, same = 1;

        for (size_t i = 0; i < count; i++)
            cursor_position(cursor, i, &now[i]);
        if (row > 0) {
            database_compare(opened->database, relation, last, now, &order, NULL);
            database_compare(opened->database, relation, now, last, &back, NULL);
            database_compare(opened->database, relation, now, now, &same, NULL);
            ck_assert_msg(order == -1 && back == 1 && same == 0, "%s: row %d", name, row);
        }
        for (size_t i = 0; i < count; i++) {
            if (row > 0)
                value_free(&last[i]);
            ck_assert_int_eq(value_copy(&now[i], &last[i]), 0);
        }
    }
    for (size_t i = 0; i < count; i++)
        value_free(&last[i]);
    cursor_close(cursor);
}

START_TEST(positions_compare_as_their_rows_lie)
{
    static const char *const names[] = {"plain", "alias", "up", "mixed", "folded"};
    static const char *const encodings[] = {"UTF-8", "UTF-16le", "UTF-16be"};
    struct opened opened;
    struct err err = ERR_INIT;
    struct buf sql = BUF_INIT;
    int order = 0;

    buf_addf(&sql, "PRAGMA encoding='%s'; %s", encodings[_i / 2], orders);
    buf_add_text(&sql, "INSERT INTO up VALUES('\xc4\xb0',0,0),('\xc8\x81',0,0);"
                       "CREATE VIEW none AS SELECT 1");
    database_make("a.db", buf_text(&sql));
    opened_begin(&opened, _i % 2);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_ascends(&opened, names[i]);
    ck_assert_int_eq(
        database_compare(opened.database, opened_find(&opened, "none"), NULL, NULL, &order, &err),
        -EINVAL);
    ck_assert_str_eq(err.text, "none: its rows have no position");
    opened_end(&opened);
    buf_free(&sql);
}
END_TEST

START_TEST(sqlites_own_collations_are_its_own_in_utf_16)
{
    struct opened opened;

    database_make("a.db", "PRAGMA encoding='UTF-16le';"
                          "CREATE TABLE t(a TEXT COLLATE NOCASE PRIMARY KEY) WITHOUT ROWID;"
                          "INSERT INTO t VALUES('a'),('b'),('B '),('Inf'),('x')");
    opened_begin(&opened, _i);
    ck_assert_str_eq(matched(&opened, "t", 0, text("B ", 2)), "('B ')");
    ck_assert_str_eq(matched(&opened, "t", 0, text("INF", 3)), "('Inf')");
    opened_end(&opened);
}
END_TEST

START_TEST(a_row_is_found_by_exactly_its_value)
{
    struct opened opened;

    database_make("a.db", "CREATE TABLE k(k PRIMARY KEY, v); INSERT INTO k VALUES(5,1),('5',2),"
                          "(x'35',3),(9223372036854775807,4),(9e999,5),(CAST(x'61ff' AS TEXT),6),"
                          "('a'||char(0)||'b',7),('',8),(x'',9),(NULL,10);"
                          "CREATE TABLE i(k INTEGER, v); CREATE INDEX i_k ON i(k);"
                          "INSERT INTO i VALUES('x',1),(1,2)");
    opened_begin(&opened, _i);
    ck_assert_str_eq(matched(&opened, "k", 0, integer(5)), "(5|1)");
    ck_assert_str_eq(matched(&opened, "k", 0, text("5", 1)), "('5'|2)");
    ck_assert_str_eq(matched(&opened, "k", 0, blob("5", 1)), "(x'5'|3)");
    ck_assert_str_eq(matched(&opened, "k", 0, integer(INT64_MAX)), "(9223372036854775807|4)");
    ck_assert_str_eq(matched(&opened, "k", 0, real(INFINITY)), "(inf|5)");
    ck_assert_str_eq(matched(&opened, "k", 0, text("a\xff", 2)), "('a\xff'|6)");
    ck_assert_ptr_nonnull(strstr(matched(&opened, "k", 0, text("", 0)), "|8)"));
    ck_assert_ptr_nonnull(strstr(matched(&opened, "k", 0, blob(NULL, 0)), "|9)"));
    ck_assert_str_eq(matched(&opened, "k", 0, (struct value){VALUE_NULL, 0, 0, NULL, 0}),
                     "(NULL|10)");
    ck_assert_str_eq(matched(&opened, "k", 1, integer(99)), "");
    ck_assert_str_eq(matched(&opened, "i", 0, text("x", 1)), "('x'|1)");
    opened_end(&opened);
}
END_TEST

START_TEST(collations_compare_the_same_in_every_encoding)
{
    static const char *const encodings[] = {"UTF-8", "UTF-16le", "UTF-16be"};
    struct opened opened;
    char sql[512];

    for (size_t i = 0; i < 3; i++) {
        snprintf(sql, sizeof(sql),
                 "PRAGMA encoding = '%s'; CREATE TABLE t(k TEXT "
                 "COLLATE NOCASE PRIMARY KEY, r TEXT COLLATE RTRIM) WITHOUT ROWID;"
                 "CREATE INDEX tr ON t(r); INSERT INTO t VALUES('a', 'x'), ('B', 'x '), ('C', 'y')",
                 encodings[i]);
        remove(folder_path("a.db"));
        database_make("a.db", sql);
        opened_begin(&opened, false);
        ck_assert_str_eq(matched(&opened, "t", 0, text("b", 1)), "('B'|'x ')");
        ck_assert_str_eq(matched(&opened, "t", 1, text("x  ", 3)), "('a'|'x')('B'|'x ')");
        opened_end(&opened);
    }
}
END_TEST

START_TEST(the_values_of_an_index_come_once_each_null_first)
{
    struct opened opened;
    struct value value = {.kind = VALUE_NULL}, next;
    const struct relation *relation;
    struct buf seen = BUF_INIT;

    database_make("a.db", "CREATE TABLE t(a TEXT COLLATE NOCASE); CREATE INDEX t_a ON t(a);"
                          "INSERT INTO t VALUES(NULL),(NULL),(''),('b'),('B'),('a'),('c'),('c')");
    opened_begin(&opened, _i);
    relation = opened_find(&opened, "t");
    ck_assert(relation_column_indexed(relation, 0));
    ck_assert_int_eq(database_next_value(opened.database, relation, 0, NULL, &value, NULL), 1);
    ck_assert_int_eq(value.kind, VALUE_NULL);
    while (database_next_value(opened.database, relation, 0, &value, &next, NULL) == 1) {
        buf_addf(&seen, "(%s)", (const char *)next.bytes);
        value_free(&value);
        value = next;
    }
    ck_assert_str_eq(buf_text(&seen), "()(a)(b)(c)");
    value_free(&value);
    buf_free(&seen);
    opened_end(&opened);
}
END_TEST

START_TEST(reals_are_written_so_that_they_are_read_back)
{
    static const struct {
        double real;
        const char *text; /* NULL: any */
    } cases[] = {{0.0, "0.0"},
                 {-0.0, "-0.0"},
                 {1.0, "1.0"},
                 {0.1, "0.1"},
                 {1e300, "1e+300"},
                 {INFINITY, "9e999"},
                 {-INFINITY, "-9e999"},
                 {5e-324, NULL},
                 {1.7976931348623157e308, NULL},
                 {1e23, NULL},
                 {1.0 / 3, NULL},
                 {9007199254740993.0, NULL},
                 {0.1 + 0.2, NULL},
                 {2.2250738585072014e-308, NULL}};
    struct opened opened;
    uint64_t state = 88172645463325252u;

    database_make("a.db", "CREATE TABLE t(a)");
    opened_begin(&opened, _i);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]) + 3000; i++) {
        bool chosen = i < sizeof(cases) / sizeof(cases[0]);
        struct buf sql = BUF_INIT;
        double want, got;
        uint64_t got_bits = 0, want_bits = 0;
        sqlite3_stmt *stmt = NULL;

        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        memcpy(&want, &state, sizeof(want));
        if (chosen)
            want = cases[i].real;
        else if (!isfinite(want))
            continue;
        buf_add_text(&sql, "SELECT ");
        ck_assert_int_eq(database_real_sql(opened.database, want, &sql, NULL), 0);
        if (chosen && cases[i].text)
            ck_assert_str_eq(buf_text(&sql) + 7, cases[i].text);
        ck_assert_int_eq(
            sqlite3_prepare_v2(database_handle(opened.database), buf_text(&sql), -1, &stmt, NULL),
            SQLITE_OK);
        ck_assert_int_eq(sqlite3_step(stmt), SQLITE_ROW);
        ck_assert_int_eq(sqlite3_column_type(stmt, 0), SQLITE_FLOAT);
        got = sqlite3_column_double(stmt, 0);
        memcpy(&got_bits, &got, sizeof(got));
        memcpy(&want_bits, &want, sizeof(want));
        ck_assert_msg(got_bits == want_bits, "%.17g: %s", want, buf_text(&sql));
        sqlite3_finalize(stmt);
        buf_free(&sql);
    }
    opened_end(&opened);
}
END_TEST

START_TEST(what_takes_too_long_or_is_cancelled_ends)
{
    struct opened opened;
    struct selection selection;
    struct cursor *cursor = NULL;
    struct err err = ERR_INIT;
    atomic_bool cancel = true;

    database_make("a.db", "CREATE VIEW endless AS WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL"
                          " SELECT i + 1 FROM c) SELECT count(*) AS n FROM c");
    opened_begin(&opened, _i);
    selection = (struct selection){.relation = opened_find(&opened, "endless")};
    database_limit(opened.database, NULL, 1);
    ck_assert_int_eq(cursor_open(opened.database, &selection, &cursor, &err), 0);
    ck_assert_int_eq(cursor_next(cursor, &err), -ETIMEDOUT);
    ck_assert_ptr_nonnull(strstr(err.text, "took too long and was ended after 0."));
    cursor_close(cursor);
    database_limit(opened.database, &cancel, 0);
    ck_assert_int_eq(cursor_open(opened.database, &selection, &cursor, &err), 0);
    ck_assert_int_eq(cursor_next(cursor, &err), -ECANCELED);
    ck_assert_ptr_nonnull(strstr(err.text, "cancelled"));
    cursor_close(cursor);
    opened_end(&opened);
}
END_TEST

Suite *suite_source_sqlite_cursor(void)
{
    const TTest *const tests[] = {
        rows_come_in_the_order_of_their_positions,
        reading_goes_on_behind_any_row,
        going_on_is_a_search_and_nothing_is_sorted,
        sqlites_own_collations_are_its_own_in_utf_16,
        a_row_is_found_by_exactly_its_value,
        collations_compare_the_same_in_every_encoding,
        the_values_of_an_index_come_once_each_null_first,
        reals_are_written_so_that_they_are_read_back,
        what_takes_too_long_or_is_cancelled_ends,
    };
    Suite *suite = suite_create("source/sqlite/cursor");
    TCase *rows = tcase_create("live, and a backup");

    tcase_add_checked_fixture(rows, folder_set_up, folder_tear_down);
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
        tcase_add_loop_test(rows, tests[i], 0, 2);
    tcase_add_loop_test(rows, positions_compare_as_their_rows_lie, 0, 6);
    suite_add_tcase(suite, rows);
    return suite;
}
