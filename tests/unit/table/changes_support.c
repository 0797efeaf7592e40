/*
 * Patches are run by SQLite on files, and states compared as texts of all that is in them.
 */
#include "table/changes_support.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/source/schema.h"
#include "dbsnapfs/util/err.h"
#include "source/sqlite/support.h"

void changed_open(struct changed *changed, bool pages)
{
    struct change_side sides[2];
    struct err err = ERR_INIT;

    for (int i = 0; i < 2; i++) {
        ck_assert_msg(
            database_open_snapshot(changed->two.snapshots[i], &changed->databases[i], &err) == 0,
            "%s", err.text);
        ck_assert_msg(database_begin(changed->databases[i], &err) == 0, "%s", err.text);
        sides[i] =
            (struct change_side){changed->databases[i], pages ? changed->two.snapshots[i] : NULL};
    }
    ck_assert_msg(changes_new(&sides[0], &sides[1], &changed->changes, &err) == 0, "%s", err.text);
}

void changed_begin(struct changed *changed, const char *before, const char *after, bool pages)
{
    memset(changed, 0, sizeof(*changed));
    two_states_begin(&changed->two);
    database_make("a.db", before);
    two_states_keep(&changed->two, 0);
    database_make("a.db", after);
    two_states_keep(&changed->two, 1);
    changed_open(changed, pages);
}

void changed_end(struct changed *changed)
{
    changes_free(changed->changes);
    for (int i = 0; i < 2; i++) {
        database_end(changed->databases[i]);
        database_close(changed->databases[i]);
    }
    two_states_end(&changed->two);
}

static int add_name(void *arg, const char *name, struct err *err)
{
    (void)err;
    buf_addf(arg, "%s ", name);
    return 0;
}

const char *changed_candidates(const struct changed *changed)
{
    static struct buf names;
    struct err err = ERR_INIT;

    buf_clear(&names);
    buf_add_text(&names, "");
    ck_assert_msg(changes_candidates(changed->changes, add_name, &names, &err) == 0, "%s",
                  err.text);
    return buf_text(&names);
}

static int add_piece(void *arg, const void *bytes, size_t len, struct err *err)
{
    (void)err;
    ck_assert_uint_gt(len, 0);
    buf_add(arg, bytes, len);
    return 0;
}

struct change_counts changed_table(const struct changed *changed, const char *table,
                                   struct buf *ret_csv, struct buf *ret_sql)
{
    struct change_counts counts, alone;
    struct buf csv = BUF_INIT, sql = BUF_INIT;
    struct err err = ERR_INIT;

    memset(&counts, 0, sizeof(counts));
    memset(&alone, 0, sizeof(alone));
    ck_assert_msg(changes_table(changed->changes, table, add_piece, &csv, add_piece, &sql, &counts,
                                &err) == 0,
                  "%s", err.text);
    ck_assert_int_eq(changes_table(changed->changes, table, NULL, NULL, NULL, NULL, &alone, NULL),
                     0);
    ck_assert_mem_eq(&counts, &alone, sizeof(counts));
    ck_assert_uint_eq(counts.csv_bytes, csv.len);
    ck_assert_uint_eq(counts.sql_bytes, sql.len);
    if (ret_csv)
        buf_add(ret_csv, csv.data, csv.len);
    if (ret_sql)
        buf_add(ret_sql, sql.data, sql.len);
    buf_free(&csv);
    buf_free(&sql);
    return counts;
}

const char *changed_rows(const struct changed *changed, const char *table)
{
    static struct buf rows;
    struct buf csv = BUF_INIT;
    const char *line;

    buf_clear(&rows);
    buf_add_text(&rows, "");
    (void)changed_table(changed, table, &csv, NULL);
    for (line = strstr(buf_text(&csv), "\r\n") + 2; *line;) {
        const char *end = strstr(line, "\r\n");

        ck_assert_ptr_nonnull(end);
        buf_add(&rows, line, (size_t)(end - line));
        buf_add_char(&rows, '|');
        line = end + 2;
    }
    buf_free(&csv);
    return buf_text(&rows);
}

/* ---- states as texts ---- */

/* Every value with its kind, in the order in which rows lie. */
static void add_rows(sqlite3 *db, const char *sql, struct buf *out)
{
    sqlite3_stmt *stmt = NULL;

    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
        buf_add_text(out, "unreadable");
    while (stmt && sqlite3_step(stmt) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(stmt); i++) {
            buf_addf(out, "%d:", sqlite3_column_type(stmt, i));
            buf_add(out, sqlite3_column_blob(stmt, i), (size_t)sqlite3_column_bytes(stmt, i));
            buf_add_char(out, ',');
        }
        buf_add_char(out, '\n');
    }
    sqlite3_finalize(stmt);
}

static void add_table(sqlite3 *db, const char *name, struct buf *out)
{
    static const char *const forms[] = {"SELECT rowid, * FROM \"%w\" NOT INDEXED",
                                        "SELECT * FROM \"%w\" NOT INDEXED"};
    sqlite3_stmt *stmt = NULL;
    char *sql = NULL;

    buf_addf(out, "\n%s\n", name);
    for (int i = 0; i < 2 && !stmt; i++) {
        sqlite3_free(sql);
        sql = sqlite3_mprintf(forms[i], name);
        (void)sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
    }
    sqlite3_finalize(stmt);
    add_rows(db, sql, out);
    sqlite3_free(sql);
}

/* Its schema, what SQLite keeps, and all tables. */
static void describe(const char *file, struct buf *out)
{
    sqlite3 *db = shell_open(file);
    sqlite3_stmt *stmt = NULL;

    add_rows(db,
             "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite%'"
             " ORDER BY type, name",
             out);
    if (sqlite3_table_column_metadata(db, NULL, "sqlite_sequence", NULL, NULL, NULL, NULL, NULL,
                                      NULL) == SQLITE_OK)
        add_rows(db, "SELECT name, seq FROM sqlite_sequence ORDER BY name", out);
    if (sqlite3_table_column_metadata(db, NULL, "sqlite_stat1", NULL, NULL, NULL, NULL, NULL,
                                      NULL) == SQLITE_OK)
        add_rows(db, "SELECT tbl, idx, stat FROM sqlite_stat1 ORDER BY tbl, idx", out);
    ck_assert_int_eq(sqlite3_prepare_v2(db,
                                        "SELECT name FROM sqlite_schema WHERE type = 'table' AND"
                                        " name NOT LIKE 'sqlite%' ORDER BY name",
                                        -1, &stmt, NULL),
                     SQLITE_OK);
    while (sqlite3_step(stmt) == SQLITE_ROW)
        add_table(db, (const char *)sqlite3_column_text(stmt, 0), out);
    sqlite3_finalize(stmt);
    buf_addf(out, "\nsound: %lld\n",
             (long long)database_int(db, "SELECT count(*) FROM pragma_integrity_check WHERE"
                                         " integrity_check <> 'ok' AND integrity_check NOT LIKE"
                                         " 'CHECK constraint%'"));
    sqlite3_close(db);
}

struct names {
    char *items[64];
    size_t count;
};

static int take_name(void *arg, const char *name, struct err *err)
{
    struct names *names = arg;

    (void)err;
    ck_assert_uint_lt(names->count, 64);
    names->items[names->count++] = strdup(name);
    return 0;
}

static void patch(const struct changed *changed, const struct names *names, bool backwards)
{
    sqlite3 *db;

    file_write("patched.db", changed->two.images[0].data, changed->two.images[0].len);
    db = shell_open("patched.db");
    for (size_t i = 0; i < names->count; i++) {
        const char *name = names->items[backwards ? names->count - 1 - i : i];
        struct buf sql = BUF_INIT;
        struct change_counts counts = changed_table(changed, name, NULL, &sql);
        char *message = NULL;

        database_exec(db, "PRAGMA foreign_keys = ON");
        if (!change_counts_none(&counts))
            ck_assert_msg(sqlite3_exec(db, buf_text(&sql), NULL, NULL, &message) == SQLITE_OK,
                          "%s: %s: %s", name, message, buf_text(&sql));
        buf_free(&sql);
    }
    sqlite3_close(db);
}

void changed_assert_patched(const struct changed *changed)
{
    struct buf want = BUF_INIT;
    struct names names = {{NULL}, 0};

    ck_assert_int_eq(changes_candidates(changed->changes, take_name, &names, NULL), 0);
    describe("after.db", &want);
    for (int backwards = 0; backwards < 2; backwards++) {
        struct buf got = BUF_INIT;

        patch(changed, &names, backwards);
        describe("patched.db", &got);
        ck_assert_str_eq(buf_text(&got), buf_text(&want));
        ck_assert_uint_eq(got.len, want.len);
        ck_assert(memcmp(got.data, want.data, want.len) == 0);
        buf_free(&got);
    }
    for (size_t i = 0; i < names.count; i++)
        free(names.items[i]);
    buf_free(&want);
}
