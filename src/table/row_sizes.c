/*
 * One scan that counts the three texts at once.
 *
 * Most values are as long in each of them: integers, short decimals, and TEXT of which no form
 * escapes anything, which one look over its bytes tells, eight at a time. The others are asked for
 * form by form.
 */
#include <errno.h>
#include <string.h>

#include "dbsnapfs/source/database.h"
#include "dbsnapfs/source/schema.h"
#include "dbsnapfs/table/rendering.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"
#include "table/text_internal.h"

enum { FORM_COUNT = TEXT_SQL + 1 };

struct measure {
    struct database *database;
    const struct relation *relation;
    struct cursor *cursor;
    struct text_encoding encoding;
    bool has_rowid; /* SQL shows it */
    uint64_t fixed[FORM_COUNT], around[FORM_COUNT];
    uint64_t bytes[FORM_COUNT];
    uint64_t rows;
};

/* Printable ASCII without '"', '\'' and '\\'. */
static bool is_plain_word(uint64_t word)
{
    const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
    uint64_t double_quote = word ^ ones * '"', quote = word ^ ones * '\'',
             backslash = word ^ ones * '\\';
    /* In a word without high bits, a byte less than n takes from the bit above it. */
    uint64_t low =
        (word - ones * ' ') | (double_quote - ones) | (quote - ones) | (backslash - ones);

    return ((word | low) & highs) == 0;
}

static bool is_plain(const char *bytes, size_t len)
{
    uint64_t word = 0x2020202020202020u;

    for (; len >= sizeof(word); bytes += sizeof(word), len -= sizeof(word)) {
        memcpy(&word, bytes, sizeof(word));
        if (!is_plain_word(word))
            return false;
    }
    word = 0x2020202020202020u;
    memcpy(&word, bytes, len);
    return is_plain_word(word);
}

/* How long a value is that is the same in all forms, or 0. */
static uint64_t common_length(const struct value *value)
{
    char number[TEXT_NUMBER_BYTES];

    switch (value->kind) {
    case VALUE_INTEGER:
        return text_put_integer(value->integer, number);
    case VALUE_TEXT:
        return is_plain(value->bytes, value->len) ? value->len + 2 : 0;
    case VALUE_REAL:
        return text_put_decimal(value->real, TEXT_SQL_DECIMALS, number);
    default:
        return 0;
    }
}

static int add_value(struct measure *measure, const struct value *value, bool in_sql,
                     struct err *err)
{
    uint64_t length = common_length(value);
    int r = 0;

    if (length > 0) {
        for (int form = 0; form < FORM_COUNT; form++)
            if (form != TEXT_SQL || in_sql)
                measure->bytes[form] += length;
        return 0;
    }
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
        if (value.kind == VALUE_TEXT)
            cursor_value(measure->cursor, i, &value);
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
    struct buf around = BUF_INIT;
    int r = 0;

    for (int form = 0; r == 0 && form < FORM_COUNT; form++) {
        struct row_text *text = NULL;

        r = row_text_new(measure->relation, (enum text_form)form, &text, err);
        if (r < 0)
            break;
        buf_clear(&around);
        row_text_head(text, &around);
        row_text_tail(text, &around);
        r = buf_error(&around);
        if (r < 0)
            err_set(err, -r, "%s: out of memory", measure->relation->name);
        measure->around[form] = around.len;
        measure->fixed[form] = row_text_fixed_bytes(text);
        row_text_free(text);
    }
    buf_free(&around);
    return r;
}

static uint64_t total(const struct measure *measure, enum text_form form)
{
    return measure->around[form] + measure->rows * measure->fixed[form] + measure->bytes[form];
}

static int find_relation(struct measure *measure, const char *name, struct err *err)
{
    const struct schema *schema = NULL;
    int r = database_schema(measure->database, &schema, err);

    if (r < 0)
        return r;
    measure->relation = schema_find(schema, name);
    if (!measure->relation)
        return err_set(err, ENOENT, "%s: no such table or view", name);
    measure->has_rowid =
        measure->relation->rowid_name && measure->relation->rowid_column == NO_COLUMN;
    return 0;
}

int row_sizes_measure(struct database *database, const char *name, struct row_sizes *ret_sizes,
                      struct err *err)
{
    struct measure measure = {.database = database};
    struct selection selection = {.what = SELECT_HEADS};
    int r = find_relation(&measure, name, err);

    if (r == 0)
        r = measure_fixed(&measure, err);
    selection.relation = measure.relation;
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
