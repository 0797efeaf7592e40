/*
 * src/source/sqlite/model.c, model_links.c: what a schema says of its tables, live and backed up.
 */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "dbsnapfs/util/buf.h"
#include "source/sqlite/database.h"
#include "source/sqlite/model.h"
#include "source/sqlite/opened_support.h"
#include "source/sqlite/support.h"

Suite *suite_source_sqlite_model(void);

START_TEST(columns_have_what_was_declared)
{
    struct opened opened;
    const struct relation *t;

    database_make("a.db", "CREATE TABLE t(a INTEGER PRIMARY KEY AUTOINCREMENT, b VARCHAR(9) NOT"
                          " NULL DEFAULT 'x' COLLATE NOCASE, c, d DOUBLE, e DECIMAL,"
                          " g AS (b || 1), s TEXT AS (b) STORED)");
    opened_begin(&opened, _i);
    t = opened_find(&opened, "T");
    ck_assert_str_eq(t->name, "t");
    ck_assert_int_eq(t->kind, RELATION_TABLE);
    ck_assert(t->autoincrement);
    ck_assert_uint_eq(t->column_count, 7);
    ck_assert_int_eq(t->columns[0].affinity, AFFINITY_INTEGER);
    ck_assert_int_eq(t->columns[1].affinity, AFFINITY_TEXT);
    ck_assert_int_eq(t->columns[2].affinity, AFFINITY_BLOB);
    ck_assert_int_eq(t->columns[3].affinity, AFFINITY_REAL);
    ck_assert_int_eq(t->columns[4].affinity, AFFINITY_NUMERIC);
    ck_assert_str_eq(t->columns[1].collation, "NOCASE");
    ck_assert_str_eq(t->columns[1].default_sql, "'x'");
    ck_assert(t->columns[1].not_null && !t->columns[2].not_null);
    ck_assert_int_eq(t->columns[5].generated, GENERATED_VIRTUAL);
    ck_assert_int_eq(t->columns[6].generated, GENERATED_STORED);
    ck_assert_int_eq(opened_find(&opened, "sqlite_sequence")->kind, RELATION_INTERNAL);
    opened_end(&opened);
}
END_TEST

START_TEST(rows_are_named_and_placed_by_what_sqlite_makes_of_the_key)
{
    static const struct {
        const char *name, *rowid_name;
        size_t key_count, position_count, rowid_column;
        bool is_rowid;
    } cases[] = {
        {"alias", "rowid", 1, 1, 0, true},         {"descending", "rowid", 1, 1, NO_COLUMN, true},
        {"other", "rowid", 1, 1, NO_COLUMN, true}, {"none", "_rowid_", 0, 1, NO_COLUMN, true},
        {"taken", NULL, 0, 0, NO_COLUMN, false},   {"taken_alias", NULL, 1, 1, 1, true},
        {"without", NULL, 2, 2, NO_COLUMN, false}, {"twice", NULL, 2, 2, NO_COLUMN, false},
        {"v", NULL, 0, 0, NO_COLUMN, false},       {"f", "rowid", 0, 1, NO_COLUMN, true},
        {"r", "rowid", 0, 1, NO_COLUMN, true},
    };
    struct opened opened;

    database_make("a.db",
                  "CREATE TABLE alias(a INTEGER PRIMARY KEY);"
                  "CREATE TABLE descending(a INTEGER PRIMARY KEY DESC);"
                  "CREATE TABLE other(a INT PRIMARY KEY); CREATE TABLE none(RowId);"
                  "CREATE TABLE taken(rowid, oid, _rowid_);"
                  "CREATE TABLE taken_alias(rowid, oid INTEGER PRIMARY KEY, _rowid_);"
                  "CREATE TABLE without(x, b, a, PRIMARY KEY(a, b DESC)) WITHOUT ROWID;"
                  "CREATE TABLE twice(a, b, PRIMARY KEY(a, b, a)) WITHOUT ROWID;"
                  "CREATE VIEW v AS SELECT * FROM alias; CREATE VIRTUAL TABLE f USING fts5(x);"
                  "CREATE VIRTUAL TABLE r USING rtree(id, a, b)");
    opened_begin(&opened, _i);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct relation *relation = opened_find(&opened, cases[i].name);

        ck_assert_msg(relation->key_count == cases[i].key_count, "%s", cases[i].name);
        ck_assert_msg(relation->position_count == cases[i].position_count, "%s", cases[i].name);
        ck_assert_msg(relation->rowid_column == cases[i].rowid_column, "%s", cases[i].name);
        ck_assert_msg(relation->position_is_rowid == cases[i].is_rowid, "%s", cases[i].name);
        ck_assert_pstr_eq(relation->rowid_name, cases[i].rowid_name);
    }
    ck_assert_uint_eq(opened_find(&opened, "without")->key[0], 2);
    ck_assert_int_eq(opened_find(&opened, "f_data")->kind, RELATION_SHADOW);
    ck_assert_uint_eq(opened_find(&opened, "f")->column_count, 1);
    ck_assert_uint_eq(opened_find(&opened, "alias")->root_page, 2);
    ck_assert_uint_eq(opened_find(&opened, "v")->root_page, 0);
    ck_assert_uint_eq(opened_find(&opened, "f")->root_page, 0);
    opened_end(&opened);
}
END_TEST

START_TEST(a_view_that_is_endless_to_prepare_is_broken_and_hinders_nothing)
{
    struct buf sql = BUF_INIT;
    struct opened opened;

    buf_add_text(&sql, "CREATE TABLE t(a); CREATE VIEW v0 AS SELECT * FROM t;");
    for (int i = 1; i < 40; i++)
        buf_addf(&sql, "CREATE VIEW v%d AS SELECT * FROM v%d UNION ALL SELECT * FROM v%d;", i,
                 i - 1, i - 1);
    buf_add_text(&sql, "CREATE VIEW w AS WITH c0 AS (SELECT 1)");
    for (int i = 1; i < 40; i++)
        buf_addf(&sql, ", c%d AS (SELECT * FROM c%d UNION ALL SELECT * FROM c%d)", i, i - 1, i - 1);
    buf_add_text(&sql, " SELECT * FROM c39");
    database_make("a.db", buf_text(&sql));
    opened_begin(&opened, _i);
    ck_assert_ptr_nonnull(strstr(opened_find(&opened, "v39")->broken, "does not come to an end"));
    ck_assert_ptr_nonnull(strstr(opened_find(&opened, "w")->broken, "does not come to an end"));
    ck_assert_ptr_null(opened_find(&opened, "v3")->broken);
    ck_assert_ptr_null(opened_find(&opened, "t")->broken);
    opened_end(&opened);
    buf_free(&sql);
}
END_TEST

START_TEST(foreign_keys_are_seen_from_both_sides)
{
    struct opened opened;
    const struct relation *parent, *child;

    database_make("a.db",
                  "CREATE TABLE p(a, b, PRIMARY KEY(a, b));"
                  "CREATE TABLE c(x REFERENCES gone, y, z, w COLLATE NOCASE REFERENCES p(absent),"
                  " FOREIGN KEY(y, z) REFERENCES p ON DELETE CASCADE);"
                  "CREATE INDEX c_zy ON c(z, y, x); CREATE INDEX c_w ON c(w COLLATE BINARY);"
                  "CREATE INDEX c_x ON c(x) WHERE x > 1");
    opened_begin(&opened, _i);
    parent = opened_find(&opened, "p");
    child = opened_find(&opened, "c");
    ck_assert_uint_eq(child->foreign_key_count, 3);
    ck_assert_str_eq(child->foreign_keys[0].parent_name, "gone");
    ck_assert_ptr_null(child->foreign_keys[0].parent);
    ck_assert(!child->foreign_keys[0].indexed);
    ck_assert_uint_eq(child->foreign_keys[1].parent_columns[0], NO_COLUMN);
    ck_assert(!child->foreign_keys[1].indexed);
    ck_assert_uint_eq(child->foreign_keys[2].count, 2);
    ck_assert_uint_eq(child->foreign_keys[2].columns[1], 2);
    ck_assert_uint_eq(child->foreign_keys[2].parent_columns[1], 1);
    ck_assert_ptr_null(child->foreign_keys[2].parent_names);
    ck_assert_str_eq(child->foreign_keys[2].on_delete, "CASCADE");
    ck_assert(child->foreign_keys[2].indexed);
    ck_assert_uint_eq(parent->referrer_count, 2);
    ck_assert_ptr_eq(parent->referrers[1].child, child);
    ck_assert(relation_column_indexed(child, 2) && !relation_column_indexed(child, 0));
    ck_assert(!relation_column_indexed(child, 3));
    opened_end(&opened);
}
END_TEST

START_TEST(one_broken_relation_breaks_no_other)
{
    static const struct {
        const char *name, *reason;
    } cases[] = {{"gone", "no such table: main.goes"},
                 {"function", "no such function: missing"},
                 {"circle", "circularly defined"},
                 {"loads", "load_extension"},
                 {"module", "no such module: not_here"}};
    struct opened opened;

    database_make(
        "a.db", "CREATE TABLE goes(x); CREATE VIEW gone AS SELECT * FROM goes; DROP TABLE goes;"
                "CREATE VIEW function AS SELECT missing(1); CREATE VIEW circle AS SELECT * FROM c2;"
                "CREATE VIEW c2 AS SELECT * FROM circle; CREATE TABLE good(a);"
                "CREATE VIEW loads AS SELECT load_extension('x'); PRAGMA writable_schema=ON;"
                "INSERT INTO sqlite_schema VALUES('table', 'module', 'module', 0,"
                " 'CREATE VIRTUAL TABLE module USING not_here(a)')");
    opened_begin(&opened, _i);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct relation *relation = opened_find(&opened, cases[i].name);

        ck_assert_msg(relation->broken && strstr(relation->broken, cases[i].reason), "%s: %s",
                      cases[i].name, relation->broken ? relation->broken : "not broken");
        ck_assert_uint_eq(relation->column_count, 0);
    }
    ck_assert_ptr_null(opened_find(&opened, "good")->broken);
    ck_assert_uint_eq(opened_find(&opened, "good")->column_count, 1);
    opened_end(&opened);
}
END_TEST

START_TEST(indexes_and_triggers_belong_to_their_table)
{
    struct opened opened;
    const struct relation *t;

    database_make("a.db", "CREATE TABLE t(a UNIQUE); CREATE INDEX t_a ON t(lower(a));"
                          "CREATE TRIGGER t_t AFTER INSERT ON T BEGIN SELECT 1; END;"
                          "CREATE TABLE u(a)");
    opened_begin(&opened, _i);
    t = opened_find(&opened, "t");
    ck_assert_uint_eq(t->part_count, 2);
    ck_assert_str_eq(t->parts[0].name, "t_a");
    ck_assert_int_eq(t->parts[1].kind, PART_TRIGGER);
    ck_assert_uint_eq(t->index_count, 2);
    ck_assert_uint_eq(opened_find(&opened, "u")->part_count, 0);
    opened_end(&opened);
}
END_TEST

START_TEST(what_belongs_to_a_table_has_the_order_of_the_schema)
{
    static const char *const parts[] = {"z", "b", "y", "a"};
    static const struct {
        const char *child, *column;
    } referrers[] = {{"z_child", "two"}, {"z_child", "one"}, {"P", "own"}, {"a_child", "x"}};
    struct opened opened;
    const struct relation *p;

    database_make("a.db",
                  "CREATE TABLE z_child(two REFERENCES P, one REFERENCES p);"
                  "CREATE TABLE other(a); CREATE TABLE P(id INTEGER PRIMARY KEY, own REFERENCES p);"
                  "CREATE INDEX z ON p(own); CREATE INDEX o ON other(a);"
                  "CREATE TRIGGER b AFTER INSERT ON P BEGIN SELECT 1; END;"
                  "CREATE INDEX y ON P(own); CREATE INDEX a ON p(own);"
                  "CREATE TABLE a_child(x REFERENCES \"p\")");
    opened_begin(&opened, _i);
    p = opened_find(&opened, "p");
    ck_assert_uint_eq(p->part_count, sizeof(parts) / sizeof(parts[0]));
    for (size_t i = 0; i < p->part_count; i++)
        ck_assert_str_eq(p->parts[i].name, parts[i]);
    ck_assert_uint_eq(p->referrer_count, sizeof(referrers) / sizeof(referrers[0]));
    for (size_t i = 0; i < p->referrer_count; i++) {
        const struct relation *child = p->referrers[i].child;

        ck_assert_str_eq(child->name, referrers[i].child);
        ck_assert_str_eq(child->columns[p->referrers[i].foreign_key->columns[0]].name,
                         referrers[i].column);
        ck_assert_ptr_eq(p->referrers[i].foreign_key->parent, p);
    }
    ck_assert_ptr_null(opened_find(&opened, "other")->referrers);
    opened_end(&opened);
}
END_TEST

/* 2,000 tables, each with an index and a key that leads to another. */
START_TEST(names_are_not_compared_each_with_each)
{
    struct buf sql = BUF_INIT;
    struct opened opened;

    buf_add_text(&sql, "BEGIN;");
    for (unsigned i = 0; i < 2000; i++)
        buf_addf(&sql, "CREATE TABLE t%u(a REFERENCES T%u); CREATE INDEX i%u ON t%u(a);", i,
                 i * 7 % 2000, i, i);
    buf_add_text(&sql, "COMMIT;");
    database_make("a.db", buf_text(&sql));
    opened_begin(&opened, _i);
    ck_assert_uint_eq(opened_find(&opened, "t7")->referrer_count, 1);
    ck_assert_uint_eq(opened_find(&opened, "t7")->part_count, 1);
    ck_assert_uint_le(model_compared(opened.database->model), 2000 * 64);
    opened_end(&opened);
    buf_free(&sql);
}
END_TEST

Suite *suite_source_sqlite_model(void)
{
    const TTest *const tests[] = {
        columns_have_what_was_declared,
        rows_are_named_and_placed_by_what_sqlite_makes_of_the_key,
        a_view_that_is_endless_to_prepare_is_broken_and_hinders_nothing,
        foreign_keys_are_seen_from_both_sides,
        one_broken_relation_breaks_no_other,
        indexes_and_triggers_belong_to_their_table,
        what_belongs_to_a_table_has_the_order_of_the_schema,
        names_are_not_compared_each_with_each,
    };
    Suite *suite = suite_create("source/sqlite/model");
    TCase *model = tcase_create("live, and a backup");

    tcase_add_checked_fixture(model, folder_set_up, folder_tear_down);
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
        tcase_add_loop_test(model, tests[i], 0, 2);
    suite_add_tcase(suite, model);
    return suite;
}
