/*
 * SQL: literals that give the same value again, also by way of the sqlite3 shell.
 *
 * The shell reads SQL a line at a time, drops the CR of a line that ends in CR LF, and SQL ends at a
 * NUL. So TEXT with either has marks in their places, of characters that it does not contain, and
 * replace() around it; the shell's own dump does so too. A mark begins with the only backslash
 * in it, so that what stands beside it can make no other of it.
 *
 * TEXT that is not UTF-8, or contains all the marks, is its bytes as a BLOB and a cast. A cast
 * takes them for text in the database's encoding, so in one of UTF-16 they are written in it. There
 * it is also the way of U+FFFE and U+FFFF, which SQLite replaces when it makes UTF-16 of a literal,
 * and of half a surrogate pair, which it gives as the three bytes of its number.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "dbsnapfs/source/database.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"
#include "dbsnapfs/util/utf8.h"
#include "table/text_internal.h"

#define CAST_HEAD "CAST("
#define CAST_TAIL " AS TEXT)"
#define REPLACE_HEAD "replace("
#define CODE_UNIT_REPLACED 0xfffdu

/* A character that stands as a mark in a literal. */
struct mark {
    size_t count;     /* of the character */
    const char *mark; /* NULL: there is none to replace */
    const char *tail; /* of replace(), behind the mark */
};

enum { MARK_CR, MARK_NUL, MARK_COUNT };

struct literal {
    bool cast;
    struct mark marks[MARK_COUNT];
};

static bool contains(const struct value *value, const char *text)
{
    return memmem(value->bytes, value->len, text, strlen(text)) != NULL;
}

/* false: the text contains them all. */
static bool choose_mark(const struct value *value, char c, const char *const marks[4],
                        const char *tail, struct mark *ret_mark)
{
    struct mark mark = {text_count(value->bytes, value->len, c), NULL, tail};

    for (size_t i = 0; i < 4 && mark.count > 0 && !mark.mark; i++)
        if (!contains(value, marks[i]))
            mark.mark = marks[i];
    *ret_mark = mark;
    return mark.count == 0 || mark.mark;
}

static int ask_encoding(struct database *database, struct text_encoding *encoding, struct err *err)
{
    struct database_settings settings;
    int r;

    if (encoding->known)
        return 0;
    r = database_settings(database, &settings, err);
    if (r < 0)
        return r;
    *encoding = (struct text_encoding){
        .known = true,
        .utf16 = strcmp(settings.encoding, "UTF-8") != 0,
        .big_endian = strcmp(settings.encoding, "UTF-16be") == 0,
    };
    return 0;
}

static int plan_literal(struct database *database, struct text_encoding *encoding,
                        const struct value *value, struct literal *ret_literal, struct err *err)
{
    static const char *const cr[] = {"\\r", "\\r1", "\\r2", "\\r3"};
    static const char *const nul[] = {"\\0", "\\01", "\\02", "\\03"};
    bool valid = utf8_valid(value->bytes, value->len);
    bool replaced = valid && contains(value, "\xef\xbf") &&
                    (contains(value, "\xef\xbf\xbe") || contains(value, "\xef\xbf\xbf"));
    struct literal literal = {.cast = false};

    literal.cast = !choose_mark(value, '\r', cr, ",char(13))", &literal.marks[MARK_CR]);
    if (!choose_mark(value, '\0', nul, ",char(0))", &literal.marks[MARK_NUL]) || !valid)
        literal.cast = true;
    if (literal.cast || replaced) {
        int r = ask_encoding(database, encoding, err);

        if (r < 0)
            return r;
        literal.cast = literal.cast || encoding->utf16;
    }
    *ret_literal = literal;
    return 0;
}

/* ---- the bytes of TEXT in UTF-16 ---- */

/* The character at `p` and its length: as SQLite writes UTF-8, half a surrogate pair too. */
static size_t decode(const unsigned char *p, size_t len, unsigned *ret_character)
{
    size_t count = utf8_length(p, len);
    unsigned character = p[0];

    if (len >= 3 && p[0] == 0xed && p[1] >= 0xa0 && p[1] <= 0xbf && (p[2] & 0xc0) == 0x80)
        count = 3;
    if (count == 0) {
        *ret_character = CODE_UNIT_REPLACED;
        return 1;
    }
    if (count > 1)
        character &= 0x7fu >> count;
    for (size_t i = 1; i < count; i++)
        character = character << 6 | (p[i] & 0x3fu);
    *ret_character = character;
    return count;
}

static void add_unit(const struct text_encoding *encoding, unsigned unit, struct buf *out)
{
    unsigned char high = (unsigned char)(unit >> 8), low = (unsigned char)(unit & 0xff);
    const unsigned char bytes[] = {encoding->big_endian ? high : low,
                                   encoding->big_endian ? low : high};

    buf_add(out, bytes, sizeof(bytes));
}

static void add_utf16(const struct text_encoding *encoding, const struct value *value,
                      struct buf *out)
{
    const unsigned char *p = value->bytes;
    unsigned character;

    for (size_t at = 0; at < value->len;) {
        at += decode(p + at, value->len - at, &character);
        if (character >= 0x10000) {
            add_unit(encoding, 0xd800 + ((character - 0x10000) >> 10), out);
            add_unit(encoding, 0xdc00 + ((character - 0x10000) & 0x3ff), out);
        } else {
            add_unit(encoding, character, out);
        }
    }
}

static size_t utf16_length(const struct value *value)
{
    const unsigned char *p = value->bytes;
    size_t length = 0;
    unsigned character;

    for (size_t at = 0; at < value->len;) {
        at += decode(p + at, value->len - at, &character);
        length += character >= 0x10000 ? 4 : 2;
    }
    return length;
}

/* ---- TEXT ---- */

static void add_cast(const struct text_encoding *encoding, const struct value *value,
                     struct buf *out)
{
    struct buf bytes = BUF_INIT;

    buf_add_text(out, CAST_HEAD);
    if (encoding->utf16) {
        add_utf16(encoding, value, &bytes);
        text_hex(bytes.data, bytes.len, out);
        if (bytes.failed)
            out->failed = true;
        buf_free(&bytes);
    } else {
        text_hex(value->bytes, value->len, out);
    }
    buf_add_text(out, CAST_TAIL);
}

static void add_marked(const struct literal *literal, const struct value *value, struct buf *out)
{
    const char *bytes = value->bytes;
    size_t from = 0;

    buf_add_char(out, '\'');
    for (size_t i = 0; i < value->len; i++) {
        const struct mark *mark = &literal->marks[bytes[i] == '\0' ? MARK_NUL : MARK_CR];

        if (bytes[i] != '\0' && bytes[i] != '\r' && bytes[i] != '\'')
            continue;
        buf_add(out, bytes + from, i - from);
        buf_add_text(out, bytes[i] == '\'' ? "''" : mark->mark);
        from = i + 1;
    }
    buf_add(out, bytes + from, value->len - from);
    buf_add_char(out, '\'');
}

static void add_text(const struct text_encoding *encoding, const struct literal *literal,
                     const struct value *value, struct buf *out)
{
    if (literal->cast) {
        add_cast(encoding, value, out);
        return;
    }
    for (size_t i = 0; i < MARK_COUNT; i++)
        if (literal->marks[i].mark)
            buf_add_text(out, REPLACE_HEAD);
    if (literal->marks[MARK_CR].mark || literal->marks[MARK_NUL].mark)
        add_marked(literal, value, out);
    else
        text_quoted(value->bytes, value->len, '\'', out);
    for (size_t i = 0; i < MARK_COUNT; i++)
        if (literal->marks[i].mark)
            buf_addf(out, ",'%s'%s", literal->marks[i].mark, literal->marks[i].tail);
}

static uint64_t text_length(const struct text_encoding *encoding, const struct literal *literal,
                            const struct value *value)
{
    uint64_t length;

    if (literal->cast)
        return strlen(CAST_HEAD) + strlen(CAST_TAIL) +
               text_hex_length(encoding->utf16 ? utf16_length(value) : value->len);
    length = text_quoted_length(value->bytes, value->len, '\'');
    for (size_t i = 0; i < MARK_COUNT; i++) {
        const struct mark *mark = &literal->marks[i];

        if (mark->mark)
            length += mark->count * (strlen(mark->mark) - 1) + strlen(REPLACE_HEAD) +
                      strlen(",''") + strlen(mark->mark) + strlen(mark->tail);
    }
    return length;
}

/* ---- values ---- */

static int add_real(struct database *database, double real, struct buf *out, struct err *err)
{
    char text[TEXT_NUMBER_BYTES];
    size_t len = text_put_decimal(real, TEXT_SQL_DECIMALS, text);

    if (len == 0)
        return database_real_sql(database, real, out, err);
    buf_add(out, text, len);
    return 0;
}

static int real_length(struct database *database, double real, uint64_t *ret_bytes, struct err *err)
{
    struct buf text = BUF_INIT;
    char number[TEXT_NUMBER_BYTES];
    int r;

    *ret_bytes = text_put_decimal(real, TEXT_SQL_DECIMALS, number);
    if (*ret_bytes > 0)
        return 0;
    r = database_real_sql(database, real, &text, err);
    if (r == 0 && buf_error(&text) < 0)
        r = err_set(err, ENOMEM, "out of memory for a number");
    *ret_bytes = text.len;
    buf_free(&text);
    return r;
}

int text_sql_add(struct database *database, struct text_encoding *encoding,
                 const struct value *value, struct buf *out, struct err *err)
{
    struct literal literal;
    int r;

    switch (value->kind) {
    case VALUE_NULL:
        buf_add_text(out, "NULL");
        return 0;
    case VALUE_INTEGER:
        text_integer(value->integer, out);
        return 0;
    case VALUE_REAL:
        return add_real(database, value->real, out, err);
    case VALUE_TEXT:
        r = plan_literal(database, encoding, value, &literal, err);
        if (r == 0)
            add_text(encoding, &literal, value, out);
        return r;
    default:
        text_hex(value->bytes, value->len, out);
        return 0;
    }
}

int text_sql_length(struct database *database, struct text_encoding *encoding,
                    const struct value *value, uint64_t *ret_bytes, struct err *err)
{
    char number[TEXT_NUMBER_BYTES];
    struct literal literal;
    int r = 0;

    switch (value->kind) {
    case VALUE_NULL:
        *ret_bytes = strlen("NULL");
        break;
    case VALUE_INTEGER:
        *ret_bytes = text_put_integer(value->integer, number);
        break;
    case VALUE_REAL:
        return real_length(database, value->real, ret_bytes, err);
    case VALUE_TEXT:
        r = plan_literal(database, encoding, value, &literal, err);
        if (r == 0)
            *ret_bytes = text_length(encoding, &literal, value);
        break;
    case VALUE_BLOB:
        *ret_bytes = text_hex_length(value->len);
        break;
    }
    return r;
}

int text_sql_value(struct database *database, const struct value *value, struct buf *out,
                   struct err *err)
{
    struct text_encoding encoding = {false, false, false};

    return text_sql_add(database, &encoding, value, out, err);
}

int text_sql_string(struct database *database, const char *text, struct buf *out, struct err *err)
{
    const struct value value = {.kind = VALUE_TEXT, .bytes = text, .len = strlen(text)};

    return text_sql_value(database, &value, out, err);
}

void text_sql_name(const char *name, struct buf *out)
{
    text_quoted(name, strlen(name), '"', out);
}
