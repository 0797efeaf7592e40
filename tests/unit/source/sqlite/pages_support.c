/*
 * Images are kept in a repository and as files, which the oracle opens.
 */
#include "source/sqlite/pages_support.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/store/repo.h"
#include "dbsnapfs/store/snapshot.h"
#include "dbsnapfs/store/writer.h"
#include "source/sqlite/support.h"

static const char *const names[2] = {"before.db", "after.db"};

void two_states_begin(struct two_states *two)
{
    struct repo_options options = {.holder = "a test", .source = "a.db", .threads = 2};
    struct err err = ERR_INIT;

    memset(two, 0, sizeof(*two));
    options.compress = (struct codec_choice){CODEC_NONE, 0};
    ck_assert_msg(repo_open(folder_path("repo"), &options, &two->repo, &err) == 0, "%s", err.text);
}

void two_states_keep(struct two_states *two, int which)
{
    struct memory_sink sink;
    struct err err = ERR_INIT;

    memory_sink_init(&sink);
    ck_assert_msg(capture_database("a.db", &sink, &err) == 0, "%s", err.text);
    buf_clear(&two->images[which]);
    buf_add(&two->images[which], sink.image.data, sink.image.len);
    memory_sink_free(&sink);
    two_states_put(two, which);
}

static uint32_t image_page_size(const struct buf *image)
{
    const uint8_t *bytes = (const uint8_t *)image->data;
    uint32_t size = (uint32_t)bytes[16] << 8 | bytes[17];

    return size == 1 ? 65536 : size;
}

void two_states_put(struct two_states *two, int which)
{
    const struct buf *image = &two->images[which];
    struct backup_entry entry = {.source = strdup("a.db"), .settings = strdup("{}")};
    struct backup_writer *writer = NULL;
    struct err err = ERR_INIT;
    bool stored = false;

    ck_assert_int_eq(backup_writer_new(two->repo, image_page_size(image), false, &writer, &err), 0);
    ck_assert_int_eq(backup_writer_put(writer, 0, image->data, image->len, &err), 0);
    ck_assert_msg(backup_writer_commit(writer, image->len, false, &entry, &stored, &err) == 0, "%s",
                  err.text);
    snapshot_close(two->snapshots[which]);
    two->snapshots[which] = NULL;
    ck_assert_int_eq(snapshot_open(two->repo, entry.id, &two->snapshots[which], &err), 0);
    backup_entry_free(&entry);
    file_write(names[which], image->data, image->len);
}

void two_states_compare(struct two_states *two)
{
    static const char *const encodings[] = {"UTF-8", "UTF-8", "UTF-16le", "UTF-16be"};
    struct err err = ERR_INIT;
    char sql[300];

    page_comparison_free(two->comparison);
    two->comparison = NULL;
    ck_assert_msg(
        page_comparison_new(two->snapshots[0], two->snapshots[1], &two->comparison, &err) == 0,
        "%s", err.text);
    sqlite3_close(two->oracle);
    ck_assert_int_eq(sqlite3_open_v2(":memory:", &two->oracle,
                                     SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI,
                                     NULL),
                     SQLITE_OK);
    (void)snprintf(sql, sizeof sql, "PRAGMA encoding = '%s'",
                   encodings[two->images[1].data[59] & 3]);
    database_exec(two->oracle, sql);
    for (int i = 0; i < 2; i++) {
        (void)snprintf(sql, sizeof sql, "ATTACH 'file:%s?immutable=1' AS %s", folder_path(names[i]),
                       i ? "after" : "before");
        (void)sqlite3_exec(two->oracle, sql, NULL, NULL, NULL); /* fails if it is damaged */
    }
}

void two_states_end(struct two_states *two)
{
    sqlite3_close(two->oracle);
    page_comparison_free(two->comparison);
    for (int i = 0; i < 2; i++) {
        if (two->snapshots[i])
            snapshot_close(two->snapshots[i]);
        buf_free(&two->images[i]);
    }
    repo_close(two->repo);
}

uint64_t page_count(struct two_states *two, int which)
{
    return two->images[which].len / image_page_size(&two->images[which]);
}

uint32_t root_page(struct two_states *two, const char *state, const char *table)
{
    sqlite3_stmt *s = NULL;
    uint32_t root = 0;
    char sql[200];

    (void)snprintf(sql, sizeof sql, "SELECT rootpage FROM %s.sqlite_schema WHERE name = '%s'",
                   state, table);
    if (sqlite3_prepare_v2(two->oracle, sql, -1, &s, NULL) == SQLITE_OK &&
        sqlite3_step(s) == SQLITE_ROW)
        root = (uint32_t)sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return root;
}

void table_ranges_get(struct two_states *two, const char *table, struct table_ranges *ranges)
{
    struct err err = ERR_INIT;

    *ranges = (struct table_ranges){false, NULL, 0};
    ck_assert_msg(page_comparison_ranges(two->comparison, root_page(two, "before", table),
                                         root_page(two, "after", table), &ranges->whole,
                                         &ranges->items, &ranges->count, &err) == 0,
                  "%s", err.text);
    for (size_t i = 0; i < ranges->count; i++) {
        ck_assert(ranges->items[i].first <= ranges->items[i].last);
        ck_assert(i == 0 || ranges->items[i - 1].last < ranges->items[i].first);
    }
}

void table_ranges_free(struct table_ranges *ranges)
{
    free(ranges->items);
}

bool table_ranges_hold(const struct table_ranges *ranges, int64_t rowid)
{
    for (size_t i = 0; i < ranges->count; i++) {
        if (ranges->items[i].first <= rowid && rowid <= ranges->items[i].last)
            return true;
    }
    return ranges->whole;
}

int64_t assert_sound(struct two_states *two, const char *table)
{
    static const char *const query =
        "SELECT rowid FROM (SELECT rowid, * FROM after.%s EXCEPT SELECT rowid, * FROM before.%s)"
        " UNION SELECT rowid FROM (SELECT rowid, * FROM before.%s EXCEPT SELECT rowid, * FROM"
        " after.%s)";
    struct table_ranges ranges;
    sqlite3_stmt *s = NULL;
    int64_t differ = 0;
    char sql[400];

    table_ranges_get(two, table, &ranges);
    if (ranges.whole)
        return -1;
    (void)snprintf(sql, sizeof sql, query, table, table, table, table);
    if (sqlite3_prepare_v2(two->oracle, sql, -1, &s, NULL) == SQLITE_OK) {
        for (; sqlite3_step(s) == SQLITE_ROW; differ++)
            ck_assert_msg(table_ranges_hold(&ranges, sqlite3_column_int64(s, 0)),
                          "row %lld of %s differs", (long long)sqlite3_column_int64(s, 0), table);
    }
    sqlite3_finalize(s);
    table_ranges_free(&ranges);
    return differ;
}
