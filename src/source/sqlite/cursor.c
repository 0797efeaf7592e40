/*
 * A cursor is a statement that runs, and where in its columns the position is found.
 *
 * SQLite's results have at most as many columns as its tables, so the rowid of a table that has
 * them all needs a statement of its own, and the row another.
 */
#include "source/sqlite/cursor.h"

#include <errno.h>
#include <stdlib.h>

#include "dbsnapfs/source/schema.h"
#include "dbsnapfs/util/err.h"
#include "source/sqlite/database.h"
#include "source/sqlite/model.h"

struct cursor {
    struct database *database;
    const struct relation *relation;
    sqlite3_stmt *stmt;
    sqlite3_stmt *row; /* gives the values, if not NULL */
    size_t value_count;
    bool keys;
    bool failed; /* a value did not fit into memory */
};

static int bind_all(struct cursor *cursor, const struct selection *selection, struct err *err)
{
    int place = 1, rc = SQLITE_OK;

    for (size_t i = 0; selection->after && i < cursor->relation->position_count && !rc; i++)
        rc = value_bind(cursor->stmt, place++, &selection->after[i]);
    if (selection->last && !rc)
        rc = value_bind(cursor->stmt, place++, selection->last);
    for (size_t i = 0; i < selection->match_count && !rc; i++, place++)
        if (selection->match_values[i].kind != VALUE_NULL)
            rc = value_bind(cursor->stmt, place, &selection->match_values[i]);
    return rc == SQLITE_OK ? 0 : database_fail(cursor->database, rc, err);
}

static int check_selection(struct database *database, const struct selection *selection,
                           struct err *err)
{
    const struct relation *relation = selection->relation;
    int r = database_resolve(database, relation, err);

    if (r < 0)
        return r;
    if (relation->broken)
        return err_set(err, EIO, "%s: %s: %s", database->image.connection.name, relation->name,
                       relation->broken);
    if ((selection->after && relation->position_count == 0) ||
        (selection->last && !relation->position_is_rowid))
        return err_set(err, EINVAL, "%s: its rows have no such position", relation->name);
    return 0;
}

int cursor_open(struct database *database, const struct selection *selection,
                struct cursor **ret_cursor, struct err *err)
{
    const struct relation *relation = selection->relation;
    struct cursor *cursor;
    int r = check_selection(database, selection, err);

    if (r < 0)
        return r;
    cursor = calloc(1, sizeof(*cursor));
    if (!cursor)
        return err_set(err, ENOMEM, "%s: out of memory", relation->name);
    cursor->database = database;
    cursor->relation = relation;
    cursor->keys = selection->what == SELECT_KEYS;
    cursor->value_count = cursor->keys ? relation->key_count : relation->column_count;
    cursor_sql(selection, model_order(database->model, relation), &database->sql);
    r = database_take(database, &cursor->stmt, err);
    if (r == 0)
        r = bind_all(cursor, selection, err);
    if (r == 0 && cursor_is_split(selection)) {
        cursor_row_sql(selection, &database->sql);
        r = database_take(database, &cursor->row, err);
    }
    if (r < 0) {
        cursor_close(cursor);
        return r;
    }
    *ret_cursor = cursor;
    return 0;
}

void cursor_close(struct cursor *cursor)
{
    if (!cursor)
        return;
    database_give(cursor->database, cursor->row);
    database_give(cursor->database, cursor->stmt);
    free(cursor);
}

/* The row whose rowid the first statement gave. */
static int fetch_row(struct cursor *cursor)
{
    int rc;

    sqlite3_reset(cursor->row);
    rc = sqlite3_bind_int64(cursor->row, 1, sqlite3_column_int64(cursor->stmt, 0));
    if (rc == SQLITE_OK)
        rc = sqlite3_step(cursor->row);
    return rc == SQLITE_DONE ? SQLITE_CORRUPT : rc;
}

int cursor_next(struct cursor *cursor, struct err *err)
{
    int rc;

    if (cursor->failed)
        return database_fail(cursor->database, SQLITE_NOMEM, err);
    rc = database_step(cursor->database, cursor->relation, cursor->stmt);
    if (rc == SQLITE_ROW && cursor->row)
        rc = fetch_row(cursor);
    if (rc == SQLITE_ROW)
        return 1;
    return rc == SQLITE_DONE ? 0 : database_fail(cursor->database, rc, err);
}

void cursor_value(struct cursor *cursor, size_t index, struct value *ret_value)
{
    if (!value_fetch(cursor->row ? cursor->row : cursor->stmt, (int)index, ret_value))
        cursor->failed = true;
}

void cursor_position(struct cursor *cursor, size_t index, struct value *ret_value)
{
    const struct relation *relation = cursor->relation;
    size_t column = cursor->keys ? index : relation->key[index];

    if (relation->position_is_rowid)
        column = cursor->row ? 0 : cursor->value_count;
    if (!value_fetch(cursor->stmt, (int)column, ret_value))
        cursor->failed = true;
}

void cursor_value_head(struct cursor *cursor, size_t index, struct value *ret_value)
{
    if (!value_fetch_head(cursor->row ? cursor->row : cursor->stmt, (int)index, ret_value))
        cursor->failed = true;
}
