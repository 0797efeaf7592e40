/*
 * What changed in a table between two states of a database.
 *
 * Rows are matched by what names them: the primary key, or the rowid. Both states are read side by
 * side in the order of positions, so memory does not grow with the table; and where both are
 * backups, the pages that they share are not read (see source/pages.h): the cost follows what
 * changed.
 *
 * A table whose key columns are other than before has all its rows deleted and inserted.
 */
#ifndef DBSNAPFS_TABLE_CHANGES_H
#define DBSNAPFS_TABLE_CHANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct database;
struct err;
struct snapshot;

/* A state: the database (begun), and its snapshot where it is a backup, or NULL. */
struct change_side {
    struct database *database;
    struct snapshot *snapshot;
};

struct change_counts {
    uint64_t inserted, updated, deleted;
    bool schema; /* the table, its indexes or its triggers are made by other SQL than before, or it
                    is new, or gone */
    /* what the changes add to the texts of the table's rows, compared with before */
    int64_t rows, csv_bytes, ndjson_bytes, sql_bytes;
    bool has_bytes; /* the four above are known: the columns are the same as before */
};

/* The tables that may have changed, in the order of the later schema, those that are gone behind:
 * those whose SQL differs and those on whose pages something changed. Nothing else needs to be
 * compared. */
int changes_tables(const struct change_side *before, const struct change_side *after,
                   int (*each)(void *arg, const char *name, struct err *err), void *arg,
                   struct err *err);

/* Takes pieces of text; non-zero ends it and is returned. */
typedef int (*change_put)(void *arg, const void *bytes, size_t len, struct err *err);

/*
 * changes/TABLE.csv: op (insert, update, delete), then before.COLUMN of each column of the earlier
 * table, then after.COLUMN of the later one; rows in the order of their positions. A table without
 * changes gives the header line alone. `ret_counts` may be NULL; `put` too: then it only counts.
 */
int changes_csv(const struct change_side *before, const struct change_side *after,
                const char *table, change_put put, void *arg, struct change_counts *ret_counts,
                struct err *err);

/* changes/TABLE.sql: a patch that makes the earlier table the later one. */
int changes_sql(const struct change_side *before, const struct change_side *after,
                const char *table, change_put put, void *arg, struct err *err);

#endif
