/*
 * Statements of a schema as the sqlite3 shell reads them.
 */
#ifndef DBSNAPFS_TABLE_STATEMENT_H
#define DBSNAPFS_TABLE_STATEMENT_H

#include <stdbool.h>

struct buf;

/* Does statement_add() give a statement from which SQLite keeps exactly this text? */
bool statement_is_plain(const char *sql);

/* Appends the statement, ended, for the shell to read: one that makes the same as `sql`. */
void statement_add(const char *sql, struct buf *out);

#endif
