/*
 * A table whose SQL is as before gets its changed rows; any other is made anew, with all its rows.
 *
 * Rows that came or changed are put by REPLACE, which takes away what is in their way: rows with
 * their key or rowid, or with a unique value that a row here has only now. What is taken away so is
 * to change or to go itself, since nothing of the later table is in its own way; if its turn comes
 * later, its new row is put, or there is nothing left to delete. So one pass is enough, and unique
 * values may change places. A row is deleted by its rowid before another gets that: both sides are
 * read in the order of rowids.
 *
 * Triggers would see these changes, so they are taken away and made again behind them. Foreign keys
 * are turned off, which SQLite does outside of transactions only. Checks are too: rows need not
 * satisfy what was declared later.
 */
#include "table/patch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "dbsnapfs/source/database.h"
#include "dbsnapfs/source/schema.h"
#include "dbsnapfs/table/text.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"
#include "table/pair.h"
#include "table/patch_internal.h"
#include "table/pieces.h"

#define PATCH_HEAD                                                                          \
    "-- To be run outside of a transaction: foreign keys must be off, or they would act.\n" \
    "PRAGMA foreign_keys = OFF;\n"                                                          \
    "SAVEPOINT dbsnapfs_patch;\n"                                                           \
    "PRAGMA ignore_check_constraints = ON;\n"
#define PATCH_TAIL                             \
    "PRAGMA ignore_check_constraints = OFF;\n" \
    "RELEASE dbsnapfs_patch;\n"

enum patch_kind {
    PATCH_ROWS,   /* changed rows, indexes, triggers */
    PATCH_ANEW,   /* dropped and made */
    PATCH_GONE,   /* dropped */
    PATCH_SYSTEM, /* one of SQLite's own: all its rows */
};

struct patch {
    const struct pair *pair;
    struct pieces *pieces;
    enum patch_kind kind;
    struct row_text *rows; /* of the later table, as INSERT */
    bool changed;          /* a row was put or deleted */
};

/* Does another table have an index or trigger now that this one had? */
static bool has_lost_part(const struct pair *pair)
{
    const struct relation *before = pair->before.relation;

    for (size_t i = 0; i < before->part_count; i++) {
        if (pair_part(pair->after.relation, &before->parts[i]))
            continue;
        for (size_t j = 0; j < pair->after.schema->relation_count; j++)
            if (pair_part(&pair->after.schema->relations[j], &before->parts[i]))
                return true;
    }
    return false;
}

static bool is_internal(const struct pair *pair)
{
    const struct relation *after = pair->after.relation;

    return (after ? after : pair->before.relation)->kind == RELATION_INTERNAL;
}

static enum patch_kind kind_of(const struct pair *pair)
{
    const struct relation *after = pair->after.relation;

    if (!after)
        return PATCH_GONE;
    if (is_internal(pair))
        return PATCH_SYSTEM;
    if (!pair->same_sql || !pair->after.table || after->position_count == 0 || has_lost_part(pair))
        return PATCH_ANEW;
    return PATCH_ROWS;
}

int patch_new(const struct pair *pair, struct pieces *pieces, struct patch **ret_patch,
              struct err *err)
{
    struct patch *patch = calloc(1, sizeof(*patch));
    int r = 0;

    if (!patch)
        return err_set(err, ENOMEM, "out of memory for a patch");
    *patch = (struct patch){.pair = pair, .pieces = pieces, .kind = kind_of(pair)};
    if (pair->after.table)
        r = row_text_new(pair->after.table, TEXT_SQL, &patch->rows, err);
    if (r < 0) {
        patch_free(patch);
        return r;
    }
    *ret_patch = patch;
    return 0;
}

void patch_free(struct patch *patch)
{
    if (!patch)
        return;
    row_text_free(patch->rows);
    free(patch);
}

int patch_begin(struct patch *patch, struct err *err)
{
    const struct pair *pair = patch->pair;
    struct buf *out = &patch->pieces->text;
    int r = 0;

    buf_add_text(out, PATCH_HEAD);
    if (patch->kind == PATCH_SYSTEM)
        patch_empty_system_table(pair, out);
    else if (patch->kind == PATCH_ROWS)
        patch_drop_parts(pair, out);
    else if (pair->before.relation)
        r = patch_drop_relation(pair, out, err);
    if (r == 0 && patch->kind == PATCH_ANEW)
        r = patch_create_relation(pair, out, err);
    return r;
}

/* ---- rows ---- */

static void add_rowid_name(const struct relation *table, struct buf *out)
{
    if (table->rowid_column != NO_COLUMN)
        text_sql_name(table->columns[table->rowid_column].name, out);
    else
        buf_add_text(out, table->rowid_name);
}

/* What a collation takes for equal is looked up, and what is equal is meant. */
static int add_key_condition(const struct pair *pair, size_t column, struct cursor *before,
                             struct buf *out, struct err *err)
{
    const struct column *key = &pair->before.table->columns[column];
    struct value value;
    int r;

    cursor_value(before, column, &value);
    text_sql_name(key->name, out);
    buf_add_text(out, " IS ");
    r = text_sql_value(pair->before.database, &value, out, err);
    if (r < 0 || value.kind != VALUE_TEXT || strcasecmp(key->collation, "BINARY") == 0)
        return r;
    buf_add_text(out, " AND ");
    text_sql_name(key->name, out);
    buf_add_text(out, " = ");
    r = text_sql_value(pair->before.database, &value, out, err);
    buf_add_text(out, " COLLATE BINARY");
    return r;
}

static int add_delete(const struct pair *pair, struct cursor *before, struct buf *out,
                      struct err *err)
{
    const struct relation *table = pair->before.table;
    int r = 0;

    buf_add_text(out, "DELETE FROM ");
    text_sql_name(table->name, out);
    buf_add_text(out, " WHERE ");
    if (table->position_is_rowid) {
        struct value rowid;

        cursor_position(before, 0, &rowid);
        add_rowid_name(table, out);
        buf_addf(out, " = %lld", (long long)rowid.integer);
    }
    for (size_t i = 0; i < table->key_count && !table->position_is_rowid && r == 0; i++) {
        buf_add_text(out, i > 0 ? " AND " : "");
        r = add_key_condition(pair, table->key[i], before, out, err);
    }
    buf_add_text(out, ";\n");
    return r;
}

/* INSERT and REPLACE are written alike but for the word. */
static int add_replace(struct patch *patch, struct cursor *after, struct buf *out, struct err *err)
{
    static const char word[] = "REPLACE";
    size_t from = out->len;
    int r;

    buf_add_char(out, ' ');
    r = row_text_add(patch->rows, patch->pair->after.database, after, out, err);
    if (r == 0 && buf_error(out) == 0)
        memcpy(out->data + from, word, strlen(word));
    return r;
}

int patch_row(struct patch *patch, enum merge_op op, struct cursor *before, struct cursor *after,
              struct err *err)
{
    struct buf *out = &patch->pieces->text;
    int r;

    if (patch->kind != PATCH_ROWS)
        return 0;
    if (!patch->changed)
        patch_drop_kept_triggers(patch->pair, out);
    patch->changed = true;
    r = op == MERGE_DELETE ? add_delete(patch->pair, before, out, err)
                           : add_replace(patch, after, out, err);
    return r == 0 ? pieces_pass(patch->pieces, err) : r;
}

static int add_all_rows(struct patch *patch, uint64_t *rows_read, struct err *err)
{
    const struct pair_side *side = &patch->pair->after;
    struct selection selection = {.relation = side->table, .what = SELECT_ROWS};
    struct cursor *cursor = NULL;
    int r = cursor_open(side->database, &selection, &cursor, err);

    while (r == 0 && (r = cursor_next(cursor, err)) == 1) {
        ++*rows_read;
        r = row_text_add(patch->rows, side->database, cursor, &patch->pieces->text, err);
        if (r == 0)
            r = pieces_pass(patch->pieces, err);
    }
    cursor_close(cursor);
    return r;
}

/* With a table or an index goes what SQLite keeps about it, and with rows a sequence changes. */
static int add_system_rows(struct patch *patch, struct err *err)
{
    const struct pair *pair = patch->pair;
    bool statistics = patch->kind != PATCH_ROWS || !pair->same_parts;

    if (is_internal(pair) || (!statistics && !patch->changed))
        return 0;
    return patch_system_rows(pair, statistics, &patch->pieces->text, err);
}

int patch_end(struct patch *patch, uint64_t *rows_read, struct err *err)
{
    const struct pair *pair = patch->pair;
    bool anew = patch->kind == PATCH_ANEW;
    int r = 0;

    if ((anew || patch->kind == PATCH_SYSTEM) && pair->after.table)
        r = add_all_rows(patch, rows_read, err);
    if (r == 0 && (anew || patch->kind == PATCH_ROWS))
        patch_create_parts(pair, anew, patch->changed, &patch->pieces->text);
    if (r == 0)
        r = add_system_rows(patch, err);
    if (r < 0)
        return r;
    buf_add_text(&patch->pieces->text, PATCH_TAIL);
    return pieces_end(patch->pieces, err);
}
