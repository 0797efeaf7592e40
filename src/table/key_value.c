/*
 * A value as a part of a name, and back.
 *
 * A column says what its values look like: without more, a name is taken for that. Only where this
 * would be another value does the kind stand in front; so what is common has a plain name, and all
 * else has one too. Numbers are the ones whose own name is this: "01" and "1e0" are TEXT.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/source/database.h"
#include "dbsnapfs/source/schema.h"
#include "dbsnapfs/table/key.h"
#include "dbsnapfs/table/text.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"
#include "dbsnapfs/util/name.h"
#include "table/key_internal.h"

static const char *const kinds[] = {
    [VALUE_NULL] = "null", [VALUE_INTEGER] = "integer", [VALUE_REAL] = "real",
    [VALUE_TEXT] = "text", [VALUE_BLOB] = "blob",
};

/* ---- numbers ---- */

bool key_integer(const void *bytes, size_t len, int64_t *ret_integer)
{
    char digits[KEY_DIGITS], again[KEY_DIGITS];
    if (len == 0 || len >= sizeof(digits))
        return false;
    memcpy(digits, bytes, len);
    digits[len] = '\0';
    long long integer = strtoll(digits, NULL, 10);
    snprintf(again, sizeof(again), "%lld", integer);
    if (strlen(digits) != len || strcmp(again, digits) != 0)
        return false;
    *ret_integer = integer;
    return true;
}

static void real_digits(double real, char digits[KEY_DIGITS])
{
    struct buf text = BUF_INIT;
    text_real(real, &text);
    snprintf(digits, KEY_DIGITS, "%s", buf_text(&text));
    buf_free(&text);
}

static bool key_real(const void *bytes, size_t len, double *ret_real)
{
    char digits[KEY_DIGITS], again[KEY_DIGITS];
    if (len == 0 || len >= sizeof(digits))
        return false;
    memcpy(digits, bytes, len);
    digits[len] = '\0';
    if (strspn(digits, "0123456789+-.einf") != len)
        return false;
    double real = strtod(digits, NULL);
    real_digits(real, again);
    if (strcmp(again, digits) != 0)
        return false;
    *ret_real = real;
    return true;
}

/* ---- kinds ---- */

/* What a part without a kind is in this column. */
static enum value_kind plain_kind(const struct column *column, const void *bytes, size_t len)
{
    int64_t integer = 0;
    double real = 0;
    if (column->affinity == AFFINITY_TEXT)
        return VALUE_TEXT;
    if (column->affinity == AFFINITY_BLOB && strcasestr(column->type, "BLOB"))
        return VALUE_BLOB;
    if (key_integer(bytes, len, &integer))
        return VALUE_INTEGER;
    return key_real(bytes, len, &real) ? VALUE_REAL : VALUE_TEXT;
}

void key_part(const struct column *column, const struct value *value, char digits[KEY_DIGITS],
              struct name_part *ret_part)
{
    struct name_part part = {NULL, digits, 0};
    switch (value->kind) {
    case VALUE_NULL:
        part.bytes = NULL;
        break;
    case VALUE_INTEGER:
        part.len = (size_t)snprintf(digits, KEY_DIGITS, "%" PRId64, value->integer);
        break;
    case VALUE_REAL:
        real_digits(value->real, digits);
        part.len = strlen(digits);
        break;
    default:
        part.bytes = value->len > 0 ? value->bytes : "";
        part.len = value->len;
    }
    if (value->kind == VALUE_NULL || plain_kind(column, part.bytes, part.len) != value->kind)
        part.kind = kinds[value->kind];
    *ret_part = part;
}

static int kind_of(const struct column *column, const struct name_part *part,
                   enum value_kind *ret_kind)
{
    if (!part->kind) {
        *ret_kind = plain_kind(column, part->bytes, part->len);
        return 0;
    }
    for (enum value_kind kind = VALUE_NULL; kind <= VALUE_BLOB; kind++)
        if (strcmp(part->kind, kinds[kind]) == 0 && (kind == VALUE_NULL) == !part->bytes) {
            *ret_kind = kind;
            return 0;
        }
    return -ENOENT;
}

int key_part_value(const struct column *column, const struct name_part *part,
                   struct value *ret_value)
{
    struct value value = {.kind = VALUE_NULL};
    if (kind_of(column, part, &value.kind) < 0)
        return -ENOENT;
    switch (value.kind) {
    case VALUE_NULL:
        break;
    case VALUE_INTEGER:
        if (!key_integer(part->bytes, part->len, &value.integer))
            return -ENOENT;
        break;
    case VALUE_REAL:
        if (!key_real(part->bytes, part->len, &value.real))
            return -ENOENT;
        break;
    default:
        value.bytes = part->bytes;
        value.len = part->len;
    }
    *ret_value = value;
    return 0;
}

/* A character of several bytes may have been parted; SQLite would take its rest for another. */
static size_t whole_characters(const char *bytes, size_t len)
{
    for (size_t back = 0; back < 4 && len > 0 && (unsigned char)bytes[len - 1] >= 0x80; back++)
        len--;
    return len;
}

int key_part_beginning(const struct column *column, const struct name_part *part,
                       struct value *ret_value)
{
    struct value value = {.kind = VALUE_NULL};
    if (kind_of(column, part, &value.kind) < 0 || value.kind == VALUE_NULL)
        return -ENOENT;
    if (value.kind != VALUE_BLOB)
        value.kind = VALUE_TEXT; /* what is cut is longer than any number */
    value.bytes = part->bytes;
    value.len = part->len;
    if (value.kind == VALUE_TEXT)
        value.len = whole_characters(part->bytes, part->len);
    *ret_value = value;
    return 0;
}

bool key_value_begins(const struct value *value, const struct value *beginning)
{
    return value->kind == beginning->kind && value->len >= beginning->len &&
           (beginning->len == 0 || memcmp(value->bytes, beginning->bytes, beginning->len) == 0);
}

void key_value_name(const struct column *column, const struct value *value, struct buf *out)
{
    char digits[KEY_DIGITS];
    struct name_part part;
    key_part(column, value, digits, &part);
    name_encode_parts(&part, 1, NAME_BYTES, out);
}
