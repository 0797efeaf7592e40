/*
 * The SQL by which rows are read.
 */
#ifndef DBSNAPFS_SOURCE_SQLITE_CURSOR_H
#define DBSNAPFS_SOURCE_SQLITE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct cursor;
struct database;
struct err;
struct model_order;
struct relation;
struct selection;

/* Are chosen columns read, not all? Not where they are more than a result can have. */
bool cursor_is_narrow(const struct selection *selection);
/* How many columns the statement reads of a row, and which the i-th of them is. */
size_t cursor_width(const struct selection *selection);
size_t cursor_column(const struct selection *selection, size_t i);

/* Can SQLite read a BLOB of this column in pieces? */
bool cursor_has_pieces(const struct relation *relation, size_t column);
/* Does SELECT_PIECES give of its large BLOBs the length alone? Asking each value for that takes time,
 * so it is done where BLOBs are declared. */
bool cursor_leaves_large(const struct relation *relation, size_t column);
bool cursor_leaves_any(const struct selection *selection); /* of the columns that are read */

/* A statement without room for one more column: the rowid is read first, and the row by it. */
bool cursor_is_split(const struct selection *selection);

/* Of the row where the cursor is, in a relation whose position is the rowid. */
int64_t cursor_rowid(const struct cursor *cursor);
struct database *cursor_database(const struct cursor *cursor);
const struct relation *cursor_relation(const struct cursor *cursor);

/* Finds out what columns the relation has: -EIO with the reason if it cannot be read. */
int cursor_resolve(struct database *database, const struct relation *relation, struct err *err);

/* Appends `t."column"`, so that nothing is taken for a string. */
void cursor_column_sql(const struct relation *relation, size_t column, struct buf *out);
/* ` FROM main."relation" AS t` */
void cursor_from_sql(const struct relation *relation, struct buf *out);

/* Appends the statement. Its parameters are the values of `after`, of `last`, of `at` and of what is
 * matched, in this order; `order` is model_order(). Its columns are those asked for, then the rowid if
 * that is the position. */
void cursor_sql(const struct selection *selection, const struct model_order *order,
                struct buf *out);
/* One row by its rowid. */
void cursor_row_sql(const struct selection *selection, struct buf *out);

#endif
