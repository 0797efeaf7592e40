/*
 * A database's schema as SQL text.
 */
#ifndef DBSNAPFS_SOURCE_SQLITE_SCHEMA_H
#define DBSNAPFS_SOURCE_SQLITE_SCHEMA_H

#include <stddef.h>

struct buf;
struct connection;
struct err;

/* Appends every statement that makes the schema of an empty database. */
int schema_write(struct connection *connection, struct buf *out, struct err *err);

/* Appends one statement of `len` bytes and what ends it: ";\n", on a line of its own behind
 * a comment. */
void schema_add_statement(const char *sql, size_t len, struct buf *out);

#endif
