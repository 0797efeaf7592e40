/*
 * quick_check, or integrity_check and foreign_key_check.
 *
 * A database may use what only its application has. CHECK constraints are not evaluated, as
 * they may call its functions. A collation that is missing is stood in for by memcmp(): that
 * lets quick_check read the tables, but integrity_check would find every index on it out of
 * order, so a deep check of such a database is a quick one with the foreign keys.
 */
#include "source/sqlite/check.h"

#include <errno.h>
#include <string.h>

#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"
#include "source/sqlite/connection.h"

#define PROGRESS_STEPS 10000
#define MAX_FINDINGS "100"

struct check {
    struct connection *connection;
    struct buf findings;
    bool missing_collation;
    bool found;
};

/* One line, whatever the text has in it. */
static void add_finding(struct check *check, const char *text)
{
    check->found = true;
    for (; *text; text++) {
        if (*text == '\n' || *text == '\r')
            buf_add_char(&check->findings, ' ');
        else
            buf_add_char(&check->findings, *text);
    }
    buf_add_char(&check->findings, '\n');
}

static int compare_bytes(void *arg, int a_len, const void *a, int b_len, const void *b)
{
    int order = memcmp(a, b, (size_t)(a_len < b_len ? a_len : b_len));

    (void)arg;
    return order != 0 ? order : a_len - b_len;
}

static void stand_in_for_collation(void *arg, sqlite3 *db, int encoding, const char *name)
{
    struct check *check = arg;

    check->missing_collation = true;
    sqlite3_create_collation(db, name, encoding, NULL, compare_bytes);
}

static int stop_if_cancelled(void *arg)
{
    const struct connection *connection = arg;

    return connection->cancel && atomic_load(connection->cancel);
}

/* A failed statement: damage is a finding, everything else an error. */
static int take_failure(struct check *check, int rc, struct err *err)
{
    int primary = rc & 0xff;
    struct connection *connection = check->connection;

    if (stop_if_cancelled(connection) || primary == SQLITE_NOMEM || primary == SQLITE_INTERRUPT)
        return connection_fail(connection, rc, err);
    if (primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB) {
        add_finding(check, sqlite3_errmsg(connection->db));
        return 0;
    }
    /* The VFS's own message stands for it, see write_findings(). */
    if (connection->cause && connection->cause->code == -EBADMSG)
        return 0;
    return connection_fail(connection, rc, err);
}

static int run_integrity(struct check *check, const char *sql, struct err *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(check->connection->db, sql, -1, &stmt, NULL);
    int r = 0;

    while (rc == SQLITE_OK || rc == SQLITE_ROW) {
        rc = sqlite3_step(stmt);
        if (rc == SQLITE_ROW) {
            const char *text = (const char *)sqlite3_column_text(stmt, 0);

            if (text && strcmp(text, "ok") != 0)
                add_finding(check, text);
        }
    }
    if (rc != SQLITE_DONE)
        r = take_failure(check, rc, err);
    sqlite3_finalize(stmt);
    return r;
}

static int run_foreign_keys(struct check *check, struct err *err)
{
    static const char sql[] =
        "SELECT CASE WHEN rowid IS NULL"
        " THEN printf('a row of %s names a missing row of %s', \"table\", parent)"
        " ELSE printf('row %d of %s names a missing row of %s', rowid, \"table\", parent) END"
        " FROM pragma_foreign_key_check LIMIT " MAX_FINDINGS;
    sqlite3 *db = check->connection->db;
    int r = run_integrity(check, sql, err);

    /* A foreign key that fits no key of its parent is a fault of the schema. */
    if (r == -EIO && (sqlite3_errcode(db) & 0xff) == SQLITE_ERROR) {
        add_finding(check, sqlite3_errmsg(db));
        r = 0;
    }
    return r;
}

/* SQLite asks for collations when it compiles a check. */
static bool lacks_collation(struct check *check)
{
    sqlite3_stmt *stmt = NULL;

    sqlite3_prepare_v2(check->connection->db, "PRAGMA integrity_check", -1, &stmt, NULL);
    sqlite3_finalize(stmt);
    return check->missing_collation;
}

/* What SQLite does not understand of the schema is a finding if it has pages, which are not checked then;
 * not if it is a view or a trigger. 1: nothing can be read of it. */
static int read_schema(struct check *check, struct err *err)
{
    static const char unknown_sql[] =
        "SELECT count(*) FROM sqlite_schema WHERE rootpage > 0 AND name NOT IN"
        " (SELECT name FROM pragma_table_list WHERE schema = 'main' UNION ALL"
        "  SELECT i.name FROM pragma_table_list AS t, pragma_index_list(t.name) AS i"
        "  WHERE t.schema = 'main')";
    struct err missing = ERR_INIT;
    int64_t unknown = 0;
    int r = connection_read_schema(check->connection, &missing, err);

    if (r == 0 && missing.code < 0)
        r = connection_int(check->connection, unknown_sql, &unknown, err);
    if (r < 0) {
        r = take_failure(check, sqlite3_extended_errcode(check->connection->db), err);
        return r < 0 ? r : 1;
    }
    if (unknown > 0)
        add_finding(check, missing.text);
    return 0;
}

static int run_all(struct check *check, bool deep, struct err *err)
{
    struct connection *connection = check->connection;
    int r = connection_exec(
        connection, "PRAGMA ignore_check_constraints = ON; PRAGMA cell_size_check = ON", err);

    if (r == 0)
        r = read_schema(check, err);
    if (r != 0)
        return r < 0 ? r : 0;
    r = run_integrity(check,
                      deep && !lacks_collation(check) ? "PRAGMA integrity_check(" MAX_FINDINGS ")"
                                                      : "PRAGMA quick_check(" MAX_FINDINGS ")",
                      err);
    return r == 0 && deep && !check->found ? run_foreign_keys(check, err) : r;
}

/* What SQLite finds in an image that is not what was stored says nothing of the database. */
static int write_findings(struct check *check, struct buf *out, struct err *err)
{
    const struct err *cause = check->connection->cause;

    if (cause && cause->code == -EBADMSG)
        return err_set(err, EBADMSG, "%s", cause->text);
    if (cause && cause->code < 0)
        return connection_fail(check->connection, SQLITE_IOERR, err);
    buf_add(out, buf_text(&check->findings), check->findings.len);
    if (!check->found)
        buf_add_text(out, "ok\n");
    return buf_error(&check->findings) < 0 || buf_error(out) < 0
               ? err_set(err, ENOMEM, "%s: out of memory", check->connection->name)
               : 0;
}

int check_run(struct connection *connection, bool deep, struct buf *out, struct err *err)
{
    struct check check = {connection, BUF_INIT, false, false};
    int r;

    sqlite3_collation_needed(connection->db, &check, stand_in_for_collation);
    sqlite3_progress_handler(connection->db, PROGRESS_STEPS, stop_if_cancelled, connection);
    r = run_all(&check, deep, err);
    if (r == 0 && stop_if_cancelled(connection))
        r = err_set(err, ECANCELED, "%s: cancelled", connection->name);
    if (r == 0)
        r = write_findings(&check, out, err);
    sqlite3_progress_handler(connection->db, 0, NULL, NULL);
    sqlite3_collation_needed(connection->db, NULL, NULL);
    buf_free(&check.findings);
    return r;
}
