/* src/table/describe.c: schema.sql, which can be run again, and columns.json, which can be parsed. */
#include "dbsnapfs/table/describe.h"

#include <check.h>
#include <jansson.h>
#include <string.h>

#include "source/sqlite/opened_support.h"
#include "source/sqlite/support.h"

Suite *suite_table_describe(void);

static const char *described(const char *name,
                             void (*describe)(const struct relation *, struct buf *))
{
    static struct buf out;
    struct opened opened;

    buf_clear(&out);
    opened_begin(&opened, false);
    describe(opened_find(&opened, name), &out);
    opened_end(&opened);
    return buf_text(&out);
}

START_TEST(a_table_is_described_with_its_indexes_and_triggers)
{
    static const char expected[] = "CREATE TABLE t(a PRIMARY KEY -- the key\n, b UNIQUE);\n"
                                   "CREATE INDEX i ON t(b) -- one\n;\n"
                                   "CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT 1; END;\n"
                                   "CREATE INDEX j ON t(a, b);\n";

    database_make("a.db", "CREATE TABLE other(b); CREATE INDEX o ON other(b);");
    database_make("a.db", expected);
    ck_assert_str_eq(described("t", describe_schema), expected);
}
END_TEST

START_TEST(a_view_is_described_with_its_triggers)
{
    static const char expected[] = "CREATE VIEW v AS SELECT 1 AS a /* one */;\n"
                                   "CREATE TRIGGER r INSTEAD OF INSERT ON v BEGIN SELECT 1; END;\n";

    database_make("a.db", expected);
    ck_assert_str_eq(described("v", describe_schema), expected);
    ck_assert_str_eq(described("v", describe_columns),
                     "[\n{\"name\":\"a\",\"type\":\"\",\"not_null\":false,\"default\":null,"
                     "\"primary_key\":null,\"collation\":\"BINARY\",\"generated\":null,"
                     "\"references\":[]}\n]\n");
}
END_TEST

START_TEST(columns_have_what_they_were_declared_with)
{
    database_make("a.db",
                  "CREATE TABLE p(x, y, PRIMARY KEY (x, y));"
                  "CREATE TABLE t(a TEXT NOT NULL DEFAULT 'it''s \"x\"' COLLATE NOCASE, b INT"
                  " REFERENCES gone, c AS (b + 1), d AS (b) STORED, PRIMARY KEY (b, a),"
                  " FOREIGN KEY (a, b) REFERENCES p ON UPDATE CASCADE ON DELETE SET NULL,"
                  " FOREIGN KEY (b) REFERENCES gone(\"z z\"))");
    ck_assert_str_eq(
        described("t", describe_columns),
        "[\n"
        "{\"name\":\"a\",\"type\":\"TEXT\",\"not_null\":true,\"default\":\"'it''s \\\"x\\\"'\","
        "\"primary_key\":2,\"collation\":\"NOCASE\",\"generated\":null,\"references\":["
        "{\"table\":\"p\",\"columns\":[\"a\",\"b\"],\"parent_columns\":[\"x\",\"y\"],"
        "\"on_update\":\"CASCADE\",\"on_delete\":\"SET NULL\"}]},\n"
        "{\"name\":\"b\",\"type\":\"INT\",\"not_null\":false,\"default\":null,"
        "\"primary_key\":1,\"collation\":\"BINARY\",\"generated\":null,\"references\":["
        "{\"table\":\"gone\",\"columns\":[\"b\"],\"parent_columns\":null,"
        "\"on_update\":\"NO ACTION\",\"on_delete\":\"NO ACTION\"},"
        "{\"table\":\"p\",\"columns\":[\"a\",\"b\"],\"parent_columns\":[\"x\",\"y\"],"
        "\"on_update\":\"CASCADE\",\"on_delete\":\"SET NULL\"},"
        "{\"table\":\"gone\",\"columns\":[\"b\"],\"parent_columns\":[\"z z\"],"
        "\"on_update\":\"NO ACTION\",\"on_delete\":\"NO ACTION\"}]},\n"
        "{\"name\":\"c\",\"type\":\"\",\"not_null\":false,\"default\":null,\"primary_key\":null,"
        "\"collation\":\"BINARY\",\"generated\":\"virtual\",\"references\":[]},\n"
        "{\"name\":\"d\",\"type\":\"\",\"not_null\":false,\"default\":null,\"primary_key\":null,"
        "\"collation\":\"BINARY\",\"generated\":\"stored\",\"references\":[]}\n"
        "]\n");
}
END_TEST

START_TEST(columns_of_any_name_are_json)
{
    sqlite3 *db = shell_open("a.db");
    json_t *json;

    database_exec(
        db, "CREATE TABLE t(\"\"\"\\\n\", BAD TEXT DEFAULT '\t'); PRAGMA writable_schema = ON;"
            "UPDATE sqlite_schema SET sql = CAST(replace(CAST(sql AS BLOB), x'424144',"
            " x'22ff2f22') AS TEXT)");
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
    json = json_loads(described("t", describe_columns), 0, NULL);
    ck_assert_uint_eq(json_array_size(json), 2);
    ck_assert_str_eq(json_string_value(json_object_get(json_array_get(json, 0), "name")), "\"\\\n");
    ck_assert_str_eq(json_string_value(json_object_get(json_array_get(json, 1), "name")),
                     "\xef\xbf\xbd/");
    json_decref(json);
}
END_TEST

START_TEST(what_is_broken_has_its_sql_and_no_columns)
{
    database_make("a.db", "CREATE TABLE t(a); CREATE VIEW v AS SELECT * FROM t; DROP TABLE t");
    ck_assert_str_eq(described("v", describe_columns), "[\n]\n");
    ck_assert_str_eq(described("v", describe_schema), "CREATE VIEW v AS SELECT * FROM t;\n");
}
END_TEST

Suite *suite_table_describe(void)
{
    Suite *suite = suite_create("table/describe");
    TCase *describe = tcase_create("describe");

    tcase_add_checked_fixture(describe, folder_set_up, folder_tear_down);
    tcase_add_test(describe, a_table_is_described_with_its_indexes_and_triggers);
    tcase_add_test(describe, a_view_is_described_with_its_triggers);
    tcase_add_test(describe, columns_have_what_they_were_declared_with);
    tcase_add_test(describe, columns_of_any_name_are_json);
    tcase_add_test(describe, what_is_broken_has_its_sql_and_no_columns);
    suite_add_tcase(suite, describe);
    return suite;
}
