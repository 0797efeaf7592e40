/*
 * An open database, live or as a backup has it: what is in it, and its rows.
 *
 * A `struct database` belongs to one thread at a time. Between database_begin() and
 * database_end() it shows one committed state; in WAL mode no writer waits for that, but the
 * -wal file cannot be emptied, so end it soon. A backup has one state for ever.
 *
 * Nothing in the database is trusted: views and triggers cannot call functions that have side
 * effects, no extension is loaded, and what takes too long can be ended by `cancel` and by a
 * deadline. Errors are as in source.h, and -ETIMEDOUT behind the deadline.
 */
#ifndef DBSNAPFS_SOURCE_DATABASE_H
#define DBSNAPFS_SOURCE_DATABASE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct database;
struct err;
struct schema;
struct snapshot;
struct relation;
struct source;

int database_open(struct source *source, struct database **ret_database, struct err *err);
/* `snapshot` stays open longer than the database. */
int database_open_snapshot(struct snapshot *snapshot, struct database **ret_database,
                           struct err *err);
void database_close(struct database *database); /* NULL is fine */

/* Of what failed just now: was it that the file below could not be read, for another reason than that
 * it is damaged? Then it says nothing about the database. */
bool database_file_failed(const struct database *database);

/* Ends what runs: once `*cancel` is true (NULL: never), or behind `deadline_ns` on the monotonic
 * clock (0: never). Holds until it is set again; to be set between other calls. */
void database_limit(struct database *database, const atomic_bool *cancel, int64_t deadline_ns);

/* -ESTALE when the live database's file was replaced or deleted since it was opened: close it and
 * open another. All below is for between begin and end only. */
int database_begin(struct database *database, struct err *err);
void database_end(struct database *database); /* no cursor may be open */
/* False after some failures, which end the state: then only end is left. */
bool database_has_begun(const struct database *database);

/* A number for the state shown: while it is the same, so is the database. Numbers of one process and
 * one database can be compared; two numbers may still be of equal states. */
int database_state(struct database *database, uint64_t *ret_state, struct err *err);

/* The schema as of this state; it stays until the schema is another or the database is closed, so
 * it may be kept over database_end() only to compare pointers. */
int database_schema(struct database *database, const struct schema **ret_schema, struct err *err);

/* Finds out what columns a view of this state's schema has, or why it is broken; nothing for what is
 * known. A view may ask for others, so many and so deep that reading the schema must not wait for
 * it. Cursors and counts resolve what they are about. */
int database_resolve(struct database *database, const struct relation *relation, struct err *err);

/* The database's settings that a dump carries. */
struct database_settings {
    const char *encoding; /* "UTF-8", "UTF-16le", "UTF-16be" */
    int64_t page_size, auto_vacuum, user_version, application_id;
};
int database_settings(struct database *database, struct database_settings *ret_settings,
                      struct err *err);

/* ---- values ---- */

enum value_kind { VALUE_NULL, VALUE_INTEGER, VALUE_REAL, VALUE_TEXT, VALUE_BLOB };

/* TEXT is UTF-8 whatever the database's encoding, as it is stored: not always valid, NUL inside
 * is possible. Who hands a value out owns its bytes. */
struct value {
    enum value_kind kind;
    int64_t integer;
    double real;
    const void *bytes;
    size_t len;
};

/* Appends an expression of SQL that SQLite reads back as exactly this number. */
int database_real_sql(struct database *database, double real, struct buf *out, struct err *err);

/* ---- rows ---- */

struct cursor;

enum selected {
    SELECT_ROWS,  /* all columns */
    SELECT_KEYS,  /* the columns of relation->key, in its order */
    SELECT_HEADS, /* all columns, but of BLOBs their lengths only: cursor_value_head() */
    /* All columns, but large BLOBs are left where they are if they can be read in pieces from there:
     * such a value has a length, and `bytes` NULL. See cursor_blob_open(). */
    SELECT_PIECES,
};

/* A BLOB that is longer is a large one. */
#define LARGE_BLOB_BYTES ((size_t)1 << 20)

/*
 * Which rows, and what of them. A row's position is where it stands in the order of rows: the
 * rowid, or the values of the primary key in its order (of a WITHOUT ROWID table); relation->
 * position_count values. Relations without one (views) are in whatever order they give.
 */
struct selection {
    const struct relation *relation; /* of this state's schema */
    enum selected what;
    /* Of all columns only these, if not NULL, and those of the key, by which rows have their names
     * and positions: no other's pages are read, but those that lie before one of these in the row.
     * The values are still asked for by the columns' numbers in the relation. */
    size_t column_count;
    const size_t *columns;
    /* Rows behind this position only, if not NULL; and none behind `last`, if not NULL, or else the
     * one that is `at` this position (both where position_is_rowid only). */
    const struct value *after, *last, *at;
    /* Rows only in which these columns have these values (VALUE_NULL: are NULL), compared as the
     * columns' collations say. */
    size_t match_count;
    const size_t *match_columns;
    const struct value *match_values;
};

int cursor_open(struct database *database, const struct selection *selection,
                struct cursor **ret_cursor, struct err *err);
void cursor_close(struct cursor *cursor); /* NULL is fine */

/* 1: there is a row; 0: the end; else an error. */
int cursor_next(struct cursor *cursor, struct err *err);

/* Of the row where the cursor is; bytes last until the next call on it. A value that memory was short
 * for reads as empty: then cursor_check() fails, and so does cursor_next(). */
void cursor_value(struct cursor *cursor, size_t index, struct value *ret_value);
void cursor_position(struct cursor *cursor, size_t index, struct value *ret_value);
int cursor_check(const struct cursor *cursor, struct err *err);

/* The value, of a BLOB without `bytes`. A cursor of SELECT_HEADS gives nothing else for BLOBs. In
 * columns that are declared as such, or as nothing that SQLite knows, it holds none of them in memory;
 * one in the last column is not read at all, and to columns behind one SQLite finds its way through
 * its pages. TEXT is read, as SQLite does not know its length otherwise. */
void cursor_value_head(struct cursor *cursor, size_t index, struct value *ret_value);

/*
 * A BLOB of the row where the cursor is, which is read in pieces and never is in memory as a whole.
 * -ENOTSUP where SQLite knows no other way than whole: in views, virtual tables and tables WITHOUT ROWID,
 * and generated columns. To be closed before the database's state ends. Reads are within its length.
 */
struct blob;
int cursor_blob_open(struct cursor *cursor, size_t column, struct blob **ret_blob, struct err *err);
int blob_read(struct blob *blob, uint64_t offset, void *bytes, size_t len, struct err *err);
uint64_t blob_len(const struct blob *blob);
void blob_close(struct blob *blob); /* NULL is fine */

/* The smallest value of an indexed column greater than `after` (NULL: than all), as the column's
 * index orders them, NULL first. 1: `ret_value`, which owns its bytes: value_free(); 0: there is
 * none. */
int database_next_value(struct database *database, const struct relation *relation, size_t column,
                        const struct value *after, struct value *ret_value, struct err *err);

/* How two positions of the relation follow each other: < 0, 0, > 0. Each is relation->position_count
 * values, which must not be none. What is equal here need not be so byte for byte. */
int database_compare(struct database *database, const struct relation *relation,
                     const struct value *a, const struct value *b, int *ret_order, struct err *err);

int database_count(struct database *database, const struct relation *relation, uint64_t *ret_rows,
                   struct err *err);

/* A copy that owns its bytes; to be freed. */
int value_copy(const struct value *value, struct value *ret_copy);
void value_free(struct value *value);
/* Equal kind and content, byte for byte; -0.0 is not 0.0. */
bool value_equal(const struct value *a, const struct value *b);

#endif
