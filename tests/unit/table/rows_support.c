/*
 * Databases in three encodings, live and backed up, and their rows as text.
 */
#include "table/rows_support.h"

#include <check.h>
#include <string.h>

#include "source/sqlite/support.h"

/* TEXT that is not UTF-8 is what it seems in UTF-8 alone; 00D8 and D800 are half a surrogate pair. */
const char rows_every_value[] =
    "CREATE TABLE t(id INTEGER PRIMARY KEY, v);"
    "INSERT INTO t(v) VALUES (NULL), (0), (-1), (9223372036854775807), (-9223372036854775808),"
    " (0.1), (-0.0), (0.0), (1.0), (1e300), (1e999), (-1e999), (0.1 + 0.2), (5e-324),"
    " (1.7976931348623157e308), (123456.789012345678), (9007199254740993.0), (1.00005),"
    " (3.0517578125e-05), (100.25), (-7.5), (1e15), (123456789012345.6),"
    " (''), ('a'), ('it''s'), ('\"'), (char(13)), (char(10)), (char(13, 10)), ('a,b'),"
    " ('1'), ('NULL'), (char(0)), ('a' || char(0) || 'b'), (char(0, 0, 13, 0, 39)),"
    " ('\\0' || char(0)), ('\\r\\r1' || char(13) || '\\'), ('\\0\\01\\02\\03' || char(0)),"
    " ('\\r\\r1\\r2\\r3' || char(13)), ('\\r\\r1\\r2\\r3'), ('\\' || char(13, 0) || 'r0'),"
    " (char(13) || 'a' || char(10) || 'b' || char(13, 10) || char(10) || '.quit' || char(10)"
    "  || '/' || char(10) || ';' || char(10) || '--' || char(13, 10)),"
    " (char(233)), (char(8364)), (char(128024)), (char(65534)), (char(65535)), (char(65279) || 'a'),"
    " (char(65535, 0, 13, 39)), (char(1, 8, 9, 12, 31, 127, 128, 92)), (char(65533)),"
    " (char(1114111)), (char(55295)), (char(57344)),"
    " (CAST(x'ff' AS TEXT)), (CAST(x'41ff00' AS TEXT)), (CAST(x'00d8' AS TEXT)),"
    " (CAST(x'd800' AS TEXT)), (CAST(x'eda08041' AS TEXT)), (CAST(x'4100d841dc00' AS TEXT)),"
    " (CAST(x'c0af27' AS TEXT)),"
    " (x''), (x'00'), (x'00ff0a'), (x'27'), (x'6162'), (zeroblob(1)), (randomblob(300)),"
    " (printf('%.5000c', 'x')), (replace(printf('%.3000c', 'x'), 'x', char(13, 0))),"
    " (replace(printf('%.3000c', 'x'), 'x', ''''));";

const char *rows_encoding_of(int way)
{
    static const char *const encodings[] = {"UTF-8", "UTF-16le", "UTF-16be"};

    return encodings[way / 2];
}

/* a.db in the encoding of this way, opened. */
void rows_begin(int way, const char *sql, struct opened *opened)
{
    struct buf all = BUF_INIT;

    buf_addf(&all, "PRAGMA encoding = '%s'; ", rows_encoding_of(way));
    buf_add_text(&all, sql);
    database_make("a.db", buf_text(&all));
    buf_free(&all);
    opened_begin(opened, way % 2 == 1);
}

struct cursor *rows_open_cursor(const struct opened *opened, const struct relation *relation,
                                enum selected what)
{
    struct selection selection = {.relation = relation, .what = what};
    struct cursor *cursor = NULL;
    struct err err = ERR_INIT;

    ck_assert_msg(cursor_open(opened->database, &selection, &cursor, &err) == 0, "%s", err.text);
    return cursor;
}

/* The length of all rows, by a cursor of this kind. */
static uint64_t length_of(const struct opened *opened, const struct relation *relation,
                          enum text_form form, enum selected what)
{
    struct row_text *text = NULL;
    struct err err = ERR_INIT;
    struct cursor *cursor = rows_open_cursor(opened, relation, what);
    uint64_t sum = 0, bytes = 0;

    ck_assert_int_eq(row_text_new(relation, form, &text, &err), 0);
    while (cursor_next(cursor, &err) > 0) {
        ck_assert_msg(row_text_length(text, opened->database, cursor, &bytes, &err) == 0, "%s",
                      err.text);
        sum += bytes;
    }
    cursor_close(cursor);
    row_text_free(text);
    return sum;
}

static void add_row(struct row_text *text, const struct opened *opened, struct cursor *cursor,
                    struct buf *out)
{
    struct err err = ERR_INIT;
    int r;

    do {
        size_t before = out->len;

        r = row_text_add(text, opened->database, cursor, out, &err);
        ck_assert_msg(r >= 0, "%s", err.text);
        if (r == 1)
            ck_assert_uint_lt(out->len - before, LARGE_BLOB_BYTES);
    } while (r == 1);
}

void rows_add_one(const struct opened *opened, const struct relation *relation, enum text_form form,
                  struct cursor *cursor, struct buf *out)
{
    struct row_text *text = NULL;
    size_t before = out->len;
    uint64_t bytes = 0;

    ck_assert_int_eq(row_text_new(relation, form, &text, NULL), 0);
    add_row(text, opened, cursor, out);
    ck_assert_int_eq(row_text_length(text, opened->database, cursor, &bytes, NULL), 0);
    ck_assert_uint_eq(out->len - before, bytes);
    row_text_free(text);
}

static void render(const struct opened *opened, const struct relation *relation,
                   enum text_form form, enum selected what, struct buf *out)
{
    struct row_text *text = NULL;
    struct err err = ERR_INIT;
    struct cursor *cursor = rows_open_cursor(opened, relation, what);
    size_t begin;
    int r;

    ck_assert_msg(row_text_new(relation, form, &text, &err) == 0, "%s", err.text);
    row_text_head(text, out);
    begin = out->len;
    while ((r = cursor_next(cursor, &err)) > 0) {
        uint64_t bytes = 0;
        size_t before = out->len;

        ck_assert_int_eq(row_text_length(text, opened->database, cursor, &bytes, &err), 0);
        add_row(text, opened, cursor, out);
        ck_assert_uint_eq(out->len - before, bytes);
    }
    ck_assert_msg(r == 0, "%s", err.text);
    cursor_close(cursor);
    ck_assert_uint_eq(length_of(opened, relation, form, SELECT_HEADS), out->len - begin);
    row_text_tail(text, out);
    ck_assert_int_eq(buf_error(out), 0);
    ck_assert_uint_eq(strlen(out->data + out->len), 0);
    row_text_free(text);
}

void rows_render(const struct opened *opened, const char *name, enum text_form form,
                 struct buf *out)
{
    const struct relation *relation = opened_find(opened, name);
    struct buf pieces = BUF_INIT;

    buf_clear(out);
    render(opened, relation, form, SELECT_ROWS, out);
    render(opened, relation, form, SELECT_PIECES, &pieces);
    ck_assert_uint_eq(pieces.len, out->len);
    ck_assert_mem_eq(pieces.data, out->data, out->len);
    buf_free(&pieces);
}

void rows_assert_text_bytes(const struct opened *opened, const char *name, enum text_form form,
                            const char *expected, size_t len)
{
    struct buf out = BUF_INIT;

    rows_render(opened, name, form, &out);
    ck_assert_uint_eq(out.len, len);
    ck_assert_mem_eq(buf_text(&out), expected, len);
    buf_free(&out);
}

void rows_assert_text(const struct opened *opened, const char *name, enum text_form form,
                      const char *expected)
{
    struct buf out = BUF_INIT;

    rows_render(opened, name, form, &out);
    ck_assert_str_eq(buf_text(&out), expected);
    buf_free(&out);
}
