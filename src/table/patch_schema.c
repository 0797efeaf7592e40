/*
 * Schemas in patches.
 *
 * A patch touches what carries its own table's name and nothing else, so that patches can be run in
 * any order. The one exception is an index or trigger that has a name which another table's had:
 * whoever gets it takes it away first; the other table is made anew, and loses what is on it alone.
 *
 * A virtual table is a line in the schema's table: the statement that makes it would make the tables
 * of its content as well, and those have patches of their own.
 *
 * What SQLite keeps about a table goes with it (DROP TABLE) or is changed by its rows
 * (sqlite_sequence), so each patch sets it for its table.
 */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "dbsnapfs/source/database.h"
#include "dbsnapfs/source/schema.h"
#include "dbsnapfs/table/text.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"
#include "table/pair.h"
#include "table/patch_internal.h"

#define SEQUENCES "sqlite_sequence"

static void add_statement(const char *sql, struct buf *out)
{
    schema_add_statement(sql, strlen(sql), out);
}

/* ---- tables ---- */

int patch_drop_relation(const struct pair *pair, struct buf *out, struct err *err)
{
    const struct relation *relation = pair->before.relation;

    if (relation->kind == RELATION_VIRTUAL) {
        int r;

        buf_add_text(out, "PRAGMA writable_schema = ON;\n"
                          "DELETE FROM sqlite_schema WHERE type = 'table' AND name = ");
        r = text_sql_string(pair->before.database, relation->name, out, err);
        buf_add_text(out, ";\nPRAGMA writable_schema = RESET;\n");
        return r;
    }
    if (strcasecmp(relation->name, SEQUENCES) == 0) /* cannot be dropped */
        buf_add_text(out, "DELETE FROM ");
    else
        buf_add_text(out, relation->kind == RELATION_VIEW ? "DROP VIEW IF EXISTS "
                                                          : "DROP TABLE IF EXISTS ");
    text_sql_name(relation->name, out);
    buf_add_text(out, ";\n");
    return 0;
}

int patch_create_relation(const struct pair *pair, struct buf *out, struct err *err)
{
    const struct relation *relation = pair->after.relation;
    struct database *database = pair->after.database;
    int r;

    if (relation->kind != RELATION_VIRTUAL) {
        add_statement(relation->sql, out);
        return 0;
    }
    buf_add_text(out,
                 "PRAGMA writable_schema = ON;\n"
                 "INSERT INTO sqlite_schema(type, name, tbl_name, rootpage, sql) VALUES('table', ");
    r = text_sql_string(database, relation->name, out, err);
    buf_add_text(out, ", ");
    if (r == 0)
        r = text_sql_string(database, relation->name, out, err);
    buf_add_text(out, ", 0, ");
    if (r == 0)
        r = text_sql_string(database, relation->sql, out, err);
    buf_add_text(out, ");\nPRAGMA writable_schema = RESET;\n");
    return r;
}

/* ---- indexes and triggers ---- */

static void drop_part(const struct schema_part *part, struct buf *out)
{
    buf_add_text(out,
                 part->kind == PART_INDEX ? "DROP INDEX IF EXISTS " : "DROP TRIGGER IF EXISTS ");
    text_sql_name(part->name, out);
    buf_add_text(out, ";\n");
}

void patch_drop_parts(const struct pair *pair, struct buf *out)
{
    const struct relation *before = pair->before.relation;

    for (size_t i = 0; i < before->part_count; i++)
        if (!pair_has_part(pair->after.relation, &before->parts[i]))
            drop_part(&before->parts[i], out);
}

void patch_drop_kept_triggers(const struct pair *pair, struct buf *out)
{
    const struct relation *before = pair->before.relation;

    for (size_t i = 0; i < before->part_count; i++)
        if (before->parts[i].kind == PART_TRIGGER &&
            pair_has_part(pair->after.relation, &before->parts[i]))
            drop_part(&before->parts[i], out);
}

void patch_create_parts(const struct pair *pair, bool all, bool triggers, struct buf *out)
{
    const struct relation *after = pair->after.relation;

    for (size_t i = 0; i < after->part_count; i++) {
        const struct schema_part *part = &after->parts[i];

        if (!all && !(triggers && part->kind == PART_TRIGGER) &&
            pair_has_part(pair->before.relation, part))
            continue;
        if (!pair_part(pair->before.relation, part))
            drop_part(part, out);
        add_statement(part->sql, out);
    }
}

/* ---- what SQLite keeps ---- */

/* Makes the table of sequences and leaves nothing else. */
#define MAKE_SEQUENCES                                                             \
    "CREATE TABLE \"dbsnapfs sequences\"(id INTEGER PRIMARY KEY AUTOINCREMENT);\n" \
    "DROP TABLE \"dbsnapfs sequences\";\n"

void patch_empty_system_table(const struct pair *pair, struct buf *out)
{
    const struct relation *after = pair->after.relation;

    if (strcasecmp(after->name, SEQUENCES) != 0)
        buf_add_text(out, "ANALYZE sqlite_schema;\n");
    else if (!pair->before.relation)
        buf_add_text(out, MAKE_SEQUENCES);
    buf_add_text(out, "DELETE FROM ");
    text_sql_name(after->name, out);
    buf_add_text(out, ";\n");
}

/* Without its rowid, which another table's row may have. */
static int add_system_row(const struct pair *pair, const struct relation *system,
                          struct cursor *cursor, struct buf *out, struct err *err)
{
    int r = 0;

    buf_add_text(out, "INSERT INTO ");
    text_sql_name(system->name, out);
    buf_add_text(out, " VALUES(");
    for (size_t i = 0; i < system->column_count && r == 0; i++) {
        struct value value;

        cursor_value(cursor, i, &value);
        buf_add_text(out, i > 0 ? "," : "");
        r = text_sql_value(pair->after.database, &value, out, err);
    }
    buf_add_text(out, ");\n");
    return r;
}

/* Its first column is the table's name, as it is written in the schema. */
static int set_system_rows(const struct pair *pair, const struct relation *system, struct buf *out,
                           struct err *err)
{
    const char *name = pair_name(pair);
    struct value wanted = {.kind = VALUE_TEXT, .bytes = name, .len = strlen(name)};
    size_t first = 0;
    struct selection selection = {.relation = system,
                                  .what = SELECT_ROWS,
                                  .match_count = 1,
                                  .match_columns = &first,
                                  .match_values = &wanted};
    struct cursor *cursor = NULL;
    int r;

    buf_add_text(out, "DELETE FROM ");
    text_sql_name(system->name, out);
    buf_add_text(out, " WHERE ");
    text_sql_name(system->columns[0].name, out);
    buf_add_text(out, " = ");
    r = text_sql_string(pair->after.database, name, out, err);
    buf_add_text(out, ";\n");
    if (r == 0)
        r = cursor_open(pair->after.database, &selection, &cursor, err);
    while (r == 0 && (r = cursor_next(cursor, err)) == 1)
        r = add_system_row(pair, system, cursor, out, err);
    cursor_close(cursor);
    return r;
}

/* Statistics that the earlier database has no table for need one; other kinds of it than the first
 * only some builds of SQLite can make. */
static int set_statistics(const struct pair *pair, struct buf *out, struct err *err)
{
    const struct schema *later = pair->after.schema;
    int r = 0;

    for (size_t i = 0; i < later->relation_count && r == 0; i++) {
        const struct relation *system = &later->relations[i];
        bool first = strcasecmp(system->name, "sqlite_stat1") == 0;

        if (system->kind != RELATION_INTERNAL || system->column_count == 0 ||
            strncasecmp(system->name, "sqlite_stat", 11) != 0)
            continue;
        if (!schema_find(pair->before.schema, system->name)) {
            if (!first)
                continue;
            buf_add_text(out, "ANALYZE sqlite_schema;\n");
        }
        r = set_system_rows(pair, system, out, err);
    }
    return r;
}

int patch_system_rows(const struct pair *pair, bool statistics, struct buf *out, struct err *err)
{
    const struct relation *sequences = schema_find(pair->after.schema, SEQUENCES);
    int r = 0;

    if (pair->after.relation && pair->after.relation->autoincrement && sequences &&
        sequences->column_count > 0)
        r = set_system_rows(pair, sequences, out, err);
    return r == 0 && statistics ? set_statistics(pair, out, err) : r;
}
