/*
 * src/table/changes.c, changes_csv.c, pieces.c: which tables changed, what is said of them, and what
 * is counted. Most run twice: with and without looking at the pages that the states share.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/source/schema.h"
#include "dbsnapfs/table/text.h"
#include "dbsnapfs/util/err.h"
#include "source/sqlite/support.h"
#include "table/changes_support.h"

Suite *suite_table_changes(void);

static const char shop[] =
    "CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT, photo BLOB);"
    "INSERT INTO users VALUES(1,'Ada',x'00'),(2,'Bo \"B\"',NULL),(3,'Cy',x'ff'),(4,'',x'');"
    "CREATE INDEX users_name ON users(name);"
    "CREATE TABLE prices(country TEXT, item TEXT, price REAL, PRIMARY KEY(country, item))"
    " WITHOUT ROWID;"
    "INSERT INTO prices VALUES('de','tea',2.5),('de','cake',0.1),('fr','tea',3);"
    "CREATE TABLE log(line TEXT); INSERT INTO log VALUES('one'),('two'),('two');"
    "CREATE TABLE still(id INTEGER PRIMARY KEY, x); INSERT INTO still VALUES(1,1);"
    "CREATE VIEW names AS SELECT name FROM users;";

static void assert_counts(const struct changed *changed, const char *table, uint64_t inserted,
                          uint64_t updated, uint64_t deleted)
{
    struct change_counts counts = changed_table(changed, table, NULL, NULL);

    ck_assert_uint_eq(counts.inserted, inserted);
    ck_assert_uint_eq(counts.updated, updated);
    ck_assert_uint_eq(counts.deleted, deleted);
    ck_assert_int_eq(counts.rows_added, (int64_t)(inserted - deleted));
}

START_TEST(rows_that_came_changed_and_went_are_told_in_their_order)
{
    struct changed changed;

    changed_begin(&changed, shop,
                  "INSERT INTO users VALUES(9,'new',x'0102'),(-1,'minus',NULL);"
                  "UPDATE users SET name='Ada L.' WHERE id=1; DELETE FROM users WHERE id IN (2,3);"
                  "UPDATE prices SET price=2.75 WHERE country='de' AND item='tea'",
                  _i);
    ck_assert_str_eq(changed_rows(&changed, "users"),
                     "\"insert\",\"-1\",,,,-1,\"minus\",|"
                     "\"update\",\"1\",1,\"Ada\",x'00',1,\"Ada L.\",x'00'|"
                     "\"delete\",\"2\",2,\"Bo \"\"B\"\"\",,,,|"
                     "\"delete\",\"3\",3,\"Cy\",x'ff',,,|"
                     "\"insert\",\"9\",,,,9,\"new\",x'0102'|");
    ck_assert_str_eq(changed_rows(&changed, "prices"),
                     "\"update\",\"de,tea\",\"de\",\"tea\",2.5,\"de\",\"tea\",2.75|");
    assert_counts(&changed, "users", 2, 1, 2);
    changed_end(&changed);
}
END_TEST

START_TEST(a_header_names_the_columns_of_both_sides)
{
    struct changed changed;
    struct buf csv = BUF_INIT;

    changed_begin(&changed, shop, "ALTER TABLE still ADD COLUMN \"new \"\"y\"\"\"", _i);
    changed_table(&changed, "still", &csv, NULL);
    ck_assert_str_eq(
        buf_text(&csv),
        "\"op\",\"key\",\"before.id\",\"before.x\",\"after.id\",\"after.x\",\"after.new \"\"y\"\"\"\r\n");
    buf_free(&csv);
    changed_end(&changed);
}
END_TEST

START_TEST(only_tables_that_may_have_changed_are_candidates)
{
    struct changed changed;

    changed_begin(&changed, shop, "UPDATE log SET line='TWO' WHERE rowid=2", true);
    ck_assert_str_eq(changed_candidates(&changed), "log ");
    changed_end(&changed);
}
END_TEST

START_TEST(without_pages_every_table_is_a_candidate_and_no_view)
{
    struct changed changed;

    changed_begin(&changed, shop, "UPDATE log SET line='TWO' WHERE rowid=2", false);
    ck_assert_str_eq(changed_candidates(&changed), "users prices log still ");
    assert_counts(&changed, "still", 0, 0, 0);
    changed_end(&changed);
}
END_TEST

START_TEST(other_sql_makes_a_candidate)
{
    struct changed changed;
    struct change_counts counts;

    changed_begin(&changed, shop,
                  "DROP TABLE still; CREATE TABLE fresh(x); CREATE INDEX l ON log(line);"
                  "DROP VIEW names; CREATE VIEW names AS SELECT id FROM users;"
                  "CREATE TRIGGER t AFTER INSERT ON prices BEGIN SELECT 1; END",
                  true);
    ck_assert_str_eq(changed_candidates(&changed), "prices log fresh names still ");
    counts = changed_table(&changed, "fresh", NULL, NULL);
    ck_assert(counts.schema && !counts.gone && !counts.has_added && !change_counts_none(&counts));
    counts = changed_table(&changed, "still", NULL, NULL);
    ck_assert(counts.schema && counts.gone && counts.deleted == 1);
    counts = changed_table(&changed, "log", NULL, NULL);
    ck_assert(counts.schema && !counts.gone && counts.has_added);
    changed_end(&changed);
}
END_TEST

START_TEST(what_is_undone_is_no_change)
{
    struct changed changed;
    struct change_counts counts;

    changed_begin(
        &changed, shop,
        "UPDATE users SET name=name||name; INSERT INTO users(name) VALUES('x');"
        "UPDATE users SET name=substr(name,1,length(name)/2); DELETE FROM users WHERE id=5",
        _i);
    counts = changed_table(&changed, "users", NULL, NULL);
    ck_assert(change_counts_none(&counts));
    ck_assert_str_eq(changed_rows(&changed, "users"), "");
    changed_end(&changed);
}
END_TEST

START_TEST(a_value_of_another_kind_is_a_change)
{
    struct changed changed;

    changed_begin(&changed,
                  "CREATE TABLE t(id INTEGER PRIMARY KEY, x);"
                  "INSERT INTO t VALUES(1,1),(2,'1'),(3,''),(4,NULL),(5,0.0),(6,'a'),(7,7)",
                  "UPDATE t SET x=CASE id WHEN 1 THEN '1' WHEN 2 THEN 1.0 WHEN 3 THEN NULL WHEN 4"
                  " THEN x'' WHEN 5 THEN -0.0 WHEN 6 THEN x'61' ELSE x END",
                  _i);
    assert_counts(&changed, "t", 0, 6, 0);
    changed_end(&changed);
}
END_TEST

START_TEST(columns_are_matched_by_name)
{
    struct changed changed;

    changed_begin(&changed,
                  "CREATE TABLE t(id INTEGER PRIMARY KEY, x, y);"
                  "INSERT INTO t VALUES(1,1,NULL),(2,2,'y'),(3,3,NULL);",
                  "CREATE TABLE u(new, X, id INTEGER PRIMARY KEY);"
                  "INSERT INTO u SELECT NULL, x, id FROM t; UPDATE u SET new=1 WHERE id=3;"
                  "DROP TABLE t; ALTER TABLE u RENAME TO t",
                  _i);
    /* 1 is as before, though in another order; y is gone in 2, and new is new in 3. */
    ck_assert_str_eq(changed_rows(&changed, "t"), "\"update\",\"2\",2,2,\"y\",,2,2|"
                                                  "\"update\",\"3\",3,3,,1,3,3|");
    changed_end(&changed);
}
END_TEST

START_TEST(an_added_column_without_a_default_costs_no_reading)
{
    struct changed changed;

    changed_begin(&changed,
                  "CREATE TABLE t(id INTEGER PRIMARY KEY, x);"
                  "WITH c(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM c LIMIT 5000)"
                  " INSERT INTO t SELECT i, 'row '||i FROM c",
                  "ALTER TABLE t ADD COLUMN y; UPDATE t SET y=1 WHERE id=2500", true);
    ck_assert_int_eq(changes_table(changed.changes, "t", NULL, NULL, NULL, NULL, NULL, NULL), 0);
    ck_assert_uint_gt(changes_rows_read(changed.changes), 0);
    ck_assert_uint_lt(changes_rows_read(changed.changes), 1500);
    assert_counts(&changed, "t", 0, 1, 0);
    changed_end(&changed);
}
END_TEST

START_TEST(an_added_column_with_a_default_changes_every_row)
{
    struct changed changed;

    changed_begin(&changed, shop, "ALTER TABLE users ADD COLUMN mail TEXT DEFAULT 'none'", _i);
    assert_counts(&changed, "users", 0, 4, 0);
    changed_end(&changed);
}
END_TEST

START_TEST(few_rows_are_read_where_little_changed)
{
    struct changed changed;

    changed_begin(&changed,
                  "CREATE TABLE t(id INTEGER PRIMARY KEY, x);"
                  "WITH c(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM c LIMIT 20000)"
                  " INSERT INTO t SELECT i, 'row '||i FROM c",
                  "UPDATE t SET x='new' WHERE id IN (7,10000); DELETE FROM t WHERE id=15000;"
                  "INSERT INTO t(x) VALUES('last')",
                  true);
    ck_assert_str_eq(changed_rows(&changed, "t"),
                     "\"update\",\"7\",7,\"row 7\",7,\"new\"|"
                     "\"update\",\"10000\",10000,\"row 10000\",10000,\"new\"|"
                     "\"delete\",\"15000\",15000,\"row 15000\",,|"
                     "\"insert\",\"20001\",,,20001,\"last\"|");
    /* Twice: changed_rows() counts as well. Four leaves of two sides. */
    ck_assert_uint_lt(changes_rows_read(changed.changes), UINT64_C(2 * 4 * 2 * 400));
    changed_end(&changed);
}
END_TEST

/* The lengths of all of a table's rows in one form. */
static int64_t text_bytes(const struct changed *changed, int side, const char *table,
                          enum text_form form)
{
    struct database *database = changed->databases[side];
    struct selection selection = {.what = SELECT_ROWS};
    const struct schema *schema;
    struct row_text *text = NULL;
    struct cursor *cursor = NULL;
    int64_t all = 0;

    ck_assert_int_eq(database_schema(database, &schema, NULL), 0);
    selection.relation = schema_find(schema, table);
    ck_assert_int_eq(row_text_new(selection.relation, form, &text, NULL), 0);
    ck_assert_int_eq(cursor_open(database, &selection, &cursor, NULL), 0);
    while (cursor_next(cursor, NULL) == 1) {
        uint64_t bytes = 0;

        ck_assert_int_eq(row_text_length(text, database, cursor, &bytes, NULL), 0);
        all += (int64_t)bytes;
    }
    cursor_close(cursor);
    row_text_free(text);
    return all;
}

static void assert_lengths(const struct changed *changed, const char *table)
{
    struct change_counts counts = changed_table(changed, table, NULL, NULL);
    const int64_t added[] = {counts.rows_csv_added, counts.rows_ndjson_added,
                             counts.rows_sql_added};

    for (int form = 0; form < 3 && counts.has_added; form++)
        ck_assert_int_eq(text_bytes(changed, 1, table, form) - text_bytes(changed, 0, table, form),
                         added[form]);
}

START_TEST(it_is_known_how_much_longer_the_texts_of_rows_are)
{
    struct changed changed;

    changed_begin(&changed, shop,
                  "UPDATE users SET photo=zeroblob(1000) WHERE id=2; DELETE FROM users WHERE id=3;"
                  "INSERT INTO log VALUES(char(10)||'\"'); UPDATE log SET line=0.1 WHERE rowid=1;"
                  "DELETE FROM prices WHERE item='cake'",
                  _i);
    assert_lengths(&changed, "users");
    assert_lengths(&changed, "log");
    assert_lengths(&changed, "prices");
    ck_assert(changed_table(&changed, "users", NULL, NULL).has_added);
    changed_end(&changed);
}
END_TEST

START_TEST(a_row_that_only_moved_shows_in_lengths_alone)
{
    struct changed changed;
    struct change_counts counts;

    changed_begin(&changed, "CREATE TABLE t(k TEXT PRIMARY KEY, v); INSERT INTO t VALUES('a',1)",
                  "UPDATE t SET rowid=1000", _i);
    counts = changed_table(&changed, "t", NULL, NULL);
    ck_assert(change_counts_none(&counts));
    ck_assert_int_eq(counts.rows_sql_added, 3);
    ck_assert_int_eq(counts.rows_csv_added, 0);
    changed_end(&changed);
}
END_TEST

START_TEST(a_table_that_neither_side_has_is_not_found)
{
    struct changed changed;
    struct err err = ERR_INIT;

    changed_begin(&changed, shop, "SELECT 1", _i);
    ck_assert_int_eq(changes_table(changed.changes, "nothing", NULL, NULL, NULL, NULL, NULL, &err),
                     -ENOENT);
    ck_assert_str_eq(err.text, "nothing: no such table");
    changed_end(&changed);
}
END_TEST

static int refuse(void *arg, const void *bytes, size_t len, struct err *err)
{
    (void)arg, (void)bytes, (void)len;
    return err_set(err, EPIPE, "enough");
}

START_TEST(who_takes_a_text_can_end_it)
{
    struct changed changed;
    struct err err = ERR_INIT;

    changed_begin(&changed, shop, "DELETE FROM users", _i);
    ck_assert_int_eq(changes_table(changed.changes, "users", refuse, NULL, NULL, NULL, NULL, &err),
                     -EPIPE);
    ck_assert_str_eq(err.text, "enough");
    ck_assert_int_eq(changes_table(changed.changes, "users", NULL, NULL, refuse, NULL, NULL, &err),
                     -EPIPE);
    changed_end(&changed);
}
END_TEST

/* ---- many tables ---- */

/* A table, and SQL expressions for what names its rows and what is in them. */
static const struct shape {
    const char *columns, *key, *content;
} shapes[] = {
    {"(id INTEGER PRIMARY KEY, a, b TEXT)", "id", "quote(a)||'|'||quote(b)"},
    {"(id INTEGER PRIMARY KEY AUTOINCREMENT, a, b TEXT)", "id", "quote(a)||'|'||quote(b)"},
    {"(a, b TEXT)", "rowid", "quote(a)||'|'||quote(b)"},
    {"(a TEXT PRIMARY KEY NOT NULL, b UNIQUE)", "quote(a)", "quote(b)"},
    {"(a TEXT COLLATE NOCASE PRIMARY KEY, b)", "ifnull(nullif(quote(a),'NULL'),rowid)", "quote(b)"},
    {"(a, b, PRIMARY KEY(b DESC, a COLLATE NOCASE)) WITHOUT ROWID", "quote(b)||'|'||quote(a)", "1"},
    {"(a TEXT COLLATE RTRIM, b UNIQUE, PRIMARY KEY(a)) WITHOUT ROWID", "quote(a)", "quote(b)"},
    {"(a INT PRIMARY KEY NOT NULL, b, g AS (a+1), h AS (b||'x') STORED, CHECK(b != 5))", "quote(a)",
     "quote(b)"},
};

/* The same in every run. https://en.wikipedia.org/wiki/Linear_congruential_generator */
static uint32_t random_state;

static int next_random(void)
{
    random_state = random_state * 1664525 + 1013904223;
    return (int)(random_state >> 8 & 0xffff);
}

static const char *random_value(void)
{
    static const char *const values[] = {
        "NULL",    "0",   "1",       "5",   "-7", "1.5", "'a'",   "'A'",   "'b '", "'b'",
        "'it''s'", "x''", "x'6100'", "'é'", "2",  "3",   "x'ff'", "9e999", "4",    "'c'"};

    return values[(size_t)next_random() % (sizeof(values) / sizeof(values[0]))];
}

static void random_work(struct buf *sql, int statements)
{
    buf_add_text(sql, "PRAGMA ignore_check_constraints = ON;");
    for (int i = 0; i < statements; i++) {
        const char *column = next_random() % 2 ? "a" : "b";

        switch (next_random() % 4) {
        case 0:
            buf_addf(sql, "DELETE FROM t WHERE %s IS %s;", column, random_value());
            break;
        case 1:
            buf_addf(sql, "UPDATE OR IGNORE t SET %s = %s WHERE %s IS %s;",
                     next_random() % 2 ? "a" : "b", random_value(), column, random_value());
            break;
        default:
            buf_addf(sql, "INSERT OR IGNORE INTO t(a, b) VALUES(%s, %s);", random_value(),
                     random_value());
        }
    }
}

static uint64_t ask(const struct changed *changed, const struct shape *shape, const char *from,
                    const char *other, const char *condition)
{
    char sql[600];

    (void)snprintf(sql, sizeof sql,
                   "SELECT count(*) FROM (SELECT %s AS k, %s AS v FROM %s.t) AS x %s JOIN"
                   " (SELECT %s AS k, %s AS v FROM %s.t) AS y ON x.k = y.k"
                   " AND typeof(x.k) = typeof(y.k) WHERE %s",
                   shape->key, shape->content, from, *condition == 'x' ? "" : "LEFT", shape->key,
                   shape->content, other, condition);
    return (uint64_t)database_int(changed->two.oracle, sql);
}

START_TEST(random_work_on_any_table_is_told_and_patched)
{
    const struct shape *shape = &shapes[(size_t)_i % (sizeof(shapes) / sizeof(shapes[0]))];
    struct buf before = BUF_INIT, after = BUF_INIT;
    struct changed changed;
    char trigger[] = "CREATE TRIGGER g AFTER DELETE ON t BEGIN SELECT RAISE(ABORT, 'no'); END;";

    random_state = (uint32_t)_i;
    buf_addf(&before, "PRAGMA page_size=512; PRAGMA encoding='%s'; CREATE TABLE t%s;",
             _i % 3 == 2 ? "UTF-16le" : "UTF-8", shape->columns);
    random_work(&before, 60);
    buf_add_text(&before, trigger);
    buf_add_text(&after, "DROP TRIGGER g;");
    random_work(&after, 1 + next_random() % 20);
    buf_add_text(&after, trigger);
    changed_begin(&changed, buf_text(&before), buf_text(&after), _i % 2);
    two_states_compare(&changed.two);
    assert_counts(&changed, "t", ask(&changed, shape, "after", "before", "y.k IS NULL"),
                  ask(&changed, shape, "after", "before", "x.v IS NOT y.v"),
                  ask(&changed, shape, "before", "after", "y.k IS NULL"));
    assert_lengths(&changed, "t");
    changed_assert_patched(&changed);
    changed_end(&changed);
    buf_free(&before);
    buf_free(&after);
}
END_TEST

Suite *suite_table_changes(void)
{
    Suite *suite = suite_create("table/changes");
    TCase *told = tcase_create("told"), *pages = tcase_create("pages"),
          *random = tcase_create("random");
    const TTest *const twice[] = {
        rows_that_came_changed_and_went_are_told_in_their_order,
        a_header_names_the_columns_of_both_sides,
        what_is_undone_is_no_change,
        a_value_of_another_kind_is_a_change,
        columns_are_matched_by_name,
        an_added_column_with_a_default_changes_every_row,
        it_is_known_how_much_longer_the_texts_of_rows_are,
        a_row_that_only_moved_shows_in_lengths_alone,
        a_table_that_neither_side_has_is_not_found,
        who_takes_a_text_can_end_it,
    };

    tcase_add_checked_fixture(told, folder_set_up, folder_tear_down);
    for (size_t i = 0; i < sizeof(twice) / sizeof(twice[0]); i++)
        tcase_add_loop_test(told, twice[i], 0, 2);
    suite_add_tcase(suite, told);
    tcase_add_checked_fixture(pages, folder_set_up, folder_tear_down);
    tcase_add_test(pages, only_tables_that_may_have_changed_are_candidates);
    tcase_add_test(pages, without_pages_every_table_is_a_candidate_and_no_view);
    tcase_add_test(pages, other_sql_makes_a_candidate);
    tcase_add_test(pages, an_added_column_without_a_default_costs_no_reading);
    tcase_add_test(pages, few_rows_are_read_where_little_changed);
    suite_add_tcase(suite, pages);
    tcase_add_checked_fixture(random, folder_set_up, folder_tear_down);
    tcase_add_loop_test(random, random_work_on_any_table_is_told_and_patched, 0, 80);
    suite_add_tcase(suite, random);
    return suite;
}
