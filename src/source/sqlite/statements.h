/*
 * Prepared statements, kept for the next time the same SQL is wanted.
 */
#ifndef DBSNAPFS_SOURCE_SQLITE_STATEMENTS_H
#define DBSNAPFS_SOURCE_SQLITE_STATEMENTS_H

#include <sqlite3.h>
#include <stdint.h>

#define STATEMENTS_KEPT 24

struct statement {
    char *sql;
    uint64_t hash;
    sqlite3_stmt *stmt;
    uint64_t used; /* when, in uses of the whole */
};

struct statements {
    struct statement kept[STATEMENTS_KEPT];
    uint64_t uses;
};

/* A statement that is the caller's until statements_give(). Returns SQLite's code. */
int statements_take(struct statements *statements, sqlite3 *db, const char *sql,
                    sqlite3_stmt **ret_stmt);
void statements_give(struct statements *statements, sqlite3_stmt *stmt); /* NULL is fine */
void statements_drop(struct statements *statements);                     /* all that are kept */

#endif
