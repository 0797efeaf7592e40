/*
 * What reads the catalog. Callbacks of catalog_list() run without the lock, on entries that were
 * read 64 at a time, so that they may use the catalog themselves.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/store/repo.h"
#include "dbsnapfs/util/err.h"
#include "store/catalog_internal.h"
#include "store/repo_internal.h"

static uint64_t catalog_u64(sqlite3_stmt *s, int at)
{
    return (uint64_t)sqlite3_column_int64(s, at);
}

static char *catalog_text(sqlite3_stmt *s, int at)
{
    const unsigned char *text = sqlite3_column_text(s, at);

    return strdup(text ? (const char *)text : "");
}

/* The entry that the statement stands on. */
static int catalog_read_entry(struct catalog *catalog, sqlite3_stmt *s,
                              struct backup_entry *ret_entry, struct err *err)
{
    struct backup_entry e = {
        .id = catalog_u64(s, 0),
        .started_ns = sqlite3_column_int64(s, 2),
        .finished_ns = sqlite3_column_int64(s, 3),
        .page_size = (uint32_t)sqlite3_column_int64(s, 4),
        .block_size = (uint32_t)sqlite3_column_int64(s, 5),
        .image_bytes = catalog_u64(s, 6),
        .block_count = catalog_u64(s, 7),
        .changed_blocks = catalog_u64(s, 8),
        .delta_blocks = catalog_u64(s, 9),
        .stored_bytes = catalog_u64(s, 10),
        .note = catalog_text(s, 12),
        .source = catalog_text(s, 13),
        .settings = catalog_text(s, 14),
        .checked_ns = sqlite3_column_int64(s, 15),
        .check_result = catalog_text(s, 16),
    };
    const unsigned char *name = sqlite3_column_text(s, 1), *sha256 = sqlite3_column_text(s, 17);
    int code;

    snprintf(e.name, sizeof(e.name), "%s", name ? (const char *)name : "");
    snprintf(e.sha256, sizeof(e.sha256), "%s", sha256 ? (const char *)sha256 : "");
    if (sqlite3_column_bytes(s, 11) == sizeof(e.digest))
        memcpy(e.digest, sqlite3_column_blob(s, 11), sizeof(e.digest));
    if (e.note && e.source && e.settings && e.check_result && backup_entry_makes_sense(&e)) {
        *ret_entry = e;
        return 0;
    }
    if (backup_entry_makes_sense(&e))
        code = err_set(err, ENOMEM, "%s: out of memory", catalog->path);
    else
        code = err_set(err, EBADMSG,
                       "%s: the row of backup %llu makes no sense: make the catalog again with "
                       "`dbsnapfs repair`",
                       catalog->path, (unsigned long long)e.id);
    backup_entry_free(&e);
    return code;
}

/* The entry that a query with one parameter, or none, finds. */
static int catalog_find_by(struct catalog *catalog, enum catalog_query query, const char *name,
                           uint64_t id, struct backup_entry *ret_entry, struct err *err)
{
    sqlite3_stmt *s = NULL;
    int code, rc;

    pthread_mutex_lock(&catalog->lock);
    code = catalog_prepare(catalog, query, &s, err);
    if (code)
        goto out;
    if (name)
        sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
    else if (id)
        sqlite3_bind_int64(s, 1, (sqlite3_int64)id);
    rc = sqlite3_step(s);
    if (rc == SQLITE_ROW)
        code = catalog_read_entry(catalog, s, ret_entry, err);
    if (code == 0)
        code = catalog_finish(catalog, s, rc, err);
    else
        catalog_finish(catalog, s, rc, NULL);
    if (code == 0 && rc == SQLITE_DONE)
        code = -ENOENT;
out:
    pthread_mutex_unlock(&catalog->lock);
    return code;
}

int catalog_find(struct catalog *catalog, const char *name, uint64_t id,
                 struct backup_entry *ret_entry, struct err *err)
{
    enum catalog_query query = name ? QUERY_FIND_NAME : id ? QUERY_FIND_ID : QUERY_NEWEST;

    return catalog_find_by(catalog, query, name, id, ret_entry, err);
}

int catalog_before(struct catalog *catalog, uint64_t id, struct backup_entry *ret_entry,
                   struct err *err)
{
    return catalog_find_by(catalog, QUERY_BEFORE, NULL, id, ret_entry, err);
}

/* Up to 64 entries behind `after`, so that the callback runs without the lock. */
static int catalog_list_some(struct catalog *catalog, uint64_t after, struct backup_entry *entries,
                             size_t *ret_count, struct err *err)
{
    sqlite3_stmt *s = NULL;
    size_t count = 0;
    int rc, code;

    pthread_mutex_lock(&catalog->lock);
    code = catalog_prepare(catalog, QUERY_LIST, &s, err);
    if (code == 0) {
        sqlite3_bind_int64(s, 1, (sqlite3_int64)after);
        while (code == 0 && (rc = sqlite3_step(s)) == SQLITE_ROW) {
            code = catalog_read_entry(catalog, s, &entries[count], err);
            count += code == 0;
        }
        rc = catalog_finish(catalog, s, rc, code ? NULL : err);
        code = code ? code : rc;
    }
    pthread_mutex_unlock(&catalog->lock);
    *ret_count = count;
    return code;
}

int catalog_list(struct catalog *catalog, uint64_t after,
                 int (*each)(void *arg, const struct backup_entry *entry), void *arg,
                 struct err *err)
{
    struct backup_entry entries[64];
    size_t count;
    int code;

    do {
        code = catalog_list_some(catalog, after, entries, &count, err);
        for (size_t i = 0; i < count; i++) {
            if (code == 0)
                code = each(arg, &entries[i]);
            after = entries[i].id;
            backup_entry_free(&entries[i]);
        }
    } while (code == 0 && count == 64);
    return code;
}

int catalog_totals(struct catalog *catalog, struct repo_totals *ret_totals, struct err *err)
{
    sqlite3_stmt *s = NULL;
    int code, rc;

    pthread_mutex_lock(&catalog->lock);
    code = catalog_prepare(catalog, QUERY_TOTALS, &s, err);
    if (code == 0) {
        rc = sqlite3_step(s);
        if (rc == SQLITE_ROW)
            *ret_totals =
                (struct repo_totals){catalog_u64(s, 0), catalog_u64(s, 1), catalog_u64(s, 2),
                                     catalog_u64(s, 3), sqlite3_column_int64(s, 4)};
        code = catalog_finish(catalog, s, rc, err);
    }
    pthread_mutex_unlock(&catalog->lock);
    return code;
}

int catalog_segments(struct catalog *catalog,
                     int (*each)(void *arg, const struct catalog_segment *segment), void *arg,
                     struct err *err)
{
    sqlite3_stmt *s = NULL;
    int code, rc;

    pthread_mutex_lock(&catalog->lock);
    code = catalog_prepare(catalog, QUERY_SEGMENTS, &s, err);
    if (code == 0) {
        while (code == 0 && (rc = sqlite3_step(s)) == SQLITE_ROW) {
            struct catalog_segment segment = {catalog_u64(s, 0), catalog_u64(s, 1),
                                              catalog_u64(s, 2), catalog_u64(s, 3),
                                              catalog_u64(s, 4)};

            code = each(arg, &segment);
        }
        rc = catalog_finish(catalog, s, rc, code ? NULL : err);
        code = code ? code : rc;
    }
    pthread_mutex_unlock(&catalog->lock);
    return code;
}

int catalog_map_chain(struct catalog *catalog, uint64_t id, uint32_t shard,
                      struct catalog_map_place *places, size_t max, size_t *ret_count,
                      struct err *err)
{
    sqlite3_stmt *s = NULL;
    size_t count = 0;
    bool full = false;
    int code, rc = SQLITE_DONE;

    pthread_mutex_lock(&catalog->lock);
    code = catalog_prepare(catalog, QUERY_CHAIN, &s, err);
    if (code)
        goto out;
    sqlite3_bind_int64(s, 1, shard);
    sqlite3_bind_int64(s, 2, (sqlite3_int64)id);
    while (!full && (rc = sqlite3_step(s)) == SQLITE_ROW && count < max) {
        places[count] = (struct catalog_map_place){
            catalog_u64(s, 0), (uint32_t)sqlite3_column_int64(s, 1), catalog_u64(s, 2)};
        full = places[count++].kind != 0;
    }
    code = catalog_finish(catalog, s, rc, err);
    if (code == 0 && !full && count)
        code =
            err_set(err, EBADMSG, "%s: the map of shard %u has no beginning", catalog->path, shard);
    *ret_count = count;
out:
    pthread_mutex_unlock(&catalog->lock);
    return code;
}
