/*
 * src/table/row_sizes.c: lengths that are counted are those of the texts. Each test runs on the live
 * database and on a stored backup of it, in UTF-8 and in UTF-16.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/util/err.h"
#include "source/sqlite/support.h"
#include "table/reading_support.h"

Suite *suite_table_row_sizes(void);

enum { WAYS = 4 };

static struct opened opened;

static void begin(int way, const char *sql)
{
    struct buf all = BUF_INIT;

    buf_addf(&all, "PRAGMA encoding = '%s'; ", way / 2 ? "UTF-16le" : "UTF-8");
    buf_add_text(&all, sql);
    database_make("a.db", buf_text(&all));
    buf_free(&all);
    opened_begin(&opened, way % 2 == 1);
}

static struct row_sizes sizes_of(const char *name)
{
    struct row_sizes sizes = {0, 0, 0, 0};
    struct err err = ERR_INIT;

    ck_assert_msg(row_sizes_measure(opened.database, name, &sizes, &err) == 0, "%s", err.text);
    return sizes;
}

/* Compares with what is read; false where the relation is broken. */
static void assert_sizes(const char *name)
{
    struct row_sizes sizes = sizes_of(name);
    const uint64_t bytes[] = {sizes.csv_bytes, sizes.ndjson_bytes, sizes.sql_bytes};
    struct buf text = BUF_INIT;

    for (int form = TEXT_CSV; form <= TEXT_SQL; form++) {
        reading_text(&opened, reading_rows(name, (enum text_form)form), &text);
        ck_assert_msg(text.len == bytes[form], "%s in form %d: %zu bytes, not %llu", name, form,
                      text.len, (unsigned long long)bytes[form]);
    }
    buf_free(&text);
}

START_TEST(every_value_has_its_length)
{
    begin(
        _i,
        "CREATE TABLE t(v);"
        "INSERT INTO t VALUES (NULL), (0), (-1), (9223372036854775807), (-9223372036854775807 - 1),"
        " (0.5), (-0.0), (1e300), (0.1 + 0.2), (9e999), (-9e999), (19.99), (1e15), (12345.678901),"
        " (''), ('plain'), ('eight by'), ('\"quoted\"'), ('it''s it''s'), ('back\\slash\\'),"
        " ('tab' || char(9)), ('cr' || char(13)), (char(0)), (char(127)), ('größe'), ('日本語'),"
        " (char(0xfffe)), (char(0xffff) || 'x'), (char(0xff21)), ('😀'), (CAST(x'ff41' AS TEXT)),"
        " ('0123456789''\"\\\"\\''x0123456789'), (x''), (x'00'), (x'0011'), (x'001122'),"
        " (zeroblob(100000));");
    ck_assert_uint_eq(sizes_of("t").rows, 37);
    assert_sizes("t");
    opened_end(&opened);
}
END_TEST

START_TEST(every_kind_of_relation_has_its_length)
{
    static const char *const names[] = {"plain", "keyed", "generated", "taken",     "empty",
                                        "kept",  "seen",  "words",     "words_data"};

    begin(_i, "CREATE TABLE plain(a, b TEXT, \"c \"\"d\");"
              "INSERT INTO plain(rowid, a) VALUES (-5, 1), (77, 'x');"
              "CREATE TABLE keyed(a, b TEXT, PRIMARY KEY (b, a)) WITHOUT ROWID;"
              "INSERT INTO keyed VALUES (1, 2), (x'00', 'y');"
              "CREATE TABLE generated(a AS (b || '''\"') STORED, b TEXT, c AS (a || char(7)));"
              "INSERT INTO generated(b) VALUES ('u'), (NULL);"
              "CREATE TABLE taken(rowid, oid, _rowid_); INSERT INTO taken VALUES (1, 2.5, 'z');"
              "CREATE TABLE empty(a INTEGER PRIMARY KEY);"
              "CREATE TABLE kept(a INTEGER PRIMARY KEY AUTOINCREMENT, b BLOB, c IMAGE);"
              "INSERT INTO kept VALUES (1, x'0123', x'45'), (200, 'text', 5);"
              "CREATE VIEW seen AS SELECT a, b AS \"a\", NULL FROM keyed;"
              "CREATE VIRTUAL TABLE words USING fts5(a);"
              "INSERT INTO words VALUES ('some words');");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_sizes(names[i]);
    ck_assert_uint_eq(sizes_of("plain").rows, 2);
    ck_assert_uint_eq(sizes_of("empty").rows, 0);
    opened_end(&opened);
}
END_TEST

START_TEST(what_is_gone_or_broken_has_no_size)
{
    struct row_sizes sizes = {7, 7, 7, 7};
    struct err err = ERR_INIT;

    begin(_i, "CREATE TABLE t(a); CREATE VIEW v AS SELECT * FROM t; DROP TABLE t");
    ck_assert_int_eq(row_sizes_measure(opened.database, "t", &sizes, &err), -ENOENT);
    ck_assert_str_eq(err.text, "t: no such table or view");
    ck_assert_int_eq(row_sizes_measure(opened.database, "v", &sizes, &err), -EIO);
    ck_assert_str_eq(err.text, "v: no such table: main.t");
    ck_assert_uint_eq(sizes.rows, 7);
    opened_end(&opened);
}
END_TEST

Suite *suite_table_row_sizes(void)
{
    Suite *suite = suite_create("table/row_sizes");
    TCase *lengths = tcase_create("lengths");

    tcase_add_checked_fixture(lengths, folder_set_up, folder_tear_down);
    tcase_add_loop_test(lengths, every_value_has_its_length, 0, WAYS);
    tcase_add_loop_test(lengths, every_kind_of_relation_has_its_length, 0, WAYS);
    tcase_add_loop_test(lengths, what_is_gone_or_broken_has_no_size, 0, WAYS);
    suite_add_tcase(suite, lengths);
    return suite;
}
