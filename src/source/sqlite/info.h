/*
 * What a live database is: its sizes and settings.
 */
#ifndef DBSNAPFS_SOURCE_SQLITE_INFO_H
#define DBSNAPFS_SOURCE_SQLITE_INFO_H

#include <stdint.h>

struct buf;
struct connection;
struct err;
struct source_info;
struct source_stamp;

/* Begins a transaction that sees one state from here to the connection's end. A schema that SQLite does
 * not understand hinders nothing: what it understands of it counts. */
int info_hold(struct connection *connection, struct err *err);

/* Of the state that is held. */
int info_read(struct connection *connection, struct source_info *ret_info, struct err *err);

/* source_changed() of the database at `path` */
int info_changed(const char *path, int64_t *ret_changed_ns, struct err *err);

/* source_stamp() likewise */
int info_stamp(const char *path, struct source_stamp *ret_stamp, struct err *err);

/* The settings as a JSON object, see source.h. */
int info_settings(struct connection *connection, const struct source_info *info, struct buf *out,
                  struct err *err);

#endif
