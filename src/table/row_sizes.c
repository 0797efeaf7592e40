/*
 * One scan that counts the three texts at once.
 *
 * Most values are as long in each of them: integers, short decimals, and TEXT but for what is escaped,
 * which one look over its bytes tells. The others are asked for form by form.
 */
#include <string.h>

#include "dbsnapfs/source/database.h"
#include "dbsnapfs/source/schema.h"
#include "dbsnapfs/util/utf8.h"
#include "table/rendering_internal.h"
#include "table/text_internal.h"

struct measure {
    struct database *database;
    const struct relation *relation;
    struct cursor *cursor;
    struct text_encoding encoding;
    bool has_rowid; /* SQL shows it */
    uint64_t fixed[TEXT_FORMS], around[TEXT_FORMS];
    uint64_t bytes[TEXT_FORMS];
    uint64_t rows;
};

/* ---- TEXT ---- */

/* What a look over bytes finds. */
struct look {
    size_t double_quotes, quotes, backslashes;
    bool control, high; /* a byte less than a space, one beyond ASCII */
};

/* Loops as the compiler turns into vectors: over a fixed number of bytes, with sums that fit into
 * one. Most texts are short, so what is left of the large blocks is looked at in small ones. */
#define LARGE_BLOCK 64
#define SMALL_BLOCK 16

static inline __attribute__((always_inline)) void look_at_block(const unsigned char *bytes,
                                                                size_t len, struct look *look)
{
    unsigned char double_quotes = 0, quotes = 0, backslashes = 0, control = 0, all = 0;

    for (size_t i = 0; i < len; i++) {
        double_quotes = (unsigned char)(double_quotes + (bytes[i] == '"'));
        quotes = (unsigned char)(quotes + (bytes[i] == '\''));
        backslashes = (unsigned char)(backslashes + (bytes[i] == '\\'));
        control |= bytes[i] < ' ';
        all |= bytes[i];
    }
    look->double_quotes += double_quotes;
    look->quotes += quotes;
    look->backslashes += backslashes;
    look->control |= control;
    look->high |= all >> 7;
}

static struct look look_at(const unsigned char *bytes, size_t len)
{
    struct look look = {0, 0, 0, false, false};
    unsigned char rest[SMALL_BLOCK];

    for (; len >= LARGE_BLOCK; bytes += LARGE_BLOCK, len -= LARGE_BLOCK)
        look_at_block(bytes, LARGE_BLOCK, &look);
    for (; len >= SMALL_BLOCK; bytes += SMALL_BLOCK, len -= SMALL_BLOCK)
        look_at_block(bytes, SMALL_BLOCK, &look);
    memset(rest, ' ', SMALL_BLOCK);
    memcpy(rest, bytes, len);
    look_at_block(rest, SMALL_BLOCK, &look);
    return look;
}

/* U+FFFE and U+FFFF, which are a matter of SQL, begin with this byte; other rare characters do too. */
#define RARE 0xef

/* Text that is nothing but text is between quotes in all forms, and what a form escapes takes two
 * bytes. false: there is more to it. */
static bool measure_text(struct measure *measure, const struct value *value, bool in_sql)
{
    struct look look = look_at(value->bytes, value->len);
    uint64_t length = value->len + 2;

    if (look.control || (look.high && (memchr(value->bytes, RARE, value->len) ||
                                       !utf8_valid(value->bytes, value->len))))
        return false;
    measure->bytes[TEXT_CSV] += length + look.double_quotes;
    measure->bytes[TEXT_NDJSON] += length + look.double_quotes + look.backslashes;
    if (in_sql)
        measure->bytes[TEXT_SQL] += length + look.quotes;
    return true;
}

/* ---- values and rows ---- */

/* How long a number is that is the same in all forms, or 0. */
static uint64_t common_length(const struct value *value)
{
    char number[TEXT_NUMBER_BYTES];

    if (value->kind == VALUE_INTEGER)
        return text_put_integer(value->integer, number);
    if (value->kind == VALUE_REAL)
        return text_put_decimal(value->real, TEXT_SQL_DECIMALS, number);
    return 0;
}

static int add_value(struct measure *measure, const struct value *value, bool in_sql,
                     struct err *err)
{
    uint64_t length = common_length(value);
    int r = 0;

    if (length > 0) {
        measure->bytes[TEXT_CSV] += length;
        measure->bytes[TEXT_NDJSON] += length;
        measure->bytes[TEXT_SQL] += in_sql ? length : 0;
        return 0;
    }
    if (value->kind == VALUE_TEXT && measure_text(measure, value, in_sql))
        return 0;
    measure->bytes[TEXT_CSV] += text_csv_length(value);
    measure->bytes[TEXT_NDJSON] += text_json_length(value);
    if (in_sql)
        r = text_sql_length(measure->database, &measure->encoding, value, &length, err);
    measure->bytes[TEXT_SQL] += length;
    return r;
}

static int add_row(struct measure *measure, struct err *err)
{
    const struct relation *relation = measure->relation;
    struct value value;
    int r = 0;

    for (size_t i = 0; r == 0 && i < relation->column_count; i++) {
        cursor_value_head(measure->cursor, i, &value);
        r = add_value(measure, &value, relation->columns[i].generated == GENERATED_NOT, err);
    }
    if (measure->has_rowid) {
        char number[TEXT_NUMBER_BYTES];

        cursor_position(measure->cursor, 0, &value);
        measure->bytes[TEXT_SQL] += text_put_integer(value.integer, number);
    }
    measure->rows++;
    return r;
}

/* What each row and the whole have besides values. */
static int measure_fixed(struct measure *measure, struct err *err)
{
    for (int form = 0; form < TEXT_FORMS; form++) {
        struct row_text *text = NULL;
        int r = row_text_new(measure->relation, (enum text_form)form, &text, err);

        if (r < 0)
            return r;
        measure->around[form] = row_text_around_bytes(text);
        measure->fixed[form] = row_text_fixed_bytes(text);
        row_text_free(text);
    }
    return 0;
}

static uint64_t total(const struct measure *measure, enum text_form form)
{
    return measure->around[form] + measure->rows * measure->fixed[form] + measure->bytes[form];
}

int row_sizes_measure(struct database *database, const char *name, struct row_sizes *ret_sizes,
                      struct err *err)
{
    struct measure measure = {.database = database};
    struct selection selection = {.what = SELECT_HEADS};
    int r = rendering_find(database, name, &measure.relation, err);

    if (r < 0)
        return r;
    selection.relation = measure.relation;
    measure.has_rowid = measure.relation->rowid_name && measure.relation->rowid_column == NO_COLUMN;
    r = measure_fixed(&measure, err);
    if (r == 0)
        r = cursor_open(database, &selection, &measure.cursor, err);
    while (r == 0 && (r = cursor_next(measure.cursor, err)) > 0)
        r = add_row(&measure, err);
    cursor_close(measure.cursor);
    if (r < 0)
        return r;
    ret_sizes->rows = measure.rows;
    ret_sizes->csv_bytes = total(&measure, TEXT_CSV);
    ret_sizes->ndjson_bytes = total(&measure, TEXT_NDJSON);
    ret_sizes->sql_bytes = total(&measure, TEXT_SQL);
    return 0;
}
