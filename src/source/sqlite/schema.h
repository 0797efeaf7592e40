/*
 * A database's schema as SQL text.
 */
#ifndef DBSNAPFS_SOURCE_SQLITE_SCHEMA_H
#define DBSNAPFS_SOURCE_SQLITE_SCHEMA_H

struct buf;
struct connection;
struct err;

/* Appends every statement that makes the schema of an empty database. */
int schema_write(struct connection *connection, struct buf *out, struct err *err);

#endif
