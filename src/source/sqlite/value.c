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

bool value_fetch(sqlite3_stmt *stmt, int column, struct value *ret_value)
{
    struct value value = {.kind = VALUE_NULL};

    switch (sqlite3_column_type(stmt, column)) {
    case SQLITE_INTEGER:
        value.kind = VALUE_INTEGER;
        value.integer = sqlite3_column_int64(stmt, column);
        break;
    case SQLITE_FLOAT:
        value.kind = VALUE_REAL;
        value.real = sqlite3_column_double(stmt, column);
        break;
    case SQLITE_TEXT:
        value.kind = VALUE_TEXT;
        value.bytes = sqlite3_column_text(stmt, column);
        value.len = (size_t)sqlite3_column_bytes(stmt, column);
        break;
    case SQLITE_BLOB:
        value.kind = VALUE_BLOB;
        value.bytes = sqlite3_column_blob(stmt, column);
        value.len = (size_t)sqlite3_column_bytes(stmt, column);
        break;
    default:
        break;
    }
    *ret_value = value;
    if (value.kind < VALUE_TEXT || value.bytes)
        return true;
    ret_value->bytes = "";
    return value.kind == VALUE_BLOB && value.len == 0;
}
