/*
 * A BLOB in pieces, by SQLite's incremental I/O: https://www.sqlite.org/c3ref/blob_open.html.
 *
 * Its pages follow each other in the file more often than not, so a live one is read like a scan.
 */
#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>

#include "dbsnapfs/source/database.h"
#include "dbsnapfs/source/schema.h"
#include "dbsnapfs/util/err.h"
#include "source/sqlite/cursor.h"
#include "source/sqlite/database.h"

struct blob {
    struct database *database;
    sqlite3_blob *handle;
};

int cursor_blob_open(struct cursor *cursor, size_t column, struct blob **ret_blob, struct err *err)
{
    const struct relation *relation = cursor_relation(cursor);
    struct database *database = cursor_database(cursor);
    struct blob *blob;
    int rc;

    if (!cursor_has_pieces(relation, column))
        return err_set(err, ENOTSUP, "%s.%s: cannot be read in pieces", relation->name,
                       relation->columns[column].name);
    blob = calloc(1, sizeof(*blob));
    if (!blob)
        return err_set(err, ENOMEM, "%s: out of memory", relation->name);
    blob->database = database;
    database_scan_begin(database);
    rc = sqlite3_blob_open(database_handle(database), "main", relation->name,
                           relation->columns[column].name, cursor_rowid(cursor), 0, &blob->handle);
    if (rc != SQLITE_OK) {
        int r = database_fail(database, rc, err);

        blob_close(blob);
        return r;
    }
    *ret_blob = blob;
    return 0;
}

int blob_read(struct blob *blob, uint64_t offset, void *bytes, size_t len, struct err *err)
{
    int rc;

    if (offset > blob_len(blob) || len > blob_len(blob) - offset)
        return err_set(err, EINVAL, "a BLOB is read behind its end");
    /* SQLite asks nobody while it reads one. */
    rc = database_expired(blob->database)
             ? SQLITE_INTERRUPT
             : sqlite3_blob_read(blob->handle, bytes, (int)len, (int)offset);
    return rc == SQLITE_OK ? 0 : database_fail(blob->database, rc, err);
}

uint64_t blob_len(const struct blob *blob)
{
    return (uint64_t)sqlite3_blob_bytes(blob->handle);
}

void blob_close(struct blob *blob)
{
    if (!blob)
        return;
    (void)sqlite3_blob_close(blob->handle);
    database_scan_end(blob->database);
    free(blob);
}
