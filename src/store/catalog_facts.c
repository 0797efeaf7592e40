/*
 * Facts in the catalog. Their table came later than the others and is derived, so a catalog without
 * it is whole: for a reader nothing is known there, and a writer makes it when there is something to
 * note. Opening a repository thereby writes nothing, and works on a full disk.
 */
#include <errno.h>

#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"
#include "store/catalog_internal.h"
#include "store/catalog_schema.h"

/* 0, or -ENOENT where there is no table of facts. The lock is held. */
static int facts_exist(struct catalog *catalog, struct err *err)
{
    sqlite3_stmt *s = NULL;
    int code, rc;

    if (catalog->statements[QUERY_FIND_FACT])
        return 0;
    code = catalog_prepare(catalog, QUERY_HAS_FACTS, &s, err);
    if (code)
        return code;
    rc = sqlite3_step(s);
    code = catalog_finish(catalog, s, rc, err);
    return code == 0 && rc == SQLITE_DONE ? -ENOENT : code;
}

int catalog_note_fact(struct catalog *catalog, uint64_t id, const char *kind, const void *bytes,
                      size_t len, struct err *err)
{
    sqlite3_stmt *s = NULL;
    int code = 0;

    pthread_mutex_lock(&catalog->lock);
    if (!catalog->statements[QUERY_NOTE_FACT])
        code = catalog_exec(catalog, catalog_facts, err);
    if (code == 0)
        code = catalog_prepare(catalog, QUERY_NOTE_FACT, &s, err);
    if (code == 0) {
        sqlite3_bind_int64(s, 1, (sqlite3_int64)id);
        sqlite3_bind_text(s, 2, kind, -1, SQLITE_STATIC);
        sqlite3_bind_blob64(s, 3, len > 0 ? bytes : "", len, SQLITE_STATIC);
        code = catalog_finish(catalog, s, sqlite3_step(s), err);
    }
    pthread_mutex_unlock(&catalog->lock);
    return code;
}

int catalog_find_fact(struct catalog *catalog, uint64_t id, const char *kind, struct buf *out,
                      struct err *err)
{
    sqlite3_stmt *s = NULL;
    int code, rc;

    pthread_mutex_lock(&catalog->lock);
    code = facts_exist(catalog, err);
    if (code == 0)
        code = catalog_prepare(catalog, QUERY_FIND_FACT, &s, err);
    if (code)
        goto out;
    sqlite3_bind_int64(s, 1, (sqlite3_int64)id);
    sqlite3_bind_text(s, 2, kind, -1, SQLITE_STATIC);
    rc = sqlite3_step(s);
    if (rc == SQLITE_ROW) {
        const void *value = sqlite3_column_blob(s, 0);

        buf_add(out, value ? value : "", (size_t)sqlite3_column_bytes(s, 0));
    }
    code = catalog_finish(catalog, s, rc, err);
    if (code == 0 && rc == SQLITE_DONE)
        code = -ENOENT;
    if (code == 0 && buf_error(out))
        code = err_set(err, ENOMEM, "%s: out of memory", catalog->path);
out:
    pthread_mutex_unlock(&catalog->lock);
    return code;
}
