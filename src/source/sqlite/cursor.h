/*
 * The SQL by which rows are read.
 */
#ifndef DBSNAPFS_SOURCE_SQLITE_CURSOR_H
#define DBSNAPFS_SOURCE_SQLITE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
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

/* A statement without room for one more column: the rowid is read first, and the row by it. */
bool cursor_is_split(const struct selection *selection);

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
