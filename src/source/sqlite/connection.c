/*
 * Opening a database so that looking at it neither changes it nor runs what it contains.
 *
 * The file is never opened by hand, only asked for with stat(): closing any descriptor on it
 * would drop the POSIX locks that SQLite holds in this process.
 *
 * SQLite answers most refusals with "unable to open database file"; what was really wrong is
 * found out from stat(), from the errno that SQLite kept, and from when it happened.
 */
#include "source/sqlite/connection.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dbsnapfs/util/clock.h"
#include "dbsnapfs/util/err.h"

#define NS_PER_MS 1000000
#define BUSY_STEP_MS 10
/* Where a database's header says which journal it uses; 2 is WAL (fileformat2, 1.3.3). */
#define HEADER_READ_VERSION 19

static bool cancelled(const struct connection *connection)
{
    return connection->cancel && atomic_load(connection->cancel);
}

/* SQLite's own timeout cannot be cancelled. */
static int wait_for_lock(void *arg, int count)
{
    struct connection *connection = arg;
    int64_t now_ns = clock_monotonic_ns();

    if (count == 0)
        connection->busy_since_ns = now_ns;
    if (cancelled(connection) ||
        now_ns - connection->busy_since_ns >= (int64_t)connection->busy_ms * NS_PER_MS)
        return 0;
    sqlite3_sleep(count < 5 ? 1 : BUSY_STEP_MS);
    return 1;
}

static const char *kind_of_file(mode_t mode)
{
    if (S_ISFIFO(mode))
        return "a named pipe";
    if (S_ISSOCK(mode))
        return "a socket";
    if (S_ISCHR(mode) || S_ISBLK(mode))
        return "a device";
    return "not a regular file";
}

/* Before SQLite opens it: opening a pipe would wait for ever. */
static int check_file(const char *path, struct err *err)
{
    struct stat st;

    if (stat(path, &st) < 0) {
        if (errno == ENOENT)
            return err_set(err, ENOENT, "%s: no such file", path);
        return err_sys(err, errno, "%s", path);
    }
    if (S_ISDIR(st.st_mode))
        return err_set(err, EISDIR, "%s: a directory, not a database file", path);
    if (!S_ISREG(st.st_mode))
        return err_set(err, EMEDIUMTYPE, "%s: %s, not a database file", path,
                       kind_of_file(st.st_mode));
    return 0;
}

/*
 * Reading a database in WAL mode makes its -wal and -shm files where they are missing. Made
 * by somebody who may not write the database, they would lock out those who may. (Root gives
 * them to the database's owner; SQLite sees to that.)
 */
static int check_wal_files(const struct connection *connection, struct err *err)
{
    sqlite3_file *file = NULL;
    unsigned char header[HEADER_READ_VERSION + 1];
    char path[4200];
    struct stat st;
    static const char *const suffixes[] = {"-wal", "-shm"};

    if (geteuid() == 0 || sqlite3_db_readonly(connection->db, "main") != 1)
        return 0;
    if (sqlite3_file_control(connection->db, "main", SQLITE_FCNTL_FILE_POINTER, &file) !=
            SQLITE_OK ||
        !file || !file->pMethods ||
        file->pMethods->xRead(file, header, sizeof(header), 0) != SQLITE_OK ||
        header[HEADER_READ_VERSION] != 2)
        return 0;
    for (size_t i = 0; i < 2; i++) {
        int len = snprintf(path, sizeof(path), "%s%s", sqlite3_db_filename(connection->db, "main"),
                           suffixes[i]);

        if (len < (int)sizeof(path) && stat(path, &st) < 0 && errno == ENOENT)
            return err_set(err, EACCES,
                           "%s: in WAL mode, but its %s file is missing and must be made by a "
                           "user who may write the database: run as its owner or as root",
                           connection->name, suffixes[i]);
    }
    return 0;
}

/*
 * With trusted_schema off a schema may call those functions alone that SQLite calls innocuous. Until
 * version 3.41 it does not call its own JSON functions so, by mistake (`tag-20230109-1` in its source),
 * and a database with a CHECK (json_valid(x)), as Django makes for each JSONField, is "malformed"
 * then: not even its pages could be copied. There the schema has to be trusted. What else becomes
 * possible by that are the functions of full-text and R*Tree modules, which only read; what is really
 * dangerous no schema can call in any case (SQLITE_DIRECTONLY).
 */
#define JSON_IS_INNOCUOUS 3041000

static int harden(struct connection *connection, struct err *err)
{
    int trusted = sqlite3_libversion_number() < JSON_IS_INNOCUOUS;
    sqlite3 *db = connection->db;

    sqlite3_extended_result_codes(db, 1);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, trusted, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
    sqlite3_limit(db, SQLITE_LIMIT_WORKER_THREADS, 0);
    sqlite3_busy_handler(db, wait_for_lock, connection);
    return connection_exec(connection, "PRAGMA temp_store = MEMORY", err);
}

static int open_failed(const struct connection *connection, int rc, struct err *err)
{
    int system_errno = connection->db ? sqlite3_system_errno(connection->db) : 0;

    if ((rc & 0xff) != SQLITE_CANTOPEN)
        return connection_fail(connection, rc, err);
    switch (system_errno) {
    case ENOENT:
        return err_set(err, ENOENT, "%s: no such file", connection->name);
    case EACCES:
    case EPERM:
        return err_set(err, EACCES,
                       "%s: permission denied; run as a user who may read and write it",
                       connection->name);
    case 0:
        return err_set(err, EIO, "%s: SQLite cannot open it (is the path over 500 bytes?)",
                       connection->name);
    default:
        return err_sys(err, system_errno, "%s", connection->name);
    }
}

int connection_open(const char *path, int busy_ms, const atomic_bool *cancel,
                    struct connection *ret_connection, struct err *err)
{
    return connection_open_through(path, NULL, busy_ms, cancel, ret_connection, err);
}

int connection_open_through(const char *path, const char *vfs, int busy_ms,
                            const atomic_bool *cancel, struct connection *ret_connection,
                            struct err *err)
{
    struct connection *connection = ret_connection;
    int r = check_file(path, err);
    int rc;

    *connection = (struct connection)CONNECTION_INIT;
    connection->name = path;
    connection->cancel = cancel;
    connection->busy_ms = busy_ms;
    if (r < 0)
        return r;
    /* SQLite itself falls back to reading only where the file cannot be written. */
    rc = sqlite3_open_v2(path, &connection->db,
                         SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE,
                         vfs);
    if (rc != SQLITE_OK) {
        r = open_failed(connection, rc, err);
        goto out;
    }
    r = check_wal_files(connection, err);
    if (r == 0)
        r = harden(connection, err);
    if (r == 0)
        r = connection_exec(connection, "PRAGMA query_only = ON", err);
out:
    if (r < 0)
        connection_close(connection);
    return r;
}

int connection_open_vfs(const char *name, const char *vfs, int flags, const struct err *cause,
                        struct connection *ret_connection, struct err *err)
{
    struct connection *connection = ret_connection;
    int r = 0;
    int rc;

    *connection = (struct connection)CONNECTION_INIT;
    connection->name = name;
    connection->cause = cause;
    rc = sqlite3_open_v2("database", &connection->db,
                         flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, vfs);
    r = rc == SQLITE_OK ? harden(connection, err) : connection_fail(connection, rc, err);
    if (r < 0)
        connection_close(connection);
    return r;
}

void connection_close(struct connection *connection)
{
    sqlite3_close(connection->db);
    connection->db = NULL;
}

/* CANTOPEN once the database is open, or READONLY, though nothing was to be written. */
static int fail_to_recover(const struct connection *connection, int rc, struct err *err)
{
    int system_errno = sqlite3_system_errno(connection->db);

    if ((rc & 0xff) == SQLITE_READONLY && rc != SQLITE_READONLY_DIRECTORY)
        return err_set(err, EACCES,
                       "%s: a program left it unfinished (%s) and reading it must first repair "
                       "that: run as a user who may write the file and its directory",
                       connection->name, sqlite3_errstr(rc));
    return err_set(err, system_errno == EROFS ? EROFS : EACCES,
                   "%s: its -wal, -shm or -journal file cannot be opened or made; a database in "
                   "WAL mode needs a -shm file beside it even to be read: make the directory "
                   "writable, or copy the database with its -wal to where it is",
                   connection->name);
}

/* Was it that SQLite did not understand what something is made by? Of what cannot even be told by its
 * name it is damage. */
static bool is_not_understood(const struct connection *connection)
{
    static const char malformed[] = "malformed database schema (";
    const char *text = sqlite3_errmsg(connection->db);

    return sqlite3_errcode(connection->db) == SQLITE_CORRUPT &&
           strncmp(text, malformed, sizeof(malformed) - 1) == 0 &&
           text[sizeof(malformed) - 1] != '?';
}

static int fail_in_words(const struct connection *connection, int rc, struct err *err)
{
    const char *name = connection->name;
    const char *text = connection->db && sqlite3_errcode(connection->db) != SQLITE_OK
                           ? sqlite3_errmsg(connection->db)
                           : sqlite3_errstr(rc);
    int system_errno = connection->db ? sqlite3_system_errno(connection->db) : 0;

    switch (rc & 0xff) {
    case SQLITE_NOTADB:
        return err_set(err, EMEDIUMTYPE, "%s: not a SQLite database, or an encrypted one", name);
    case SQLITE_CORRUPT:
        if (is_not_understood(connection))
            return err_set(err, EBADMSG,
                           "%s: SQLite %s cannot read its schema (%s); a newer SQLite may be able "
                           "to",
                           name, sqlite3_libversion(), text);
        return err_set(err, EBADMSG,
                       "%s: the database is damaged (%s); `sqlite3 FILE .recover` may save it",
                       name, text);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
        return err_set(err, EBUSY,
                       "%s: locked by another program for over %d.%d s; `fuser -v FILE` shows who "
                       "has it open",
                       name, connection->busy_ms / 1000, connection->busy_ms % 1000 / 100);
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
        return fail_to_recover(connection, rc, err);
    case SQLITE_NOMEM:
        return err_set(err, ENOMEM, "%s: out of memory", name);
    case SQLITE_FULL:
        return err_set(err, ENOSPC, "%s: no space left", name);
    case SQLITE_PERM:
        return err_set(err, EACCES, "%s: permission denied", name);
    case SQLITE_INTERRUPT:
        return err_set(err, ECANCELED, "%s: cancelled", name);
    case SQLITE_IOERR:
        if (system_errno > 0)
            return err_sys(err, system_errno, "%s: %s", name, text);
        return err_set(err, EIO, "%s: %s", name, text);
    default:
        return err_set(err, EIO, "%s: %s", name, text);
    }
}

int connection_fail(const struct connection *connection, int rc, struct err *err)
{
    if (connection->cause && connection->cause->code < 0)
        return err_set(err, -connection->cause->code, "%s", connection->cause->text);
    if (cancelled(connection))
        return err_set(err, ECANCELED, "%s: cancelled", connection->name);
    return fail_in_words(connection, rc, err);
}

int connection_exec(struct connection *connection, const char *sql, struct err *err)
{
    int rc = sqlite3_exec(connection->db, sql, NULL, NULL, NULL);

    return rc == SQLITE_OK ? 0 : connection_fail(connection, rc, err);
}

int connection_prepare(struct connection *connection, const char *sql, sqlite3_stmt **ret_stmt,
                       struct err *err)
{
    int rc = sqlite3_prepare_v2(connection->db, sql, -1, ret_stmt, NULL);

    return rc == SQLITE_OK ? 0 : connection_fail(connection, rc, err);
}

/* Runs `sql` to its first row. */
static int first_row(struct connection *connection, const char *sql, sqlite3_stmt **ret_stmt,
                     struct err *err)
{
    int r = connection_prepare(connection, sql, ret_stmt, err);
    int rc;

    if (r < 0)
        return r;
    rc = sqlite3_step(*ret_stmt);
    if (rc == SQLITE_ROW)
        return 0;
    if (rc == SQLITE_DONE)
        return err_set(err, ENODATA, "%s: %s: no answer", connection->name, sql);
    return connection_fail(connection, rc, err);
}

int connection_int(struct connection *connection, const char *sql, int64_t *ret_value,
                   struct err *err)
{
    sqlite3_stmt *stmt = NULL;
    int r = first_row(connection, sql, &stmt, err);

    if (r == 0)
        *ret_value = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return r;
}

int connection_text(struct connection *connection, const char *sql, char *ret_text, size_t size,
                    struct err *err)
{
    sqlite3_stmt *stmt = NULL;
    int r = first_row(connection, sql, &stmt, err);

    if (r == 0) {
        const char *text = (const char *)sqlite3_column_text(stmt, 0);

        snprintf(ret_text, size, "%s", text ? text : "");
    }
    sqlite3_finalize(stmt);
    return r;
}

/* From the second statement on, what SQLite can read of the schema is all of it then. */
static int bear_schema(struct connection *connection, struct err *err)
{
    int r;

    /* The pragma allows to write to the schema as well, but not where it is defended. */
    sqlite3_db_config(connection->db, SQLITE_DBCONFIG_DEFENSIVE, 0, NULL);
    r = connection_exec(connection, "PRAGMA writable_schema = ON", err);
    sqlite3_db_config(connection->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    return r;
}

int connection_read_schema(struct connection *connection, struct err *ret_missing, struct err *err)
{
    static const char sql[] = "SELECT count(*) FROM sqlite_schema";
    struct err missing = ERR_INIT;
    int64_t count;
    int r = connection_int(connection, sql, &count, &missing);

    if (r == -EBADMSG && is_not_understood(connection)) {
        r = bear_schema(connection, err);
        if (r < 0)
            return r;
        (void)connection_int(connection, sql, &count, &missing);
        r = connection_int(connection, sql, &count, err);
        if (r == 0 && ret_missing)
            *ret_missing = missing;
        return r;
    }
    return r < 0 ? err_set(err, -r, "%s", missing.text) : 0;
}
