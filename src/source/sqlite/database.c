/*
 * Opening, and holding one state.
 *
 * A live database is one connection whose transaction is the state: BEGIN and one read fix it. The
 * file is known by its device and number, asked for with stat() before and after SQLite opens it;
 * when they are others the connection leads to a file that nobody else sees any more.
 *
 * While a cursor goes over all rows the file is read in large pieces, not by a system call a page. The
 * cursor is closed before the transaction ends, so they stay true.
 *
 * A backup is opened through the store's VFS. Its reads go through one stream, which is told what a scan
 * comes to next, so that the other processors decode it meanwhile.
 */
#include "source/sqlite/database.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "dbsnapfs/source/schema.h"
#include "dbsnapfs/store/snapshot.h"
#include "dbsnapfs/util/clock.h"
#include "dbsnapfs/util/err.h"
#include "dbsnapfs/util/hash.h"
#include "dbsnapfs/util/text.h"
#include "source/sqlite/foresight.h"
#include "source/sqlite/guard.h"
#include "source/sqlite/model.h"
#include "source/sqlite/read_ahead.h"

#define BUSY_MS 1000
#define OPEN_TRIES 5
/* Of work for preparing a statement; those that mean well take milliseconds. */
#define PREPARE_NS INT64_C(300000000)
#define IMPATIENT_NS INT64_C(30000000)
/* Of memory, while the rows of a view are made. */
#define VIEW_BYTES (INT64_C(128) << 20)
#define VIEW_VALUE_BYTES (16 << 20) /* of one value: a text of ours can be many times as long */
/* Of a row on its page: two to find it by, and a length, a rowid or a header of one byte each. */
#define CELL_BYTES_LEAST 4

static int read_stream(void *arg, uint64_t offset, void *bytes, size_t len, size_t *ret_len,
                       struct err *err)
{
    struct database *database = arg;
    int r = snapshot_stream_read(database->stream, offset, bytes, len, ret_len, err);

    if (r == 0)
        foresight_see(database->snapshot, database->stream, offset, bytes, *ret_len);
    return r;
}

static int set_up(struct database *database, struct err *err)
{
    struct connection *connection = &database->image.connection;
    int r = connection_exec(connection, "PRAGMA cache_size = -1024; PRAGMA query_only = ON", err);

    if (r == 0)
        guard_set(database);
    return r;
}

/* Opens the file that is at the path, and knows which one that was. */
static int open_file(struct database *database, struct err *err)
{
    struct connection *connection = &database->image.connection;
    struct stat before, after;

    for (int i = 0; i < OPEN_TRIES; i++) {
        bool there = stat(database->path, &before) == 0;
        int r = connection_open_through(database->path, read_ahead_name(database->ahead), BUSY_MS,
                                        NULL, connection, err);

        if (r < 0)
            return r;
        if (there && stat(database->path, &after) == 0 && before.st_dev == after.st_dev &&
            before.st_ino == after.st_ino) {
            database->device = before.st_dev;
            database->inode = before.st_ino;
            return 0;
        }
        connection_close(connection);
    }
    return err_set(err, EBUSY, "%s: replaced again and again while it was opened", database->path);
}

int database_open_live(const char *path, struct database **ret_database, struct err *err)
{
    struct database *database = calloc(1, sizeof(*database));
    int r = 0;

    if (database)
        database->path = strdup(path);
    if (!database || !database->path) {
        r = err_set(err, ENOMEM, "%s: out of memory", path);
        goto out;
    }
    r = read_ahead_new(&database->ahead, err);
    if (r == 0)
        r = open_file(database, err);
    if (r == 0)
        r = set_up(database, err);
    if (r < 0)
        goto out;
    database->opened_ns = clock_monotonic_ns();
    *ret_database = database;
    database = NULL;
out:
    database_close(database);
    return r;
}

int database_open_image(struct snapshot *snapshot, struct database **ret_database, struct err *err)
{
    struct database *database = calloc(1, sizeof(*database));
    struct snapshot_image reader = {database, snapshot_bytes(snapshot), read_stream};
    int r;

    if (!database)
        return err_set(err, ENOMEM, "out of memory for a backup's database");
    database->snapshot = snapshot;
    r = snapshot_stream_new(snapshot, false, &database->stream, err);
    if (r < 0)
        goto out;
    r = image_open(&reader, NULL, &database->image, err);
    if (r == 0)
        r = set_up(database, err);
    if (r < 0)
        goto out;
    *ret_database = database;
    database = NULL;
out:
    database_close(database);
    return r;
}

void database_close(struct database *database)
{
    if (!database)
        return;
    statements_drop(&database->statements);
    model_free(database->model);
    image_close(&database->image);
    read_ahead_free(database->ahead);
    snapshot_stream_free(database->stream);
    buf_free(&database->sql);
    free(database->path);
    free(database);
}

void database_scan_begin(struct database *database)
{
    if (database->scans++ == 0 && database->ahead)
        read_ahead_start(database->ahead);
}

void database_scan_end(struct database *database)
{
    if (--database->scans == 0 && database->ahead)
        read_ahead_stop(database->ahead);
}

void database_limit(struct database *database, const atomic_bool *cancel, int64_t deadline_ns)
{
    database->cancel = cancel;
    database->deadline_ns = deadline_ns;
    database->limited_ns = deadline_ns != 0 ? clock_monotonic_ns() : 0;
    database->image.connection.cancel = cancel;
}

static bool is_late(const struct database *database)
{
    return database->deadline_ns != 0 && clock_monotonic_ns() >= database->deadline_ns;
}

bool database_expired(const struct database *database)
{
    return (database->cancel && atomic_load(database->cancel)) || is_late(database);
}

int database_fail(const struct database *database, int rc, struct err *err)
{
    const struct connection *connection = &database->image.connection;
    bool cancelled = database->cancel && atomic_load(database->cancel);
    char took[TEXT_BYTES];

    if ((rc & 0xff) == SQLITE_NOMEM && database->is_greedy)
        return err_set(err, EIO, "%s: a view takes more memory than %d MiB and was ended",
                       connection->name, (int)(VIEW_BYTES >> 20));
    if ((rc & 0xff) == SQLITE_INTERRUPT && !cancelled && is_late(database)) {
        text_duration(clock_monotonic_ns() - database->limited_ns, took);
        return err_set(err, ETIMEDOUT, "%s: took too long and was ended after %s", connection->name,
                       took);
    }
    if ((rc & 0xff) == SQLITE_INTERRUPT && !cancelled) /* while it was prepared */
        return err_set(err, ETIMEDOUT, "%s: took too long and was ended", connection->name);
    return connection_fail(connection, rc, err);
}

bool database_file_failed(const struct database *database)
{
    const struct connection *connection = &database->image.connection;

    if (connection->cause)
        return connection->cause->code < 0 && connection->cause->code != -EBADMSG;
    return (sqlite3_errcode(connection->db) & 0xff) == SQLITE_IOERR;
}

void database_hurry(struct database *database, struct patience *ret_patience)
{
    patience_begin(ret_patience, database->is_impatient ? IMPATIENT_NS : PREPARE_NS, VIEW_BYTES, 0);
}

int database_patient(struct database *database, const struct patience *patience, int rc)
{
    patience_forget(patience_end());
    database->is_greedy = patience->end == PATIENCE_GREEDY;
    database->is_impatient |= patience->end != PATIENCE_LEFT;
    return patience->end == PATIENCE_LATE     ? SQLITE_INTERRUPT
           : patience->end == PATIENCE_GREEDY ? SQLITE_NOMEM
                                              : rc;
}

/* What its statement has in memory counts from row to row, until it is given back. */
int database_step(struct database *database, const struct relation *relation, sqlite3_stmt *stmt)
{
    sqlite3 *db = database_handle(database);
    struct patience patience;
    int rc, most;

    if (relation->kind != RELATION_VIEW)
        return sqlite3_step(stmt);
    most = sqlite3_limit(db, SQLITE_LIMIT_LENGTH, VIEW_VALUE_BYTES);
    patience_begin(&patience, INT64_MAX, VIEW_BYTES, database->view_bytes);
    rc = sqlite3_step(stmt);
    database->view_bytes = patience_end();
    database->view = stmt;
    sqlite3_limit(db, SQLITE_LIMIT_LENGTH, most);
    database->is_greedy = patience.end == PATIENCE_GREEDY;
    return rc;
}

/* An error of memory or of the disk ends SQLite's transaction, also of one who only reads. What is asked
 * next would be told of another state. */
static int check_state(struct database *database, struct err *err)
{
    if (!database->path || !database->holds_state || database_has_begun(database))
        return 0;
    buf_clear(&database->sql);
    if (database->is_greedy)
        return database_fail(database, SQLITE_NOMEM, err);
    return err_set(err, EIO, "%s: the state that was read is lost, because of an error before",
                   database->image.connection.name);
}

int database_take(struct database *database, sqlite3_stmt **ret_stmt, struct err *err)
{
    struct patience patience;
    int rc = check_state(database, err);

    if (rc < 0)
        return rc;
    if (buf_error(&database->sql) < 0) {
        buf_free(&database->sql);
        return err_set(err, ENOMEM, "%s: out of memory", database->image.connection.name);
    }
    if (database->image.vfs)
        snapshot_vfs_forget(database->image.vfs);
    database_hurry(database, &patience);
    rc = statements_take(&database->statements, database_handle(database), buf_text(&database->sql),
                         ret_stmt);
    rc = database_patient(database, &patience, rc);
    buf_clear(&database->sql);
    if (rc == SQLITE_OK)
        return 0;
    sqlite3_finalize(*ret_stmt); /* it may have been made with the last of the patience */
    *ret_stmt = NULL;
    return database_fail(database, rc, err);
}

void database_give(struct database *database, sqlite3_stmt *stmt)
{
    if (stmt && stmt == database->view) {
        patience_forget(database->view_bytes);
        database->view_bytes = 0;
        database->view = NULL;
    }
    statements_give(&database->statements, stmt);
}

/* One number, by a statement that is kept. */
static int ask_int(struct database *database, const char *sql, int64_t *ret_value, struct err *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc, r;

    buf_add_text(&database->sql, sql);
    r = database_take(database, &stmt, err);
    if (r < 0)
        return r;
    rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW)
        *ret_value = sqlite3_column_int64(stmt, 0);
    else
        r = database_fail(database, rc, err);
    database_give(database, stmt);
    return r;
}

int database_rows_most(struct database *database, uint64_t *ret_rows, struct err *err)
{
    int64_t page_size = 0, page_count = 0;
    int r = ask_int(database, "PRAGMA page_size", &page_size, err);

    if (r == 0)
        r = ask_int(database, "PRAGMA page_count", &page_count, err);
    if (r == 0)
        *ret_rows = (uint64_t)page_size * (uint64_t)page_count / CELL_BYTES_LEAST;
    return r;
}

static int check_same_file(const struct database *database, struct err *err)
{
    struct stat st;

    if (stat(database->path, &st) < 0)
        return errno == ENOENT || errno == ENOTDIR
                   ? err_set(err, ESTALE, "%s: deleted since it was opened", database->path)
                   : err_sys(err, errno, "%s", database->path);
    if (st.st_dev != database->device || st.st_ino != database->inode)
        return err_set(err, ESTALE, "%s: replaced since it was opened", database->path);
    return 0;
}

int database_begin(struct database *database, struct err *err)
{
    sqlite3 *db = database_handle(database);
    int64_t version = 0;
    int r = database->path ? check_same_file(database, err) : 0;
    int rc;

    if (r < 0)
        return r;
    rc = sqlite3_exec(db, "BEGIN", NULL, NULL, NULL);
    if (rc != SQLITE_OK)
        return database_fail(database, rc, err);
    r = ask_int(database, "PRAGMA schema_version", &version, err);
    if (r < 0) {
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
        return r;
    }
    if (database->model && version != database->schema_version) {
        statements_drop(&database->statements);
        model_free(database->model);
        database->model = NULL;
    }
    database->schema_version = version;
    database->holds_state = true;
    return 0;
}

void database_end(struct database *database)
{
    database->holds_state = false;
    sqlite3_exec(database_handle(database), "ROLLBACK", NULL, NULL, NULL);
}

bool database_has_begun(const struct database *database)
{
    return sqlite3_get_autocommit(database_handle(database)) == 0;
}

/* SQLite's data_version says for one connection whether others changed the database. */
int database_state(struct database *database, uint64_t *ret_state, struct err *err)
{
    uintptr_t self = (uintptr_t)database;
    int64_t version = 0;
    int r = ask_int(database, "PRAGMA data_version", &version, err);
    uint64_t state;

    if (r < 0)
        return r;
    state = hash_bytes(HASH_START, &self, sizeof(self));
    state = hash_bytes(state, &database->opened_ns, sizeof(database->opened_ns));
    *ret_state = hash_bytes(state, &version, sizeof(version));
    return 0;
}

int database_schema(struct database *database, const struct schema **ret_schema, struct err *err)
{
    if (!database->model) {
        int r = model_new(database, &database->model, err);

        if (r < 0)
            return r;
    }
    *ret_schema = model_schema(database->model);
    return 0;
}

int database_resolve(struct database *database, const struct relation *relation, struct err *err)
{
    return relation->unresolved ? model_resolve(database->model, database, relation, err) : 0;
}

static const char *encoding_of(const char *name)
{
    static const char *const encodings[] = {"UTF-8", "UTF-16le", "UTF-16be"};

    for (size_t i = 1; i < sizeof(encodings) / sizeof(encodings[0]); i++)
        if (strcmp(encodings[i], name) == 0)
            return encodings[i];
    return encodings[0];
}

int database_settings(struct database *database, struct database_settings *ret_settings,
                      struct err *err)
{
    struct database_settings settings = {NULL, 0, 0, 0, 0};
    const struct {
        const char *sql;
        int64_t *value;
    } numbers[] = {{"PRAGMA page_size", &settings.page_size},
                   {"PRAGMA auto_vacuum", &settings.auto_vacuum},
                   {"PRAGMA user_version", &settings.user_version},
                   {"PRAGMA application_id", &settings.application_id}};
    char encoding[16];
    int r = connection_text(&database->image.connection, "PRAGMA encoding", encoding,
                            sizeof(encoding), err);

    for (size_t i = 0; r == 0 && i < sizeof(numbers) / sizeof(numbers[0]); i++)
        r = ask_int(database, numbers[i].sql, numbers[i].value, err);
    if (r < 0)
        return r;
    settings.encoding = encoding_of(encoding);
    *ret_settings = settings;
    return 0;
}
