/*
 * Rows as text. What stands between the values of a row is the same in every row, so it is made
 * once: for each value what goes before it (a comma, a name), and what begins and ends the row.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/source/database.h"
#include "dbsnapfs/source/schema.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"
#include "table/text_blob.h"
#include "table/text_internal.h"

/* In one transaction, or within the reader's; rows may refer to others that come later. */
#define SQL_HEAD "SAVEPOINT dbsnapfs_rows;\nPRAGMA defer_foreign_keys = ON;\n"
#define SQL_TAIL "RELEASE dbsnapfs_rows;\n"

#define IS_ROWID NO_COLUMN

/* A piece of `texts`. */
struct piece {
    size_t at, len;
};

struct row_value {
    size_t column; /* or IS_ROWID */
    struct piece before;
};

struct row_text {
    enum text_form form;
    struct buf texts;
    struct piece head, begin, end; /* of all rows, of a row */
    size_t count;
    struct row_value *values;
    uint64_t fixed_bytes; /* of a row, without its values */
    struct text_encoding encoding;
    struct text_blob blob; /* is in the middle of this one … */
    size_t blob_value;     /* … of `values` */
};

/* What was added to `texts` since it had `from` bytes. */
static struct piece piece_since(const struct row_text *text, size_t from)
{
    return (struct piece){from, text->texts.len - from};
}

static void add_piece(const struct row_text *text, struct piece piece, struct buf *out)
{
    /* A comma, mostly: less than a call is worth. */
    if (piece.len == 1 && out->len + 1 < out->capacity && !out->failed) {
        out->data[out->len++] = text->texts.data[piece.at];
        out->data[out->len] = '\0';
        return;
    }
    buf_add(out, text->texts.data + piece.at, piece.len);
}

static bool is_shown(const struct row_text *text, const struct relation *relation, size_t column)
{
    return text->form != TEXT_SQL || relation->columns[column].generated == GENERATED_NOT;
}

static void make_values(struct row_text *text, const struct relation *relation)
{
    struct buf *texts = &text->texts;

    if (text->form == TEXT_SQL && relation->rowid_name && relation->rowid_column == NO_COLUMN)
        text->values[text->count++] = (struct row_value){.column = IS_ROWID};
    for (size_t i = 0; i < relation->column_count; i++)
        if (is_shown(text, relation, i))
            text->values[text->count++] = (struct row_value){.column = i};
    for (size_t i = 0; i < text->count; i++) {
        size_t from = texts->len;

        if (i > 0)
            buf_add_text(texts, text->form == TEXT_OBJECT ? ",\n" : ",");
        if (text->form == TEXT_OBJECT)
            buf_add_text(texts, "  ");
        if (text->form == TEXT_NDJSON || text->form == TEXT_OBJECT) {
            text_json_string(relation->columns[text->values[i].column].name, texts);
            buf_add_text(texts, text->form == TEXT_OBJECT ? ": " : ":");
        }
        text->values[i].before = piece_since(text, from);
    }
}

static void add_csv_names(const struct relation *relation, struct buf *out)
{
    for (size_t i = 0; i < relation->column_count; i++) {
        if (i > 0)
            buf_add_char(out, ',');
        text_quoted(relation->columns[i].name, strlen(relation->columns[i].name), '"', out);
    }
    buf_add_text(out, "\r\n");
}

static void add_insert(const struct row_text *text, const struct relation *relation,
                       struct buf *out)
{
    buf_add_text(out, "INSERT INTO ");
    text_sql_name(relation->name, out);
    for (size_t i = 0; i < text->count; i++) {
        size_t column = text->values[i].column;

        buf_add_char(out, i > 0 ? ',' : '(');
        text_sql_name(column == IS_ROWID ? relation->rowid_name : relation->columns[column].name,
                      out);
    }
    buf_add_text(out, ") VALUES(");
}

static void make_pieces(struct row_text *text, const struct relation *relation)
{
    static const char *const ends[] = {
        [TEXT_CSV] = "\r\n", [TEXT_NDJSON] = "}\n", [TEXT_SQL] = ");\n", [TEXT_OBJECT] = "\n}\n"};
    struct buf *texts = &text->texts;
    size_t from;

    make_values(text, relation);
    from = texts->len;
    if (text->form == TEXT_CSV)
        add_csv_names(relation, texts);
    else if (text->form == TEXT_SQL)
        buf_add_text(texts, SQL_HEAD);
    text->head = piece_since(text, from);
    from = texts->len;
    if (text->form == TEXT_NDJSON)
        buf_add_char(texts, '{');
    else if (text->form == TEXT_OBJECT)
        buf_add_text(texts, "{\n");
    else if (text->form == TEXT_SQL)
        add_insert(text, relation, texts);
    text->begin = piece_since(text, from);
    from = texts->len;
    buf_add_text(texts, ends[text->form]);
    text->end = piece_since(text, from);
    text->fixed_bytes = text->begin.len + text->end.len;
    for (size_t i = 0; i < text->count; i++)
        text->fixed_bytes += text->values[i].before.len;
}

int row_text_new(const struct relation *relation, enum text_form form, struct row_text **ret_text,
                 struct err *err)
{
    struct row_text *text;

    if (relation->broken)
        return err_set(err, EIO, "%s: %s", relation->name, relation->broken);
    text = calloc(1, sizeof(*text));
    if (!text)
        goto fail;
    text->form = form;
    text->values = calloc(relation->column_count + 1, sizeof(*text->values));
    if (!text->values)
        goto fail;
    make_pieces(text, relation);
    if (buf_error(&text->texts) < 0)
        goto fail;
    *ret_text = text;
    return 0;
fail:
    row_text_free(text);
    return err_set(err, ENOMEM, "%s: out of memory for its rows", relation->name);
}

void row_text_free(struct row_text *text)
{
    if (!text)
        return;
    row_text_forget(text);
    buf_free(&text->texts);
    free(text->values);
    free(text);
}

void row_text_forget(struct row_text *text)
{
    text_blob_release(&text->blob);
}

void row_text_head(const struct row_text *text, struct buf *out)
{
    add_piece(text, text->head, out);
}

static const char *tail_of(const struct row_text *text)
{
    return text->form == TEXT_SQL ? SQL_TAIL : "";
}

void row_text_tail(const struct row_text *text, struct buf *out)
{
    buf_add_text(out, tail_of(text));
}

uint64_t row_text_around_bytes(const struct row_text *text)
{
    return text->head.len + strlen(tail_of(text));
}

uint64_t row_text_fixed_bytes(const struct row_text *text)
{
    return text->fixed_bytes;
}

static void get_value(struct cursor *cursor, size_t column, struct value *ret_value)
{
    if (column == IS_ROWID)
        cursor_position(cursor, 0, ret_value);
    else
        cursor_value(cursor, column, ret_value);
}

/* Without the bytes of BLOBs. */
static void get_head(struct cursor *cursor, size_t column, struct value *ret_value)
{
    if (column == IS_ROWID)
        cursor_position(cursor, 0, ret_value);
    else
        cursor_value_head(cursor, column, ret_value);
}

static int add_value(struct row_text *text, struct database *database, const struct value *value,
                     struct buf *out, struct err *err)
{
    switch (text->form) {
    case TEXT_CSV:
        text_csv_value(value, out);
        return 0;
    case TEXT_SQL:
        return text_sql_add(database, &text->encoding, value, out, err);
    default:
        text_json_value(value, out);
        return 0;
    }
}

static int begin_blob(struct row_text *text, struct cursor *cursor, size_t value, struct buf *out,
                      struct err *err)
{
    text->blob_value = value;
    return text_blob_begin(&text->blob, text->form, cursor, text->values[value].column, out, err);
}

int row_text_add(struct row_text *text, struct database *database, struct cursor *cursor,
                 struct buf *out, struct err *err)
{
    size_t i = 0;
    int r = 0;

    if (text->blob.blob) {
        i = text->blob_value + 1;
        r = text_blob_go_on(&text->blob, out, err);
    } else {
        add_piece(text, text->begin, out);
    }
    for (; i < text->count && r == 0; i++) {
        struct value value;

        get_value(cursor, text->values[i].column, &value);
        add_piece(text, text->values[i].before, out);
        r = value.kind == VALUE_BLOB && !value.bytes ? begin_blob(text, cursor, i, out, err)
                                                     : add_value(text, database, &value, out, err);
    }
    if (r == 0)
        add_piece(text, text->end, out);
    return r;
}

int row_text_length(struct row_text *text, struct database *database, struct cursor *cursor,
                    uint64_t *ret_bytes, struct err *err)
{
    uint64_t bytes = text->fixed_bytes;
    int r = 0;

    for (size_t i = 0; i < text->count && r == 0; i++) {
        uint64_t length = 0;
        struct value value;

        get_head(cursor, text->values[i].column, &value);
        if (text->form == TEXT_CSV)
            length = text_csv_length(&value);
        else if (text->form == TEXT_SQL)
            r = text_sql_length(database, &text->encoding, &value, &length, err);
        else
            length = text_json_length(&value);
        bytes += length;
    }
    if (r == 0)
        *ret_bytes = bytes;
    return r;
}
