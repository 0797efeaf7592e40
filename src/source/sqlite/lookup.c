/*
 * Questions that one row answers.
 */
#include <errno.h>

#include "dbsnapfs/source/schema.h"
#include "dbsnapfs/util/err.h"
#include "source/sqlite/cursor.h"
#include "source/sqlite/database.h"

/* The only row of the statement in `database->sql`; 0 if it has none, and then no `ret_stmt`. */
static int first_row(struct database *database, const struct relation *relation,
                     const struct value *bound, sqlite3_stmt **ret_stmt, struct err *err)
{
    sqlite3_stmt *stmt = NULL;
    int r = database_take(database, &stmt, err);
    int rc;

    if (r < 0)
        return r;
    rc = bound ? value_bind(stmt, 1, bound) : SQLITE_OK;
    if (rc == SQLITE_OK)
        rc = database_step(database, relation, stmt);
    if (rc == SQLITE_ROW) {
        *ret_stmt = stmt;
        return 1;
    }
    r = rc == SQLITE_DONE ? 0 : database_fail(database, rc, err);
    database_give(database, stmt);
    return r;
}

/* NULL comes first. Behind it SQLite's min() knows the way through the index. */
static void next_value_sql(const struct relation *relation, size_t column,
                           const struct value *after, struct buf *out)
{
    bool least = after && after->kind == VALUE_NULL;

    buf_add_text(out, least ? "SELECT min(" : "SELECT ");
    cursor_column_sql(relation, column, out);
    buf_add_text(out, least ? ")" : "");
    cursor_from_sql(relation, out);
    if (least)
        return;
    if (after) {
        buf_add_text(out, " WHERE ");
        cursor_column_sql(relation, column, out);
        buf_add_text(out, " > ?1");
    }
    buf_add_text(out, " ORDER BY ");
    cursor_column_sql(relation, column, out);
    buf_add_text(out, " LIMIT 1");
}

int database_next_value(struct database *database, const struct relation *relation, size_t column,
                        const struct value *after, struct value *ret_value, struct err *err)
{
    bool past_null = after && after->kind == VALUE_NULL;
    struct value value;
    sqlite3_stmt *stmt = NULL;
    bool fits;
    int r;

    next_value_sql(relation, column, after, &database->sql);
    r = first_row(database, relation, past_null ? NULL : after, &stmt, err);
    if (r <= 0)
        return r;
    fits = value_fetch(stmt, 0, &value);
    if (fits && value.kind == VALUE_NULL && after)
        r = 0; /* min() of no rows */
    else if (!fits || value_copy(&value, ret_value) < 0)
        r = database_fail(database, SQLITE_NOMEM, err);
    database_give(database, stmt);
    return r;
}

/* While SQLite counts the rows of a b-tree it asks nobody whether it is to go on, and one that was
 * damaged on purpose has no end. So of a table no more are counted than there can be. */
int database_count(struct database *database, const struct relation *relation, uint64_t *ret_rows,
                   struct err *err)
{
    bool bounded = relation->kind != RELATION_VIEW && relation->kind != RELATION_VIRTUAL;
    struct value limit = {.kind = VALUE_INTEGER};
    sqlite3_stmt *stmt = NULL;
    uint64_t most = 0, rows;
    int r = cursor_resolve(database, relation, err);

    if (r == 0 && bounded)
        r = database_rows_most(database, &most, err);
    if (r < 0)
        return r;
    limit.integer = (int64_t)most + 1;
    buf_add_text(&database->sql, bounded ? "SELECT count(*) FROM (SELECT 1" : "SELECT count(*)");
    cursor_from_sql(relation, &database->sql);
    buf_add_text(&database->sql, bounded ? " LIMIT ?1)" : "");
    r = first_row(database, relation, bounded ? &limit : NULL, &stmt, err);
    if (r <= 0)
        return r;
    rows = (uint64_t)sqlite3_column_int64(stmt, 0);
    database_give(database, stmt);
    if (bounded && rows > most)
        return err_set(err, EBADMSG, "%s: the database is damaged (%s has rows without end)",
                       database->image.connection.name, relation->name);
    *ret_rows = rows;
    return 0;
}
