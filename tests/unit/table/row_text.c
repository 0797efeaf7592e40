/* src/table/row_text.c, text_csv.c, text_json.c: what is written is read back by others. */
#include <check.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "source/sqlite/support.h"
#include "table/rows_support.h"

Suite *suite_table_row_text(void);

/* ---- CSV and JSON, read by readers of the tests' own ---- */

/* One field of CSV as the value that it says; returns where it ends. `bytes` keeps TEXT and BLOB. */
static const char *read_field(const char *at, const char *end, struct buf *bytes,
                              struct value *ret_value)
{
    struct value value = {.kind = VALUE_NULL};
    size_t len = 0;

    buf_clear(bytes);
    if (*at == '"') {
        value.kind = VALUE_TEXT;
        for (at++; *at != '"' || at[1] == '"'; at++) {
            ck_assert(at < end);
            at += *at == '"';
            buf_add_char(bytes, *at);
        }
        at++;
    } else if (*at == 'x') {
        value.kind = VALUE_BLOB;
        for (at += 2; *at != '\''; at += 2) {
            char digits[] = {at[0], at[1], '\0'};

            buf_add_char(bytes, (char)strtol(digits, NULL, 16));
        }
        at++;
    } else if ((len = strcspn(at, ",\r")) > 0) {
        bool is_real = strcspn(at, ".en") < len; /* of a number, inf, -inf */

        value.kind = is_real ? VALUE_REAL : VALUE_INTEGER;
        value.real = is_real ? strtod(at, NULL) : 0;
        value.integer = is_real ? 0 : strtoll(at, NULL, 10);
        at += len;
    }
    value.bytes = bytes->data;
    value.len = bytes->len;
    *ret_value = value;
    return at;
}

static void decode_base64(const char *text, struct buf *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned bits = 0, count = 0;

    ck_assert_uint_eq(strlen(text) % 4, 0);
    for (; *text && *text != '='; text++) {
        bits = bits << 6 | (unsigned)(strchr(digits, *text) - digits);
        count += 6;
        if (count >= 8) {
            count -= 8;
            buf_add_char(out, (char)(unsigned char)(bits >> count & 0xff));
        }
    }
}

static void value_of_json(const json_t *json, struct buf *bytes, struct value *ret_value)
{
    struct value value = {.kind = VALUE_NULL};
    const char *base64 = json_string_value(json_object_get(json, "base64"));
    const char *text = json_string_value(json_object_get(json, "text"));
    const char *real = json_string_value(json_object_get(json, "real"));

    buf_clear(bytes);
    if (json_is_integer(json)) {
        value.kind = VALUE_INTEGER;
        value.integer = json_integer_value(json);
    } else if (json_is_real(json) || real) {
        value.kind = VALUE_REAL;
        value.real = real ? strtod(real, NULL) : json_real_value(json);
    } else if (json_is_string(json)) {
        value.kind = VALUE_TEXT;
        buf_add(bytes, json_string_value(json), json_string_length(json));
    } else if (base64 || text) {
        value.kind = base64 ? VALUE_BLOB : VALUE_TEXT;
        decode_base64(base64 ? base64 : text, bytes);
    } else {
        ck_assert(json_is_null(json));
    }
    value.bytes = bytes->data;
    value.len = bytes->len;
    *ret_value = value;
}

static void assert_value(struct cursor *cursor, size_t column, const struct value *value)
{
    struct value expected, id;

    cursor_value(cursor, column, &expected);
    cursor_value(cursor, 0, &id);
    ck_assert_msg(value_equal(&expected, value), "value of row %lld", (long long)id.integer);
}

START_TEST(csv_gives_every_value_again)
{
    struct opened opened;
    struct cursor *cursor;
    struct buf out = BUF_INIT, bytes = BUF_INIT;
    struct err err = ERR_INIT;
    const char *at;

    rows_begin(_i, rows_every_value, &opened);
    rows_render(&opened, "t", TEXT_CSV, &out);
    cursor = rows_open_cursor(&opened, opened_find(&opened, "t"), SELECT_ROWS);
    ck_assert_int_eq(strncmp(out.data, "\"id\",\"v\"\r\n", 10), 0);
    at = out.data + 10;
    while (cursor_next(cursor, &err) > 0)
        for (size_t i = 0; i < 2; i++) {
            struct value value;

            at = read_field(at, out.data + out.len, &bytes, &value);
            assert_value(cursor, i, &value);
            ck_assert_int_eq(strncmp(at, i == 0 ? "," : "\r\n", 1 + i), 0);
            at += 1 + i;
        }
    ck_assert_ptr_eq(at, out.data + out.len);
    cursor_close(cursor);
    opened_end(&opened);
    buf_free(&bytes);
    buf_free(&out);
}
END_TEST

/* The next line's object, or all that is left. */
static json_t *read_object(const char **at, const char *end)
{
    const char *line_end = memchr(*at, '\n', (size_t)(end - *at));
    json_error_t error;
    json_t *json;

    ck_assert_ptr_nonnull(line_end);
    json = json_loadb(*at, (size_t)(line_end - *at), JSON_ALLOW_NUL, &error);
    ck_assert_msg(json != NULL, "%s", error.text);
    *at = line_end + 1;
    return json;
}

START_TEST(ndjson_gives_every_value_again)
{
    struct opened opened;
    struct cursor *cursor;
    struct buf out = BUF_INIT, bytes = BUF_INIT, one = BUF_INIT;
    struct err err = ERR_INIT;
    const char *at;

    rows_begin(_i, rows_every_value, &opened);
    rows_render(&opened, "t", TEXT_NDJSON, &out);
    cursor = rows_open_cursor(&opened, opened_find(&opened, "t"), SELECT_ROWS);
    at = out.data;
    while (cursor_next(cursor, &err) > 0) {
        json_t *json = read_object(&at, out.data + out.len), *again;
        struct value value;

        ck_assert_uint_eq(json_object_size(json), 2);
        value_of_json(json_object_get(json, "id"), &bytes, &value);
        assert_value(cursor, 0, &value);
        value_of_json(json_object_get(json, "v"), &bytes, &value);
        assert_value(cursor, 1, &value);
        buf_clear(&one);
        rows_add_one(&opened, opened_find(&opened, "t"), TEXT_OBJECT, cursor, &one);
        again = json_loadb(one.data, one.len, JSON_ALLOW_NUL, NULL);
        ck_assert(json_equal(json, again));
        json_decref(again);
        json_decref(json);
    }
    ck_assert_ptr_eq(at, out.data + out.len);
    cursor_close(cursor);
    opened_end(&opened);
    buf_free(&one);
    buf_free(&bytes);
    buf_free(&out);
}
END_TEST

/* ---- the forms ---- */

START_TEST(each_form_shows_kinds_apart)
{
    struct opened opened;

    rows_begin(_i,
               "CREATE TABLE t(a, \"b \"\"q\"\"\");"
               "INSERT INTO t VALUES (1, 1.0), ('1', x'0aFF'), (NULL, 'x\"y'), (9e999, ''),"
               " (char(0, 7, 10, 13, 92), x'')",
               &opened);
    rows_assert_text_bytes(
        &opened, "t", TEXT_CSV,
        BYTES("\"a\",\"b \"\"q\"\"\"\r\n1,1.0\r\n\"1\",x'0aff'\r\n,\"x\"\"y\"\r\n"
              "inf,\"\"\r\n\"\0\a\n\r\\\",x''\r\n"));
    rows_assert_text(&opened, "t", TEXT_NDJSON,
                     "{\"a\":1,\"b \\\"q\\\"\":1.0}\n"
                     "{\"a\":\"1\",\"b \\\"q\\\"\":{\"base64\":\"Cv8=\"}}\n"
                     "{\"a\":null,\"b \\\"q\\\"\":\"x\\\"y\"}\n"
                     "{\"a\":{\"real\":\"inf\"},\"b \\\"q\\\"\":\"\"}\n"
                     "{\"a\":\"\\u0000\\u0007\\n\\r\\\\\",\"b \\\"q\\\"\":{\"base64\":\"\"}}\n");
    opened_end(&opened);
}
END_TEST

START_TEST(a_row_of_one_null_is_an_empty_line_of_csv)
{
    struct opened opened;

    rows_begin(_i, "CREATE TABLE t(a); INSERT INTO t VALUES (NULL), ('')", &opened);
    rows_assert_text(&opened, "t", TEXT_CSV, "\"a\"\r\n\r\n\"\"\r\n");
    opened_end(&opened);
}
END_TEST

START_TEST(a_view_has_its_columns_as_they_come)
{
    struct opened opened;

    rows_begin(_i, "CREATE VIEW v AS SELECT 1 AS a, 2.5 AS a, x'00'; CREATE TABLE e(a, b)",
               &opened);
    rows_assert_text(&opened, "v", TEXT_CSV, "\"a\",\"a:1\",\"x'00'\"\r\n1,2.5,x'00'\r\n");
    rows_assert_text(&opened, "e", TEXT_CSV, "\"a\",\"b\"\r\n");
    rows_assert_text(&opened, "e", TEXT_NDJSON, "");
    opened_end(&opened);
}
END_TEST

START_TEST(row_json_has_a_column_a_line)
{
    struct opened opened;
    struct cursor *cursor;
    struct buf out = BUF_INIT;
    struct err err = ERR_INIT;

    rows_begin(_i, "CREATE TABLE t(id INTEGER PRIMARY KEY, \"a b\"); INSERT INTO t VALUES (1, 'x')",
               &opened);
    cursor = rows_open_cursor(&opened, opened_find(&opened, "t"), SELECT_ROWS);
    ck_assert_int_eq(cursor_next(cursor, &err), 1);
    rows_add_one(&opened, opened_find(&opened, "t"), TEXT_OBJECT, cursor, &out);
    ck_assert_str_eq(buf_text(&out), "{\n  \"id\": 1,\n  \"a b\": \"x\"\n}\n");
    cursor_close(cursor);
    opened_end(&opened);
    buf_free(&out);
}
END_TEST

/* Lengths on both sides of what base64 and the pieces are made of. */
START_TEST(large_blobs_in_pieces_are_the_same_text)
{
    struct opened opened;
    struct buf whole = BUF_INIT, pieces = BUF_INIT;

    rows_begin(_i,
               "CREATE TABLE t(first BLOB, a, b, last TEXT);"
               "INSERT INTO t VALUES(randomblob(1048577), 'a', x'', 'z'),"
               "(x'01', randomblob(1048578), randomblob(1179648), NULL),"
               "(NULL, randomblob(1048579), x'', 'text'), (1, 2, 3, randomblob(1100000))",
               &opened);
    for (int form = 0; form < TEXT_FORMS; form++)
        rows_render(&opened, "t", (enum text_form)form, &whole);
    struct cursor *rows = rows_open_cursor(&opened, opened_find(&opened, "t"), SELECT_ROWS);
    struct cursor *parts = rows_open_cursor(&opened, opened_find(&opened, "t"), SELECT_PIECES);

    while (cursor_next(rows, NULL) == 1) {
        ck_assert_int_eq(cursor_next(parts, NULL), 1);
        buf_clear(&whole);
        buf_clear(&pieces);
        rows_add_one(&opened, opened_find(&opened, "t"), TEXT_OBJECT, rows, &whole);
        rows_add_one(&opened, opened_find(&opened, "t"), TEXT_OBJECT, parts, &pieces);
        ck_assert_str_eq(buf_text(&pieces), buf_text(&whole));
    }
    cursor_close(rows);
    cursor_close(parts);
    opened_end(&opened);
    buf_free(&whole);
    buf_free(&pieces);
}
END_TEST

START_TEST(a_row_that_is_given_up_in_the_middle_is_forgotten)
{
    struct opened opened;
    struct row_text *text = NULL;
    struct buf out = BUF_INIT;

    rows_begin(_i, "CREATE TABLE t(a, b); INSERT INTO t VALUES(randomblob(1048577), 7), (8, 9)",
               &opened);
    const struct relation *relation = opened_find(&opened, "t");
    struct cursor *cursor = rows_open_cursor(&opened, relation, SELECT_PIECES);

    ck_assert_int_eq(row_text_new(relation, TEXT_CSV, &text, NULL), 0);
    ck_assert_int_eq(cursor_next(cursor, NULL), 1);
    ck_assert_int_eq(row_text_add(text, opened.database, cursor, &out, NULL), 1);
    row_text_forget(text);
    buf_clear(&out);
    ck_assert_int_eq(cursor_next(cursor, NULL), 1);
    ck_assert_int_eq(row_text_add(text, opened.database, cursor, &out, NULL), 0);
    ck_assert_str_eq(buf_text(&out), "8,9\r\n");
    cursor_close(cursor);
    row_text_free(text);
    opened_end(&opened);
    buf_free(&out);
}
END_TEST

START_TEST(a_broken_view_has_no_rows_and_says_why)
{
    struct opened opened;
    struct row_text *text = NULL;
    struct err err = ERR_INIT;

    rows_begin(_i, "CREATE TABLE gone(a); CREATE VIEW v AS SELECT * FROM gone; DROP TABLE gone",
               &opened);
    ck_assert_int_eq(row_text_new(opened_find(&opened, "v"), TEXT_CSV, &text, &err), -EIO);
    ck_assert_str_eq(err.text, "v: no such table: main.gone");
    opened_end(&opened);
    row_text_free(NULL);
}
END_TEST

START_TEST(names_that_are_no_text_are_shown_as_json)
{
    struct buf out = BUF_INIT;

    text_json_string("a\xff\"\xc3\xa9\xe2\x82", &out);
    ck_assert_str_eq(buf_text(&out), "\"a\xef\xbf\xbd\\\"\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\"");
    buf_free(&out);
}
END_TEST

Suite *suite_table_row_text(void)
{
    Suite *suite = suite_create("table/row_text");
    TCase *rows = tcase_create("rows");

    tcase_add_checked_fixture(rows, folder_set_up, folder_tear_down);
    tcase_add_loop_test(rows, csv_gives_every_value_again, 0, ROWS_WAYS);
    tcase_add_loop_test(rows, ndjson_gives_every_value_again, 0, ROWS_WAYS);
    tcase_add_loop_test(rows, each_form_shows_kinds_apart, 0, ROWS_WAYS);
    tcase_add_loop_test(rows, a_row_of_one_null_is_an_empty_line_of_csv, 0, ROWS_WAYS);
    tcase_add_loop_test(rows, a_view_has_its_columns_as_they_come, 0, ROWS_WAYS);
    tcase_add_loop_test(rows, row_json_has_a_column_a_line, 0, ROWS_WAYS);
    tcase_add_loop_test(rows, large_blobs_in_pieces_are_the_same_text, 0, ROWS_WAYS);
    tcase_add_loop_test(rows, a_row_that_is_given_up_in_the_middle_is_forgotten, 0, ROWS_WAYS);
    tcase_add_loop_test(rows, a_broken_view_has_no_rows_and_says_why, 0, ROWS_WAYS);
    tcase_add_test(rows, names_that_are_no_text_are_shown_as_json);
    suite_add_tcase(suite, rows);
    return suite;
}
