/*
 * What changes the catalog. A backup comes in one transaction; results of checks are noted one
 * by one.
 */
#include <errno.h>

#include "dbsnapfs/store/repo.h"
#include "dbsnapfs/util/clock.h"
#include "dbsnapfs/util/err.h"
#include "dbsnapfs/util/probe.h"
#include "store/catalog_internal.h"

static void catalog_bind_u64(sqlite3_stmt *s, int at, uint64_t value)
{
    sqlite3_bind_int64(s, at, (sqlite3_int64)value);
}

static void catalog_bind_text(sqlite3_stmt *s, int at, const char *text)
{
    sqlite3_bind_text(s, at, text ? text : "", -1, SQLITE_STATIC);
}

static int catalog_add_entry(struct catalog *catalog, const struct backup_entry *e, struct err *err)
{
    sqlite3_stmt *s = NULL;
    char time[CLOCK_TEXT_BYTES];
    int code = catalog_prepare(catalog, QUERY_ADD_ENTRY, &s, err);

    if (code)
        return code;
    clock_sql(e->started_ns, time);
    catalog_bind_u64(s, 1, e->id);
    catalog_bind_text(s, 2, time);
    catalog_bind_text(s, 3, e->name);
    sqlite3_bind_int64(s, 4, e->started_ns);
    sqlite3_bind_int64(s, 5, e->finished_ns);
    sqlite3_bind_int64(s, 6, e->page_size);
    sqlite3_bind_int64(s, 7, e->block_size);
    catalog_bind_u64(s, 8, e->image_bytes);
    catalog_bind_u64(s, 9, e->block_count);
    catalog_bind_u64(s, 10, e->changed_blocks);
    catalog_bind_u64(s, 11, e->delta_blocks);
    catalog_bind_u64(s, 12, e->stored_bytes);
    sqlite3_bind_blob(s, 13, e->digest, sizeof(e->digest), SQLITE_STATIC);
    catalog_bind_text(s, 14, e->note);
    catalog_bind_text(s, 15, e->source);
    catalog_bind_text(s, 16, e->settings);
    return catalog_finish(catalog, s, sqlite3_step(s), err);
}

static int catalog_add_segment(struct catalog *catalog, const struct catalog_segment *segment,
                               struct err *err)
{
    sqlite3_stmt *s = NULL;
    int code = catalog_prepare(catalog, QUERY_ADD_SEGMENT, &s, err);

    if (code)
        return code;
    catalog_bind_u64(s, 1, segment->id);
    catalog_bind_u64(s, 2, segment->first_frame);
    catalog_bind_u64(s, 3, segment->frame_count);
    catalog_bind_u64(s, 4, segment->index_offset);
    catalog_bind_u64(s, 5, segment->bytes);
    return catalog_finish(catalog, s, sqlite3_step(s), err);
}

static int catalog_add_maps(struct catalog *catalog, uint64_t id, const struct catalog_map *maps,
                            size_t count, struct err *err)
{
    sqlite3_stmt *s = NULL;
    int code = catalog_prepare(catalog, QUERY_ADD_MAP, &s, err);

    for (size_t i = 0; i < count && code == 0; i++) {
        catalog_bind_u64(s, 1, maps[i].shard);
        catalog_bind_u64(s, 2, id);
        catalog_bind_u64(s, 3, maps[i].kind);
        catalog_bind_u64(s, 4, maps[i].offset);
        code = catalog_finish(catalog, s, sqlite3_step(s), err);
    }
    return code;
}

int catalog_add(struct catalog *catalog, const struct backup_entry *entry,
                const struct catalog_segment *segment, const struct catalog_map *maps,
                size_t map_count, struct err *err)
{
    int code;

    pthread_mutex_lock(&catalog->lock);
    code = catalog_exec(catalog, "BEGIN IMMEDIATE", err);
    if (code)
        goto out;
    code = catalog_add_entry(catalog, entry, err);
    if (code == 0)
        code = catalog_add_segment(catalog, segment, err);
    if (code == 0)
        code = catalog_add_maps(catalog, entry->id, maps, map_count, err);
    if (code == 0 && (code = probe_hit("catalog-commit")) != 0)
        err_sys(err, -code, "%s", catalog->path);
    if (code == 0)
        code = catalog_exec(catalog, "COMMIT", err);
    if (code == 0 && (code = probe_hit("catalog-committed")) != 0)
        err_sys(err, -code, "%s", catalog->path); /* as when the last sync fails */
    if (code && !sqlite3_get_autocommit(catalog->db))
        sqlite3_exec(catalog->db, "ROLLBACK", NULL, NULL, NULL);
out:
    pthread_mutex_unlock(&catalog->lock);
    return code;
}

int catalog_note_check(struct catalog *catalog, uint64_t id, int64_t time_ns, const char *result,
                       struct err *err)
{
    sqlite3_stmt *s = NULL;
    int code;

    pthread_mutex_lock(&catalog->lock);
    code = catalog_prepare(catalog, QUERY_NOTE_CHECK, &s, err);
    if (code == 0) {
        catalog_bind_u64(s, 1, id);
        sqlite3_bind_int64(s, 2, time_ns);
        catalog_bind_text(s, 3, result);
        code = catalog_finish(catalog, s, sqlite3_step(s), err);
    }
    pthread_mutex_unlock(&catalog->lock);
    return code;
}

int catalog_note_sha256(struct catalog *catalog, uint64_t id, const char *hex, struct err *err)
{
    sqlite3_stmt *s = NULL;
    int code;

    pthread_mutex_lock(&catalog->lock);
    code = catalog_prepare(catalog, QUERY_NOTE_SHA256, &s, err);
    if (code == 0) {
        catalog_bind_u64(s, 1, id);
        catalog_bind_text(s, 2, hex);
        code = catalog_finish(catalog, s, sqlite3_step(s), err);
    }
    pthread_mutex_unlock(&catalog->lock);
    return code;
}
