/*
 * Values between SQLite's statements and ours.
 */
#include "source/sqlite/database.h"

int value_bind(sqlite3_stmt *stmt, int place, const struct value *value)
{
    /* A NULL pointer would bind NULL. */
    const char *bytes = value->len > 0 ? value->bytes : "";

    switch (value->kind) {
    case VALUE_NULL:
        return sqlite3_bind_null(stmt, place);
    case VALUE_INTEGER:
        return sqlite3_bind_int64(stmt, place, value->integer);
    case VALUE_REAL:
        return sqlite3_bind_double(stmt, place, value->real);
    case VALUE_TEXT:
        return sqlite3_bind_text64(stmt, place, bytes, value->len, SQLITE_TRANSIENT, SQLITE_UTF8);
    default:
        return sqlite3_bind_blob64(stmt, place, bytes, value->len, SQLITE_TRANSIENT);
    }
}

/* Of a BLOB that is longer than `most` only the length. */
static bool fetch(sqlite3_stmt *stmt, int column, size_t most, struct value *ret_value)
{
    /* Asking the value costs less than asking the statement each time. */
    sqlite3_value *from = sqlite3_column_value(stmt, column);
    struct value value = {.kind = VALUE_NULL};

    switch (sqlite3_value_type(from)) {
    case SQLITE_INTEGER:
        value.kind = VALUE_INTEGER;
        value.integer = sqlite3_value_int64(from);
        break;
    case SQLITE_FLOAT:
        value.kind = VALUE_REAL;
        value.real = sqlite3_value_double(from);
        break;
    case SQLITE_TEXT:
        value.kind = VALUE_TEXT;
        value.bytes = sqlite3_value_text(from);
        value.len = (size_t)sqlite3_value_bytes(from);
        break;
    case SQLITE_BLOB:
        value.kind = VALUE_BLOB;
        value.len = (size_t)sqlite3_value_bytes(from);
        value.bytes = value.len <= most ? sqlite3_value_blob(from) : NULL;
        break;
    default:
        break;
    }
    *ret_value = value;
    if (value.kind < VALUE_TEXT || value.bytes || (value.kind == VALUE_BLOB && value.len > most))
        return true;
    ret_value->bytes = "";
    return value.kind == VALUE_BLOB && value.len == 0;
}

bool value_fetch(sqlite3_stmt *stmt, int column, struct value *ret_value)
{
    return fetch(stmt, column, SIZE_MAX, ret_value);
}

bool value_fetch_small(sqlite3_stmt *stmt, int column, struct value *ret_value)
{
    return fetch(stmt, column, LARGE_BLOB_BYTES, ret_value);
}

bool value_fetch_head(sqlite3_stmt *stmt, int column, struct value *ret_value)
{
    return fetch(stmt, column, 0, ret_value);
}
