/*
 * Opening a database the two ways, and rows as short texts.
 */
#include "source/sqlite/opened_support.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/source/source.h"
#include "dbsnapfs/store/repo.h"
#include "dbsnapfs/store/snapshot.h"
#include "dbsnapfs/store/writer.h"
#include "source/sqlite/database.h"
#include "source/sqlite/support.h"

static void store(struct opened *opened, const struct memory_sink *sink)
{
    struct repo_options options = {.holder = "a test", .source = "a.db", .threads = 2};
    struct backup_entry entry = {.source = strdup("a.db"), .settings = strdup("{}")};
    struct backup_writer *writer = NULL;
    struct err err = ERR_INIT;
    bool stored = false;

    ck_assert_msg(repo_open(folder_path("repo"), &options, &opened->repo, &err) == 0, "%s",
                  err.text);
    ck_assert_int_eq(backup_writer_new(opened->repo, sink->info.page_size, false, &writer, &err),
                     0);
    ck_assert_int_eq(backup_writer_put(writer, 0, sink->image.data, sink->image.len, &err), 0);
    ck_assert_msg(backup_writer_commit(writer, sink->image.len, false, &entry, &stored, &err) == 0,
                  "%s", err.text);
    ck_assert_int_eq(snapshot_open(opened->repo, entry.id, &opened->snapshot, &err), 0);
    backup_entry_free(&entry);
}

void opened_begin(struct opened *opened, bool backup)
{
    struct memory_sink sink;
    struct err err = ERR_INIT;

    *opened = (struct opened){NULL, NULL, NULL, NULL, NULL};
    if (backup) {
        memory_sink_init(&sink);
        ck_assert_int_eq(capture_database("a.db", &sink, &err), 0);
        store(opened, &sink);
        memory_sink_free(&sink);
        ck_assert_msg(database_open_snapshot(opened->snapshot, &opened->database, &err) == 0, "%s",
                      err.text);
    } else {
        ck_assert_int_eq(source_new(folder_path("a.db"), &opened->source, &err), 0);
        ck_assert_msg(database_open(opened->source, &opened->database, &err) == 0, "%s", err.text);
    }
    ck_assert_msg(database_begin(opened->database, &err) == 0, "%s", err.text);
    ck_assert_msg(database_schema(opened->database, &opened->schema, &err) == 0, "%s", err.text);
}

void opened_end(struct opened *opened)
{
    database_end(opened->database);
    database_close(opened->database);
    if (opened->snapshot)
        snapshot_close(opened->snapshot);
    if (opened->repo)
        repo_close(opened->repo);
    source_free(opened->source);
}

const struct relation *opened_find(const struct opened *opened, const char *name)
{
    const struct relation *relation = schema_find(opened->schema, name);

    ck_assert_msg(relation != NULL, "%s is not there", name);
    ck_assert_int_eq(database_resolve(opened->database, relation, NULL), 0);
    return relation;
}

static void add_value(const struct value *value, struct buf *out)
{
    switch (value->kind) {
    case VALUE_NULL:
        buf_add_text(out, "NULL");
        break;
    case VALUE_INTEGER:
        buf_addf(out, "%lld", (long long)value->integer);
        break;
    case VALUE_REAL:
        buf_addf(out, "%.17g", value->real);
        break;
    default:
        buf_add_text(out, value->kind == VALUE_BLOB ? "x'" : "'");
        buf_add(out, value->bytes, value->len);
        buf_add_text(out, "'");
    }
}

const char *opened_rows(const struct opened *opened, const struct selection *selection)
{
    static struct buf out;
    const struct relation *relation = selection->relation;
    size_t count = selection->what == SELECT_KEYS ? relation->key_count : relation->column_count;
    struct cursor *cursor = NULL;
    struct err err = ERR_INIT;
    int r;

    buf_clear(&out);
    ck_assert_msg(cursor_open(opened->database, selection, &cursor, &err) == 0, "%s", err.text);
    while ((r = cursor_next(cursor, &err)) > 0) {
        buf_add_text(&out, "(");
        for (size_t i = 0; i < count; i++) {
            struct value value;

            cursor_value(cursor, i, &value);
            buf_add_text(&out, i > 0 ? "|" : "");
            add_value(&value, &out);
        }
        buf_add_text(&out, ")");
    }
    ck_assert_msg(r == 0, "%s", err.text);
    cursor_close(cursor);
    return buf_text(&out);
}

struct cursor *opened_first_row(const struct opened *opened, const struct selection *selection)
{
    struct cursor *cursor = NULL;
    struct err err = ERR_INIT;

    ck_assert_msg(cursor_open(opened->database, selection, &cursor, &err) == 0, "%s", err.text);
    ck_assert_msg(cursor_next(cursor, &err) == 1, "%s", err.text);
    return cursor;
}

int opened_pages_read(const struct opened *opened)
{
    int count = 0, high;

    sqlite3_db_status(database_handle(opened->database), SQLITE_DBSTATUS_CACHE_MISS, &count, &high,
                      0);
    return count;
}
