/*
 * An open SQLite database, live or a backup's image, with every safety setting.
 *
 * trusted_schema is off (from SQLite 3.41 on, see connection.c) and defensive on, no extension
 * can be loaded, nothing can be attached, temporary tables stay in memory. A live database is
 * opened for writing where the file permits it (a crashed writer's journal must be rolled back to
 * read at all) but is not checkpointed on close. A connection belongs to one thread at a time.
 *
 * Failures are told in words that name the file; a message of the VFS below (`cause`) goes
 * before SQLite's own.
 */
#ifndef DBSNAPFS_SOURCE_SQLITE_CONNECTION_H
#define DBSNAPFS_SOURCE_SQLITE_CONNECTION_H

#include <sqlite3.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct err;

struct connection {
    sqlite3 *db;
    const char *name;          /* in messages: a path, or what a backup is called; the caller's */
    const atomic_bool *cancel; /* ends waiting for a lock; NULL: never */
    const struct err *cause;   /* why the VFS failed, when its code is not 0; NULL: no such VFS */
    int busy_ms;               /* how long to wait for a lock */
    int64_t busy_since_ns;     /* when this wait began */
};

#define CONNECTION_INIT              \
    {                                \
        NULL, NULL, NULL, NULL, 0, 0 \
    }

/* The database at `path`, with a wait of at most `busy_ms` for each lock. `ret_connection`
 * must not move while it is open. */
int connection_open(const char *path, int busy_ms, const atomic_bool *cancel,
                    struct connection *ret_connection, struct err *err);

/* The same through a VFS that leads to the default one. */
int connection_open_through(const char *path, const char *vfs, int busy_ms,
                            const atomic_bool *cancel, struct connection *ret_connection,
                            struct err *err);

/* The file of a private VFS; `flags` as for sqlite3_open_v2(). */
int connection_open_vfs(const char *name, const char *vfs, int flags, const struct err *cause,
                        struct connection *ret_connection, struct err *err);

void connection_close(struct connection *connection); /* its members; a closed one is fine */

/* Tells what SQLite's result code means for this database; returns the negative errno. */
int connection_fail(const struct connection *connection, int rc, struct err *err);

int connection_exec(struct connection *connection, const char *sql, struct err *err);
int connection_prepare(struct connection *connection, const char *sql, sqlite3_stmt **ret_stmt,
                       struct err *err);
/* The first column of the first row; -ENODATA if there is none. */
int connection_int(struct connection *connection, const char *sql, int64_t *ret_value,
                   struct err *err);
int connection_text(struct connection *connection, const char *sql, char *ret_text, size_t size,
                    struct err *err);

/*
 * Reads the schema, and begins a transaction's reading. A program may bring along a newer SQLite than
 * this one, whose SQL this one does not understand: then what it does understand of the schema counts
 * as all of it, and `ret_missing` (if not NULL) says what is not. For those only who do not ask what is
 * in the database; its pages are as good as any others.
 */
int connection_read_schema(struct connection *connection, struct err *ret_missing, struct err *err);

#endif
