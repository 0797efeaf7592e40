/*
 * What changed in a database between two states of it, table by table.
 *
 * Rows are matched by what names them: the primary key, or the rowid. Both states are read side by
 * side in the order of positions, so memory does not grow with the table; and where both are
 * backups, the pages that they share are not read (see source/pages.h): the cost follows what
 * changed. A table whose key columns are other than before has all its rows deleted and inserted.
 * Columns are matched by name; one that a side does not have is taken to be NULL there. Generated
 * columns are compared and shown like others, and left out of patches.
 *
 * Of what is in a database, tables are compared, those that keep a virtual table's content
 * (RELATION_SHADOW) too, as it is they that a patch can restore; virtual tables and views show
 * only that they are made by other SQL. SQLite's own tables (sqlite_sequence) are compared where
 * a patch can set them.
 */
#ifndef DBSNAPFS_TABLE_CHANGES_H
#define DBSNAPFS_TABLE_CHANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct database;
struct err;
struct snapshot;

/* A state: the database (begun), and its snapshot where it is a backup, or NULL. */
struct change_side {
    struct database *database;
    struct snapshot *snapshot;
};

/* Both sides must stay begun and open until changes_free(). Belongs to one thread at a time. */
struct changes;
int changes_new(const struct change_side *before, const struct change_side *after,
                struct changes **ret_changes, struct err *err);
void changes_free(struct changes *changes); /* NULL is fine */

/* The tables that may have changed, in the order of the later schema, those that are gone behind:
 * those whose SQL differs and those on whose pages something changed. Nothing else needs to be
 * compared. One whose pages cannot be looked at is among them. `name` lasts until changes_free().
 * Non-zero from `each` ends it and is returned. */
int changes_candidates(struct changes *changes,
                       int (*each)(void *arg, const char *name, struct err *err), void *arg,
                       struct err *err);

struct change_counts {
    uint64_t inserted, updated, deleted;
    bool schema; /* the table, its indexes or its triggers are made by other SQL than before, or it
                    is new, or gone */
    bool gone;   /* there is no such table any more */
    uint64_t csv_bytes, sql_bytes; /* of the two texts below */
    /* what the changes add to the texts of the table's rows, compared with before, and whether that
     * is known: the columns are the same as before */
    int64_t rows_added, rows_csv_added, rows_ndjson_added, rows_sql_added;
    bool has_added;
};
/* Nothing changed: the table has no files in changes/. Its texts may be longer or shorter all the
 * same: a row that something else names can move to another rowid, which rows.sql shows. */
bool change_counts_none(const struct change_counts *counts);

/* Takes pieces of text; non-zero ends it and is returned. */
typedef int change_put(void *arg, const void *bytes, size_t len, struct err *err);

/*
 * One pass over the table's changes. `csv` and `sql` may be NULL: then it only counts. `ret_counts`
 * may be NULL: then a text that nobody takes is not made. -ENOENT for what neither side has.
 *
 * CSV: op (insert, update, delete), key (the row's name below rows/), then before.COLUMN of each
 * column of the earlier table, then after.COLUMN of the later one, empty where there is no row;
 * in the form of text.h, rows in the order of their positions. A table without changed rows
 * gives the header line alone.
 *
 * SQL: a patch that makes the earlier table the later one, whatever triggers and foreign keys there
 * are, in a savepoint; every patch of a backup, in any order, gives the later database. To be run
 * outside of a transaction. A table made by other SQL, or without a position, is made anew in it.
 */
int changes_table(struct changes *changes, const char *name, change_put *csv, void *csv_arg,
                  change_put *sql, void *sql_arg, struct change_counts *ret_counts,
                  struct err *err);

/* Whether `code`, which one of the functions above gave just now, is about the table: it is damaged in
 * one of the states, or SQLite refuses to read it. Other tables may be sound. Anything else
 * (memory, cancelling, a disk that fails) says nothing about it. */
bool changes_blame_table(const struct changes *changes, int code);

/* How many rows were read from the two, for tests, which count work. */
uint64_t changes_rows_read(const struct changes *changes);

#endif
