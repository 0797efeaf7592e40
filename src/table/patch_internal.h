/*
 * What the patch of a table says of its schema, and of what SQLite keeps about it.
 */
#ifndef DBSNAPFS_TABLE_PATCH_INTERNAL_H
#define DBSNAPFS_TABLE_PATCH_INTERNAL_H

#include <stdbool.h>

struct buf;
struct err;
struct pair;

/* Takes away the earlier table, view or virtual table. */
int patch_drop_relation(const struct pair *pair, struct buf *out, struct err *err);
/* Makes the later one, empty and without indexes and triggers. */
int patch_create_relation(const struct pair *pair, struct buf *out, struct err *err);

/* Indexes and triggers of the earlier table that are gone, or made otherwise. */
void patch_drop_parts(const struct pair *pair, struct buf *out);
/* Triggers that are as before, and must not see what a patch does. */
void patch_drop_kept_triggers(const struct pair *pair, struct buf *out);
/* Indexes and triggers of the later table: all, or those that are not as before, and if
 * `triggers` the kept triggers with them. */
void patch_create_parts(const struct pair *pair, bool all, bool triggers, struct buf *out);

/* Sets the table's rows in SQLite's own tables: where AUTOINCREMENT is and, if `statistics`,
 * what is lost with a table or an index. */
int patch_system_rows(const struct pair *pair, bool statistics, struct buf *out, struct err *err);
/* Empties the table, which is one of SQLite's own, and makes it first where that may be needed. */
void patch_empty_system_table(const struct pair *pair, struct buf *out);

#endif
