/*
 * The texts of sqlite_schema, in an order in which they can be run again.
 *
 * Virtual tables come behind ordinary ones, whose content some of them index; triggers come
 * behind views, on which some of them are. Shadow tables are left out, as their virtual table
 * makes them, and so are SQLite's own tables.
 */
#include "source/sqlite/schema.h"

#include <errno.h>
#include <string.h>

#include "dbsnapfs/source/schema.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"
#include "source/sqlite/connection.h"

static const char schema_sql[] =
    "SELECT CAST(sql AS BLOB) FROM sqlite_schema"
    " WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    "   AND tbl_name NOT IN"
    "     (SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'shadow')"
    " ORDER BY CASE type WHEN 'table' THEN sql LIKE 'CREATE VIRTUAL %'"
    "          WHEN 'index' THEN 2 WHEN 'view' THEN 3 ELSE 4 END, rowid";

/* Where SQLite is when it has read a statement to its end. */
enum ending { ENDS_IN_CODE, ENDS_IN_LINE_COMMENT, ENDS_IN_BLOCK_COMMENT };

/* Behind a quoted name or string that begins at sql[i]. A doubled quote is read as two. */
static size_t skip_quoted(const char *sql, size_t len, size_t i)
{
    int quote = sql[i] == '[' ? ']' : sql[i];
    const char *end = memchr(sql + i + 1, quote, len - i - 1);

    return end ? (size_t)(end - sql) + 1 : len;
}

static enum ending ending_of(const char *sql, size_t len)
{
    size_t i = 0;

    while (i < len) {
        const char *end;

        if (strchr("'\"`[", sql[i]) && sql[i] != '\0') {
            i = skip_quoted(sql, len, i);
        } else if (i + 1 < len && sql[i] == '-' && sql[i + 1] == '-') {
            end = memchr(sql + i, '\n', len - i);
            if (!end)
                return ENDS_IN_LINE_COMMENT;
            i = (size_t)(end - sql) + 1;
        } else if (i + 1 < len && sql[i] == '/' && sql[i + 1] == '*') {
            end = i + 2 < len ? memmem(sql + i + 2, len - i - 2, "*/", 2) : NULL;
            if (!end)
                return ENDS_IN_BLOCK_COMMENT;
            i = (size_t)(end - sql) + 2;
        } else {
            i++;
        }
    }
    return ENDS_IN_CODE;
}

void schema_add_statement(const char *sql, size_t len, struct buf *out)
{
    enum ending ending = ending_of(sql, len);

    buf_add(out, sql, len);
    if (ending == ENDS_IN_LINE_COMMENT)
        buf_add_text(out, "\n");
    else if (ending == ENDS_IN_BLOCK_COMMENT)
        buf_add_text(out, "*/");
    buf_add_text(out, ";\n");
}

int schema_write(struct connection *connection, struct buf *out, struct err *err)
{
    sqlite3_stmt *stmt = NULL;
    int r = connection_prepare(connection, schema_sql, &stmt, err);
    int rc;

    if (r < 0)
        return r;
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        const char *sql = sqlite3_column_blob(stmt, 0);

        if (sql)
            schema_add_statement(sql, (size_t)sqlite3_column_bytes(stmt, 0), out);
    }
    if (rc != SQLITE_DONE)
        r = connection_fail(connection, rc, err);
    else if (buf_error(out) < 0)
        r = err_set(err, ENOMEM, "%s: out of memory", connection->name);
    sqlite3_finalize(stmt);
    return r;
}
