/*
 * A handful of statements found by their text. One that is in use is not in the table, so the same
 * SQL can be in use twice; where it goes when it is given back depends on its text alone.
 */
#include "source/sqlite/statements.h"

#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/util/hash.h"

static void forget(struct statement *statement)
{
    sqlite3_finalize(statement->stmt);
    free(statement->sql);
    *statement = (struct statement){NULL, 0, NULL, 0};
}

int statements_take(struct statements *statements, sqlite3 *db, const char *sql,
                    sqlite3_stmt **ret_stmt)
{
    uint64_t hash = hash_bytes(HASH_START, sql, strlen(sql));

    for (size_t i = 0; i < STATEMENTS_KEPT; i++) {
        struct statement *kept = &statements->kept[i];

        if (kept->stmt && kept->hash == hash && strcmp(kept->sql, sql) == 0) {
            *ret_stmt = kept->stmt;
            kept->stmt = NULL;
            forget(kept);
            return SQLITE_OK;
        }
    }
    return sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, ret_stmt, NULL);
}

void statements_give(struct statements *statements, sqlite3_stmt *stmt)
{
    struct statement *oldest = &statements->kept[0];
    const char *sql = stmt ? sqlite3_sql(stmt) : NULL;

    if (!stmt)
        return;
    sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
    for (size_t i = 1; i < STATEMENTS_KEPT; i++)
        if (statements->kept[i].used < oldest->used)
            oldest = &statements->kept[i];
    forget(oldest);
    oldest->sql = sql ? strdup(sql) : NULL;
    if (!oldest->sql) {
        sqlite3_finalize(stmt);
        return;
    }
    oldest->hash = hash_bytes(HASH_START, sql, strlen(sql));
    oldest->stmt = stmt;
    oldest->used = ++statements->uses;
}

void statements_drop(struct statements *statements)
{
    for (size_t i = 0; i < STATEMENTS_KEPT; i++)
        forget(&statements->kept[i]);
}
