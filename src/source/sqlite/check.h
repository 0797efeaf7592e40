/*
 * SQLite's own checks of a database, as findings.
 */
#ifndef DBSNAPFS_SOURCE_SQLITE_CHECK_H
#define DBSNAPFS_SOURCE_SQLITE_CHECK_H

#include <stdatomic.h>
#include <stdbool.h>

struct buf;
struct connection;
struct err;

/*
 * Appends "ok\n", or what is wrong, a line each: damage that keeps SQLite from reading on, or
 * that the VFS below met (`cause`), is a finding too. An error is what kept the check from
 * being made.
 */
int check_run(struct connection *connection, bool deep, struct buf *out, struct err *err);

#endif
