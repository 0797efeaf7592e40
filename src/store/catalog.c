/*
 * SQL in, structures out. Statements are prepared once and kept; a step's failure is translated
 * in one place, catalog_fail(), so that a full disk says so and a damaged file says how to get
 * a whole one.
 *
 * The file is in rollback-journal mode: it can then be read on a read-only medium and copied
 * with any tool while nothing runs. A commit costs four syncs, a backup makes one commit.
 */
#include "store/catalog_internal.h"

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dbsnapfs/util/err.h"
#include "store/catalog_schema.h"
#include "store/catalog_vfs.h"

#define CATALOG_BUSY_MS 10000

#define ENTRY_COLUMNS                                                                          \
    "id, name, started_ns, finished_ns, page_size, block_size, image_bytes, block_count, "     \
    "changed_blocks, delta_blocks, stored_bytes, digest, note, source, settings, checked_ns, " \
    "check_result, sha256"

static const char *const catalog_sql[QUERY_COUNT] = {
    [QUERY_FIND_NAME] = "SELECT " ENTRY_COLUMNS " FROM backup_entries WHERE name = ?1",
    [QUERY_FIND_ID] = "SELECT " ENTRY_COLUMNS " FROM backup_entries WHERE id = ?1",
    [QUERY_NEWEST] = "SELECT " ENTRY_COLUMNS " FROM backup_entries ORDER BY id DESC LIMIT 1",
    [QUERY_BEFORE] =
        "SELECT " ENTRY_COLUMNS " FROM backup_entries WHERE id < ?1 ORDER BY id DESC LIMIT 1",
    [QUERY_LIST] =
        "SELECT " ENTRY_COLUMNS " FROM backup_entries WHERE id > ?1 ORDER BY id LIMIT 64",
    [QUERY_TOTALS] = "SELECT count(*), coalesce(sum(stored_bytes), 0), "
                     "coalesce(sum(image_bytes), 0), coalesce(max(id), 0), "
                     "(SELECT started_ns FROM backup_entries ORDER BY id DESC LIMIT 1) "
                     "FROM backup_entries",
    [QUERY_SEGMENTS] = "SELECT id, first_frame, frame_count, index_offset, bytes FROM segments "
                       "ORDER BY id",
    [QUERY_CHAIN] = "SELECT backup_id, kind, offset FROM map_shards "
                    "WHERE shard = ?1 AND backup_id <= ?2 ORDER BY backup_id DESC",
    [QUERY_ADD_ENTRY] =
        "INSERT INTO backup_entries (id, backup_time, name, started_ns, finished_ns, page_size, "
        "block_size, image_bytes, block_count, changed_blocks, delta_blocks, stored_bytes, digest, "
        "note, source, settings) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, "
        "?14, ?15, ?16)",
    [QUERY_ADD_SEGMENT] = "INSERT INTO segments VALUES (?1, ?2, ?3, ?4, ?5)",
    [QUERY_ADD_MAP] = "INSERT INTO map_shards VALUES (?1, ?2, ?3, ?4)",
    [QUERY_NOTE_CHECK] =
        "UPDATE backup_entries SET checked_ns = ?2, check_result = ?3 WHERE id = ?1",
    [QUERY_NOTE_SHA256] = "UPDATE backup_entries SET sha256 = ?2 WHERE id = ?1",
    [QUERY_HAS_FACTS] = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'facts'",
    [QUERY_NOTE_FACT] = "INSERT OR REPLACE INTO facts (backup_id, kind, value) VALUES (?1, ?2, ?3)",
    [QUERY_FIND_FACT] = "SELECT value FROM facts WHERE backup_id = ?1 AND kind = ?2",
};

static int catalog_page_damaged(struct catalog *catalog, uint32_t page, struct err *err)
{
    return err_set(err, EBADMSG,
                   "%s: the checksum of page %u does not match: make the catalog again with "
                   "`dbsnapfs repair`",
                   catalog->path, page);
}

int catalog_fail(struct catalog *catalog, int rc, struct err *err)
{
    switch (rc & 0xff) {
    case SQLITE_FULL:
        return err_set(err, ENOSPC, "%s: the disk is full", catalog->path);
    case SQLITE_NOMEM:
        return err_set(err, ENOMEM, "%s: out of memory", catalog->path);
    case SQLITE_BUSY:
        return err_set(err, EBUSY, "%s: another program keeps the catalog locked", catalog->path);
    case SQLITE_READONLY:
        if (sqlite3_extended_errcode(catalog->db) == SQLITE_READONLY_ROLLBACK)
            return err_set(err, EROFS,
                           "%s: a write that was cut off has to be undone first: open the "
                           "repository once where it can be written",
                           catalog->path);
        return err_set(err, EROFS, "%s: cannot be written", catalog->path);
    case SQLITE_PERM:
        return err_set(err, EROFS, "%s: cannot be written", catalog->path);
    case SQLITE_CANTOPEN:
        return err_sys(err, sqlite3_system_errno(catalog->db) ?: EACCES, "%s: cannot open",
                       catalog->path);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return err_set(err, EBADMSG,
                       "%s: the catalog is damaged (%s): make it again with `dbsnapfs repair`",
                       catalog->path, sqlite3_errmsg(catalog->db));
    case SQLITE_IOERR:
        if (sqlite3_extended_errcode(catalog->db) == SQLITE_IOERR_DATA)
            return catalog_page_damaged(catalog, catalog_vfs_damaged(catalog->db), err);
        /* fall through */
    default:
        return err_set(err, EIO, "%s: %s", catalog->path, sqlite3_errmsg(catalog->db));
    }
}

int catalog_exec(struct catalog *catalog, const char *sql, struct err *err)
{
    int rc = sqlite3_exec(catalog->db, sql, NULL, NULL, NULL);

    return rc == SQLITE_OK ? 0 : catalog_fail(catalog, rc, err);
}

int catalog_prepare(struct catalog *catalog, enum catalog_query query, sqlite3_stmt **ret_statement,
                    struct err *err)
{
    sqlite3_stmt **s = &catalog->statements[query];

    if (!*s) {
        int rc = sqlite3_prepare_v3(catalog->db, catalog_sql[query], -1, SQLITE_PREPARE_PERSISTENT,
                                    s, NULL);

        if (rc != SQLITE_OK)
            return catalog_fail(catalog, rc, err);
    }
    *ret_statement = *s;
    return 0;
}

int catalog_finish(struct catalog *catalog, sqlite3_stmt *statement, int rc, struct err *err)
{
    int code = rc == SQLITE_DONE || rc == SQLITE_ROW ? 0 : catalog_fail(catalog, rc, err);

    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return code;
}

static int catalog_pragma(struct catalog *catalog, const char *sql, int *ret_value, struct err *err)
{
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(catalog->db, sql, -1, &s, NULL);
    int code = 0;

    if (rc == SQLITE_OK)
        rc = sqlite3_step(s);
    if (rc == SQLITE_ROW)
        *ret_value = sqlite3_column_int(s, 0);
    else
        code = catalog_fail(catalog, rc, err);
    sqlite3_finalize(s);
    return code;
}

static int catalog_check_version(struct catalog *catalog, struct err *err)
{
    int version = 0, code = catalog_pragma(catalog, "PRAGMA user_version", &version, err);

    if (code)
        return code;
    if (version > 1)
        return err_set(err, EPROTONOSUPPORT,
                       "%s: format version %d is newer than this dbsnapfs knows (1): upgrade it",
                       catalog->path, version);
    if (version < 1)
        return err_set(err, EBADMSG,
                       "%s: the catalog is not complete: make it again with `dbsnapfs repair`",
                       catalog->path);
    return 0;
}

/* Makes the tables in a file that has none yet: it is new, or who made it was cut off. */
static int catalog_create(struct catalog *catalog, struct err *err)
{
    int code = catalog_exec(catalog, "BEGIN IMMEDIATE", err);

    if (code == 0)
        code = catalog_exec(catalog, catalog_schema, err);
    if (code == 0)
        code = catalog_exec(catalog, "COMMIT", err);
    if (code == 0 && chmod(catalog->path, 0600) != 0)
        code = err_sys(err, errno, "%s", catalog->path);
    return code;
}

/* A reader opens the file for writing too, where it may: a transaction that was cut off can then
 * be undone. It writes nothing else. */
static int catalog_connect(struct catalog *catalog, bool read_only, bool create, struct err *err)
{
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READWRITE | (create ? SQLITE_OPEN_CREATE : 0);
    int pages = 0, code, rc = catalog_vfs_register();

    if (rc != SQLITE_OK)
        return err_set(err, ENOMEM, "SQLite cannot be started: %s", sqlite3_errstr(rc));
    rc = sqlite3_open_v2(catalog->path, &catalog->db, flags, CATALOG_VFS);
    if (rc == SQLITE_OK)
        rc = catalog_vfs_prepare(catalog->db);
    if (rc != SQLITE_OK)
        return catalog_fail(catalog, rc, err);
    sqlite3_busy_timeout(catalog->db, CATALOG_BUSY_MS);
    sqlite3_db_config(catalog->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(catalog->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    code = catalog_exec(catalog,
                        read_only ? "PRAGMA query_only = ON; PRAGMA temp_store = MEMORY"
                                  : "PRAGMA synchronous = EXTRA; PRAGMA temp_store = MEMORY",
                        err);
    if (code == 0)
        code = catalog_pragma(catalog, "PRAGMA page_count", &pages, err);
    if (code == 0 && pages == 0)
        code = create ? catalog_create(catalog, err)
                      : err_set(err, ENOENT, "%s: the catalog is empty", catalog->path);
    return code ? code : catalog_check_version(catalog, err);
}

/* One that is not connected yet; NULL: out of memory. */
static struct catalog *catalog_new(const char *path, struct err *err)
{
    struct catalog *catalog = calloc(1, sizeof(*catalog));

    if (catalog)
        catalog->path = strdup(path);
    if (!catalog || !catalog->path) {
        free(catalog);
        (void)err_set(err, ENOMEM, "%s: out of memory", path);
        return NULL;
    }
    pthread_mutex_init(&catalog->lock, NULL);
    return catalog;
}

int catalog_open_empty(struct catalog **ret_catalog, struct err *err)
{
    struct catalog *catalog = catalog_new(":memory:", err);
    int code = 0, rc;

    if (!catalog)
        return -ENOMEM;
    rc = sqlite3_open_v2(catalog->path, &catalog->db,
                         SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
    code = rc == SQLITE_OK ? catalog_exec(catalog, catalog_schema, err)
                           : catalog_fail(catalog, rc, err);
    if (code) {
        catalog_close(catalog);
        return code;
    }
    *ret_catalog = catalog;
    return 0;
}

int catalog_open(const char *path, bool read_only, bool create, struct catalog **ret_catalog,
                 struct err *err)
{
    struct catalog *catalog;
    int code;

    create = create && !read_only;
    if (!create && access(path, F_OK) != 0 && errno == ENOENT)
        return err_set(err, ENOENT, "%s: there is no catalog", path);
    catalog = catalog_new(path, err);
    if (!catalog)
        return -ENOMEM;
    code = catalog_connect(catalog, read_only, create, err);
    if (code) {
        catalog_close(catalog);
        return code;
    }
    *ret_catalog = catalog;
    return 0;
}

void catalog_close(struct catalog *catalog)
{
    if (!catalog)
        return;
    for (size_t i = 0; i < QUERY_COUNT; i++)
        sqlite3_finalize(catalog->statements[i]);
    sqlite3_close(catalog->db);
    pthread_mutex_destroy(&catalog->lock);
    free(catalog->path);
    free(catalog);
}

int catalog_identity(struct catalog *catalog, struct catalog_identity *ret_identity,
                     struct err *err)
{
    sqlite3_stmt *s = NULL;
    int code = 0;
    int rc;

    pthread_mutex_lock(&catalog->lock);
    rc = sqlite3_prepare_v2(catalog->db, "SELECT repo_id, seed FROM repository", -1, &s, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(s);
    if (rc == SQLITE_ROW && sqlite3_column_bytes(s, 0) == 16) {
        memcpy(ret_identity->repo_id, sqlite3_column_blob(s, 0), 16);
        ret_identity->seed = (uint64_t)sqlite3_column_int64(s, 1);
    } else if (rc == SQLITE_DONE) {
        code = -ENOENT;
    } else {
        code = catalog_fail(catalog, rc == SQLITE_ROW ? SQLITE_CORRUPT : rc, err);
    }
    sqlite3_finalize(s);
    pthread_mutex_unlock(&catalog->lock);
    return code;
}

int catalog_set_identity(struct catalog *catalog, const struct catalog_identity *identity,
                         struct err *err)
{
    sqlite3_stmt *s = NULL;
    int rc;

    pthread_mutex_lock(&catalog->lock);
    rc = sqlite3_prepare_v2(catalog->db, "INSERT INTO repository VALUES (1, ?1, ?2)", -1, &s, NULL);
    if (rc == SQLITE_OK) {
        sqlite3_bind_blob(s, 1, identity->repo_id, 16, SQLITE_STATIC);
        sqlite3_bind_int64(s, 2, (sqlite3_int64)identity->seed);
        rc = sqlite3_step(s);
    }
    rc = rc == SQLITE_DONE ? 0 : catalog_fail(catalog, rc, err);
    sqlite3_finalize(s);
    pthread_mutex_unlock(&catalog->lock);
    return rc;
}

static int catalog_check_shape(struct catalog *catalog, struct err *err)
{
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(catalog->db, "PRAGMA integrity_check(1)", -1, &s, NULL);
    int code = 0;

    if (rc == SQLITE_OK)
        rc = sqlite3_step(s);
    if (rc != SQLITE_ROW)
        code = catalog_fail(catalog, rc, err);
    else if (strcmp((const char *)sqlite3_column_text(s, 0), "ok") != 0)
        code = err_set(err, EBADMSG, "%s: %s", catalog->path, sqlite3_column_text(s, 0));
    sqlite3_finalize(s);
    return code;
}

int catalog_check(struct catalog *catalog, struct err *err)
{
    uint32_t page = 0;
    int code, rc;

    pthread_mutex_lock(&catalog->lock);
    sqlite3_db_release_memory(catalog->db); /* pages that are cached are to be read again */
    code = catalog_exec(catalog, "BEGIN", err);
    if (code == 0)
        code = catalog_check_shape(catalog, err);
    if (code == 0) {
        rc = catalog_vfs_scan(catalog->db, &page);
        if (rc != SQLITE_OK)
            code = catalog_fail(catalog, rc, err);
        else if (page)
            code = catalog_page_damaged(catalog, page, err);
    }
    if (!sqlite3_get_autocommit(catalog->db))
        sqlite3_exec(catalog->db, "ROLLBACK", NULL, NULL, NULL);
    pthread_mutex_unlock(&catalog->lock);
    return code;
}
