/*
 * A cursor is a statement that runs, and where in its columns the position is found.
 *
 * SQLite's results have at most as many columns as its tables, so the rowid of a table that has
 * them all needs a statement of its own, and the row another.
 *
 * Asking each value whether it is a large BLOB, which is to be read in pieces, takes a quarter more time.
 * So a scan hopes that there is none: it asks for whole values, of which SQLite is allowed to make none
 * that is large. Where it is told that one would have been, it goes on behind the last row by the
 * statement that asks.
 *
 * SQLite believes a b-tree that its rows are in order, and that no page is in it twice. One that was
 * damaged on purpose has rows without end, by which a listing would go round and round. So rowids that
 * do not ascend end it here, and of a table WITHOUT ROWID so many rows as its database has no room for.
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
    size_t width;      /* values before the rowid */
    bool keys, pieces;
    bool hopes;   /* for no large BLOB, though `pieces` */
    bool scans;   /* goes over all rows, or all behind a position */
    bool failed;  /* a value did not fit into memory */
    bool ascends; /* rowids have to be over the last one, if there is one */
    bool has_last, has_end;
    int64_t last_rowid, end_rowid;
    uint64_t rows, rows_most; /* 0: not asked for yet */
    size_t column_count;      /* 0: a value's index is its place; else the columns … */
    size_t columns[];         /* … whose values the statement gives */
};

#define ROWS_UNASKED 10000u /* before it is asked how many there can be */

static int bind_all(struct cursor *cursor, const struct selection *selection, struct err *err)
{
    int place = 1, rc = SQLITE_OK;

    for (size_t i = 0; selection->after && i < cursor->relation->position_count && !rc; i++)
        rc = value_bind(cursor->stmt, place++, &selection->after[i]);
    if (selection->last && !rc)
        rc = value_bind(cursor->stmt, place++, selection->last);
    if (selection->at && !rc)
        rc = value_bind(cursor->stmt, place++, selection->at);
    for (size_t i = 0; i < selection->match_count && !rc; i++, place++)
        if (selection->match_values[i].kind != VALUE_NULL)
            rc = value_bind(cursor->stmt, place, &selection->match_values[i]);
    return rc == SQLITE_OK ? 0 : database_fail(cursor->database, rc, err);
}

int cursor_resolve(struct database *database, const struct relation *relation, struct err *err)
{
    int r = database_resolve(database, relation, err);

    if (r == 0 && relation->broken)
        return err_set(err, EIO, "%s: %s: %s", database->image.connection.name, relation->name,
                       relation->broken);
    return r;
}

static int check_selection(struct database *database, const struct selection *selection,
                           struct err *err)
{
    const struct relation *relation = selection->relation;
    int r = cursor_resolve(database, relation, err);

    if (r < 0)
        return r;
    if ((selection->after && relation->position_count == 0) ||
        ((selection->last || selection->at) && !relation->position_is_rowid))
        return err_set(err, EINVAL, "%s: its rows have no such position", relation->name);
    return 0;
}

/* NULL: out of memory. */
static struct cursor *cursor_new(struct database *database, const struct selection *selection)
{
    const struct relation *relation = selection->relation;
    const size_t width = cursor_width(selection);
    const size_t column_count = cursor_is_narrow(selection) ? width : 0;
    struct cursor *cursor = calloc(1, sizeof(*cursor) + column_count * sizeof(cursor->columns[0]));

    if (!cursor)
        return NULL;
    cursor->database = database;
    cursor->relation = relation;
    cursor->width = width;
    cursor->keys = selection->what == SELECT_KEYS;
    cursor->pieces = selection->what == SELECT_PIECES;
    cursor->scans = selection->match_count == 0 && !selection->at;
    cursor->ascends = relation->position_is_rowid && relation->kind != RELATION_VIRTUAL;
    if (cursor->ascends && selection->after) {
        cursor->has_last = true;
        cursor->last_rowid = selection->after->integer;
    }
    if (selection->last) {
        cursor->has_end = true;
        cursor->end_rowid = selection->last->integer;
    }
    cursor->hopes = cursor->pieces && cursor->scans && cursor_leaves_any(selection) &&
                    !cursor_is_narrow(selection) && !cursor_is_split(selection);
    cursor->column_count = column_count;
    for (size_t i = 0; i < column_count; i++)
        cursor->columns[i] = cursor_column(selection, i);
    return cursor;
}

static int begin(struct cursor *cursor, const struct selection *selection, struct err *err)
{
    struct database *database = cursor->database;
    struct selection asked = *selection;
    int r;

    if (cursor->hopes)
        asked.what = SELECT_ROWS;
    cursor_sql(&asked, model_order(database->model, cursor->relation), &database->sql);
    r = database_take(database, &cursor->stmt, err);
    return r == 0 ? bind_all(cursor, selection, err) : r;
}

int cursor_open(struct database *database, const struct selection *selection,
                struct cursor **ret_cursor, struct err *err)
{
    const struct relation *relation = selection->relation;
    struct cursor *cursor;
    int r = check_selection(database, selection, err);

    if (r < 0)
        return r;
    cursor = cursor_new(database, selection);
    if (!cursor)
        return err_set(err, ENOMEM, "%s: out of memory", relation->name);
    if (cursor->scans)
        database_scan_begin(database);
    r = begin(cursor, selection, err);
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
    if (cursor->scans)
        database_scan_end(cursor->database);
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

/* Where the rowid is among the first statement's columns. */
static int rowid_place(const struct cursor *cursor)
{
    return cursor->row ? 0 : (int)cursor->width;
}

/* Where a value is among the columns; -1, which SQLite takes for a NULL: it was not chosen. */
static int value_place(const struct cursor *cursor, size_t index)
{
    if (cursor->column_count == 0)
        return (int)index;
    for (size_t i = 0; i < cursor->column_count; i++)
        if (cursor->columns[i] == index)
            return (int)i;
    return -1;
}

static int fail_damaged(const struct cursor *cursor, struct err *err)
{
    return err_set(err, EBADMSG,
                   "%s: the database is damaged (rows of %s are out of order); `sqlite3 FILE "
                   ".recover` may save it",
                   cursor->database->image.connection.name, cursor->relation->name);
}

/* Can the row where it is be one of a sound b-tree? */
static int check_order(struct cursor *cursor, struct err *err)
{
    const struct relation *relation = cursor->relation;
    int r;

    if (cursor->ascends) {
        int64_t rowid = cursor_rowid(cursor);
        bool out_of_order = cursor->has_last && rowid <= cursor->last_rowid;

        cursor->has_last = true;
        cursor->last_rowid = rowid;
        return out_of_order ? fail_damaged(cursor, err) : 1;
    }
    if (relation->kind == RELATION_VIEW || relation->kind == RELATION_VIRTUAL ||
        ++cursor->rows < ROWS_UNASKED)
        return 1;
    if (cursor->rows_most == 0) {
        r = database_rows_most(cursor->database, &cursor->rows_most, err);
        if (r < 0)
            return r;
    }
    return cursor->rows > cursor->rows_most ? fail_damaged(cursor, err) : 1;
}

int cursor_check(const struct cursor *cursor, struct err *err)
{
    return cursor->failed ? database_fail(cursor->database, SQLITE_NOMEM, err) : 0;
}

static int step(struct cursor *cursor)
{
    sqlite3 *db = database_handle(cursor->database);
    int most, rc;

    if (!cursor->hopes)
        return database_step(cursor->database, cursor->relation, cursor->stmt);
    most = sqlite3_limit(db, SQLITE_LIMIT_LENGTH, LARGE_BLOB_BYTES);
    rc = sqlite3_step(cursor->stmt);
    sqlite3_limit(db, SQLITE_LIMIT_LENGTH, most);
    return rc;
}

/* There is a large value behind the last row. */
static int ask_each(struct cursor *cursor, struct err *err)
{
    const struct value after = {.kind = VALUE_INTEGER, .integer = cursor->last_rowid};
    const struct value last = {.kind = VALUE_INTEGER, .integer = cursor->end_rowid};
    const struct selection selection = {
        .relation = cursor->relation,
        .what = SELECT_PIECES,
        .after = cursor->has_last ? &after : NULL,
        .last = cursor->has_end ? &last : NULL,
    };

    database_give(cursor->database, cursor->stmt);
    cursor->stmt = NULL;
    cursor->hopes = false;
    return begin(cursor, &selection, err);
}

int cursor_next(struct cursor *cursor, struct err *err)
{
    int rc, r = cursor_check(cursor, err);

    if (r < 0)
        return r;
    rc = step(cursor);
    if (rc == SQLITE_TOOBIG && cursor->hopes) {
        r = ask_each(cursor, err);
        if (r < 0)
            return r;
        rc = step(cursor);
    }
    if (rc == SQLITE_ROW && cursor->row)
        rc = fetch_row(cursor);
    if (rc == SQLITE_ROW)
        return check_order(cursor, err);
    return rc == SQLITE_DONE ? 0 : database_fail(cursor->database, rc, err);
}

void cursor_value(struct cursor *cursor, size_t index, struct value *ret_value)
{
    sqlite3_stmt *stmt = cursor->row ? cursor->row : cursor->stmt;
    int place = value_place(cursor, index);

    bool fetched = cursor->pieces && !cursor->hopes && cursor_leaves_large(cursor->relation, index)
                       ? value_fetch_small(stmt, place, ret_value)
                       : value_fetch(stmt, place, ret_value);

    if (!fetched)
        cursor->failed = true;
}

int64_t cursor_rowid(const struct cursor *cursor)
{
    return sqlite3_column_int64(cursor->stmt, rowid_place(cursor));
}

struct database *cursor_database(const struct cursor *cursor)
{
    return cursor->database;
}

const struct relation *cursor_relation(const struct cursor *cursor)
{
    return cursor->relation;
}

void cursor_position(struct cursor *cursor, size_t index, struct value *ret_value)
{
    const struct relation *relation = cursor->relation;
    int place = relation->position_is_rowid
                    ? rowid_place(cursor)
                    : value_place(cursor, cursor->keys ? index : relation->key[index]);

    if (!value_fetch(cursor->stmt, place, ret_value))
        cursor->failed = true;
}

void cursor_value_head(struct cursor *cursor, size_t index, struct value *ret_value)
{
    if (!value_fetch_head(cursor->row ? cursor->row : cursor->stmt, value_place(cursor, index),
                          ret_value))
        cursor->failed = true;
}
