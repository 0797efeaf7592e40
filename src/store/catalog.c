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

#include "dbsnapfs/util/err.h"
#include "store/catalog_schema.h"

#define CATALOG_BUSY_MS 10000

#define ENTRY_COLUMNS                                                                          \
    "id, name, started_ns, finished_ns, page_size, block_size, image_bytes, block_count, "     \
    "changed_blocks, delta_blocks, stored_bytes, digest, note, source, settings, checked_ns, " \
    "check_result, sha256"

static const char *const catalog_sql[QUERY_COUNT] = {
    [QUERY_FIND_NAME] = "SELECT " ENTRY_COLUMNS " FROM backup_entries WHERE name = ?1",
    [QUERY_FIND_ID] = "SELECT " ENTRY_COLUMNS " FROM backup_entries WHERE id = ?1",
    [QUERY_NEWEST] = "SELECT " ENTRY_COLUMNS " FROM backup_entries ORDER BY id DESC LIMIT 1",
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
};

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

static int catalog_check_version(struct catalog *catalog, struct err *err)
{
    sqlite3_stmt *s = NULL;
    int version = 0;
    int rc = sqlite3_prepare_v2(catalog->db, "PRAGMA user_version", -1, &s, NULL);

    if (rc == SQLITE_OK) {
        rc = sqlite3_step(s);
        version = sqlite3_column_int(s, 0);
    }
    sqlite3_finalize(s);
    if (rc != SQLITE_ROW)
        return catalog_fail(catalog, rc, err);
    if (version > 1)
        return err_set(err, EPROTONOSUPPORT,
                       "%s: format version %d is newer than this dbsnapfs knows (1): upgrade it",
                       catalog->path, version);
    if (version == 0)
        return err_set(err, EBADMSG,
                       "%s: the catalog is not complete: make it again with `dbsnapfs repair`",
                       catalog->path);
    return 0;
}

static int catalog_connect(struct catalog *catalog, bool read_only, bool fresh, struct err *err)
{
    int flags = SQLITE_OPEN_NOMUTEX | (read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE);
    int rc, code;

    rc = sqlite3_open_v2(catalog->path, &catalog->db, flags | (fresh ? SQLITE_OPEN_CREATE : 0),
                         NULL);
    if (rc != SQLITE_OK)
        return catalog_fail(catalog, rc, err);
    sqlite3_busy_timeout(catalog->db, CATALOG_BUSY_MS);
    sqlite3_db_config(catalog->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(catalog->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    code = catalog_exec(catalog, "PRAGMA synchronous = EXTRA; PRAGMA temp_store = MEMORY", err);
    if (code == 0 && fresh) {
        code = catalog_exec(catalog, "BEGIN IMMEDIATE", err);
        if (code == 0)
            code = catalog_exec(catalog, catalog_schema, err);
        if (code == 0)
            code = catalog_exec(catalog, "COMMIT", err);
    }
    return code ? code : catalog_check_version(catalog, err);
}

int catalog_open(const char *path, bool read_only, bool create, struct catalog **ret_catalog,
                 struct err *err)
{
    struct catalog *catalog;
    struct stat st;
    bool missing = stat(path, &st) != 0 && errno == ENOENT;
    bool fresh = !read_only && create && (missing || st.st_size == 0);
    int code;

    if (missing && !fresh)
        return err_set(err, ENOENT, "%s: there is no catalog", path);
    catalog = calloc(1, sizeof(*catalog));
    if (catalog)
        catalog->path = strdup(path);
    if (!catalog || !catalog->path) {
        free(catalog);
        return err_set(err, ENOMEM, "%s: out of memory", path);
    }
    pthread_mutex_init(&catalog->lock, NULL);
    code = catalog_connect(catalog, read_only, fresh, err);
    if (code == 0 && fresh && chmod(path, 0600) != 0)
        code = err_sys(err, errno, "%s", path);
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

int catalog_check(struct catalog *catalog, struct err *err)
{
    sqlite3_stmt *s = NULL;
    int code = 0, rc;

    pthread_mutex_lock(&catalog->lock);
    rc = sqlite3_prepare_v2(catalog->db, "PRAGMA integrity_check(1)", -1, &s, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(s);
    if (rc != SQLITE_ROW)
        code = catalog_fail(catalog, rc, err);
    else if (strcmp((const char *)sqlite3_column_text(s, 0), "ok") != 0)
        code = err_set(err, EBADMSG, "%s: %s", catalog->path, sqlite3_column_text(s, 0));
    sqlite3_finalize(s);
    pthread_mutex_unlock(&catalog->lock);
    return code;
}
