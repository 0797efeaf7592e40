/*
 * CSV: what a value is shows in its quotes, or in its first letters.
 */
#include "dbsnapfs/source/database.h"
#include "table/text_internal.h"

void text_csv_value(const struct value *value, struct buf *out)
{
    switch (value->kind) {
    case VALUE_NULL:
        break;
    case VALUE_INTEGER:
        text_integer(value->integer, out);
        break;
    case VALUE_REAL:
        text_real(value->real, out);
        break;
    case VALUE_TEXT:
        text_quoted(value->bytes, value->len, '"', out);
        break;
    case VALUE_BLOB:
        text_hex(value->bytes, value->len, out);
        break;
    }
}

uint64_t text_csv_length(const struct value *value)
{
    char number[TEXT_NUMBER_BYTES];

    switch (value->kind) {
    case VALUE_INTEGER:
        return text_put_integer(value->integer, number);
    case VALUE_REAL:
        return text_put_real(value->real, number);
    case VALUE_TEXT:
        return text_quoted_length(value->bytes, value->len, '"');
    case VALUE_BLOB:
        return text_hex_length(value->len);
    default:
        return 0;
    }
}
