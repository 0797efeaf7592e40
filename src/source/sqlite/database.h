/*
 * An open SQLite database behind dbsnapfs/source/database.h.
 */
#ifndef DBSNAPFS_SOURCE_SQLITE_DATABASE_H
#define DBSNAPFS_SOURCE_SQLITE_DATABASE_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

#include "dbsnapfs/source/database.h"
#include "dbsnapfs/util/buf.h"
#include "source/sqlite/image.h"
#include "source/sqlite/patience.h"
#include "source/sqlite/snapshot_vfs.h"
#include "source/sqlite/statements.h"

struct model;
struct read_ahead;
struct snapshot;
struct snapshot_stream;

struct database {
    struct image image;        /* of a live database only its connection is used */
    struct snapshot *snapshot; /* of a backup, the caller's … */
    struct snapshot_stream *stream;
    struct statements statements;

    char *path;               /* of a live database, as is the next; else NULL */
    struct read_ahead *ahead; /* started while there are … */
    unsigned scans;           /* … cursors over all rows */
    dev_t device;
    ino_t inode;
    int64_t opened_ns; /* monotonic: tells two connections apart */

    const atomic_bool *cancel;
    int64_t deadline_ns;
    int64_t limited_ns; /* when the deadline was set */

    bool holds_state;     /* a transaction was begun, though SQLite may have ended it */
    sqlite3_stmt *view;   /* the view's statement that was stepped last … */
    int64_t view_bytes;   /* … and what it has in memory, see patience_end() */
    bool is_greedy;       /* what was done last for a view took too much memory */
    bool is_impatient;    /* with a schema that has exhausted the patience once */
    bool selects_nothing; /* the authorizer refuses every SELECT that is prepared now */
    struct model *model;  /* of the schema with this version; NULL: not asked for yet */
    int64_t schema_version;
    struct buf sql; /* for making statements; empty between calls */
};

/* database_open() and database_open_snapshot() */
int database_open_live(const char *path, struct database **ret_database, struct err *err);
int database_open_image(struct snapshot *snapshot, struct database **ret_database, struct err *err);

static inline sqlite3 *database_handle(const struct database *database)
{
    return database->image.connection.db;
}

/* Whether what runs is to end now. */
bool database_expired(const struct database *database);

/* What SQLite's code means here, see connection_fail(); behind the deadline -ETIMEDOUT. */
int database_fail(const struct database *database, int rc, struct err *err);

/* Between the two, what SQLite does without asking ends after a while, or when it has taken too much
 * memory. database_patient() returns `rc`, or SQLITE_INTERRUPT or SQLITE_NOMEM where that was so. */
void database_hurry(struct database *database, struct patience *ret_patience);
int database_patient(struct database *database, const struct patience *patience, int rc);

/* sqlite3_step() of a statement about this relation; a view does not get any amount of memory. */
int database_step(struct database *database, const struct relation *relation, sqlite3_stmt *stmt);

/* Between the two, which may be nested, a live database's file is read in large pieces. */
void database_scan_begin(struct database *database);
void database_scan_end(struct database *database);

/* A statement for the SQL in `database->sql`, which is cleared; to be given back. */
int database_take(struct database *database, sqlite3_stmt **ret_stmt, struct err *err);
void database_give(struct database *database, sqlite3_stmt *stmt); /* NULL is fine */

/* No b-tree of the database has more rows than this, unless it has pages twice. */
int database_rows_most(struct database *database, uint64_t *ret_rows, struct err *err);

int value_bind(sqlite3_stmt *stmt, int place, const struct value *value); /* SQLite's code */
/* false: memory ran out. Bytes are SQLite's and last as long as it says. */
bool value_fetch(sqlite3_stmt *stmt, int column, struct value *ret_value);
/* The same, but of a BLOB that is large (value_fetch_head: of any) only its length: `bytes` is NULL. */
bool value_fetch_small(sqlite3_stmt *stmt, int column, struct value *ret_value);
bool value_fetch_head(sqlite3_stmt *stmt, int column, struct value *ret_value);

#endif
