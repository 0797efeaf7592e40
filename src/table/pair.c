/*
 * How the rows of two tables are matched is decided here, once for a table.
 *
 * Tables whose SQL is the same have their rows in the same order. What is not in the same order any
 * more is looked up by its key.
 */
#include "table/pair.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "dbsnapfs/source/database.h"
#include "dbsnapfs/source/schema.h"
#include "dbsnapfs/util/err.h"

const struct schema_part *pair_part(const struct relation *relation,
                                    const struct schema_part *wanted)
{
    for (size_t i = 0; relation && i < relation->part_count; i++)
        if (relation->parts[i].kind == wanted->kind &&
            strcasecmp(relation->parts[i].name, wanted->name) == 0)
            return &relation->parts[i];
    return NULL;
}

bool pair_has_part(const struct relation *relation, const struct schema_part *wanted)
{
    const struct schema_part *part = pair_part(relation, wanted);

    return part && strcmp(part->sql, wanted->sql) == 0;
}

static bool parts_equal(const struct relation *a, const struct relation *b)
{
    if (a->part_count != b->part_count)
        return false;
    for (size_t i = 0; i < a->part_count; i++)
        if (!pair_has_part(b, &a->parts[i]))
            return false;
    return true;
}

static bool texts_equal(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* Would the same bytes be read as the same value? */
static bool column_reads_alike(const struct column *a, const struct column *b)
{
    return strcmp(a->name, b->name) == 0 && strcmp(a->type, b->type) == 0 &&
           a->generated == GENERATED_NOT && b->generated == GENERATED_NOT &&
           texts_equal(a->default_sql, b->default_sql);
}

/* Columns that were only appended, without a default, are NULL in rows that nobody wrote since. */
static bool leaves_read_alike(const struct relation *before, const struct relation *after)
{
    if (before->without_rowid != after->without_rowid || before->strict != after->strict ||
        before->rowid_column != after->rowid_column || before->column_count > after->column_count)
        return false;
    for (size_t i = 0; i < before->column_count; i++)
        if (!column_reads_alike(&before->columns[i], &after->columns[i]))
            return false;
    for (size_t i = before->column_count; i < after->column_count; i++)
        if (after->columns[i].default_sql || after->columns[i].generated != GENERATED_NOT)
            return false;
    return true;
}

static bool columns_look_alike(const struct relation *a, const struct relation *b)
{
    if (a->column_count != b->column_count || a->rowid_column != b->rowid_column ||
        !texts_equal(a->rowid_name, b->rowid_name) || strcmp(a->name, b->name) != 0)
        return false;
    for (size_t i = 0; i < a->column_count; i++)
        if (strcmp(a->columns[i].name, b->columns[i].name) != 0 ||
            a->columns[i].generated != b->columns[i].generated)
            return false;
    return true;
}

static bool keys_have_same_names(const struct relation *a, const struct relation *b)
{
    if (a->key_count != b->key_count)
        return false;
    for (size_t i = 0; i < a->key_count; i++)
        if (strcasecmp(a->columns[a->key[i]].name, b->columns[b->key[i]].name) != 0)
            return false;
    return true;
}

static bool is_named_by_rowid(const struct relation *relation)
{
    return relation->key_count == 0 ||
           (relation->key_count == 1 && relation->key[0] == relation->rowid_column);
}

static enum pair_match match_of(const struct pair *pair)
{
    const struct relation *before = pair->before.table, *after = pair->after.table;

    if (!before || !after || !keys_have_same_names(before, after))
        return PAIR_APART;
    if (before->position_is_rowid && after->position_is_rowid)
        return is_named_by_rowid(before) && is_named_by_rowid(after) ? PAIR_BY_ROWID
                                                                     : PAIR_BY_ROWID_AND_KEY;
    if (pair->same_sql && (after->without_rowid || after->key_count == 0))
        return PAIR_BY_TURNS;
    return before->key_count > 0 ? PAIR_BY_LOOKUP : PAIR_APART;
}

/* What names nothing else is named by all it has. */
static int take_key(struct pair_side *side, size_t *ret_count)
{
    const struct relation *table = side->table;
    size_t count = table->key_count > 0 ? table->key_count : table->column_count;

    side->key = calloc(count + 1, sizeof(*side->key));
    if (!side->key)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        side->key[i] = table->key_count > 0 ? table->key[i] : i;
    *ret_count = count;
    return 0;
}

static int take_keys(struct pair *pair)
{
    if (pair->match == PAIR_BY_ROWID || pair->match == PAIR_APART)
        return 0;
    if (take_key(&pair->before, &pair->key_count) < 0 ||
        take_key(&pair->after, &pair->key_count) < 0)
        return -ENOMEM;
    pair->values = calloc(2 * pair->key_count + 1, sizeof(*pair->values));
    return pair->values ? 0 : -ENOMEM;
}

/* The column of `in` that is called like column i of `from`; often it is at the same place. */
static size_t find_column(const struct relation *from, size_t i, const struct relation *in)
{
    const char *name = from->columns[i].name;

    if (i < in->column_count && strcasecmp(in->columns[i].name, name) == 0)
        return i;
    return relation_column(in, name);
}

static int take_partners(struct pair *pair)
{
    const struct relation *before = pair->before.table, *after = pair->after.table;

    if (!before || !after)
        return 0;
    pair->partners = calloc(after->column_count + 1, sizeof(*pair->partners));
    pair->dropped = calloc(before->column_count + 1, sizeof(*pair->dropped));
    if (!pair->partners || !pair->dropped)
        return -ENOMEM;
    for (size_t i = 0; i < after->column_count; i++)
        pair->partners[i] = find_column(after, i, before);
    for (size_t i = 0; i < before->column_count; i++)
        if (find_column(before, i, after) == NO_COLUMN)
            pair->dropped[pair->dropped_count++] = i;
    return 0;
}

static int take_side(struct database *database, const char *name, struct pair_side *side,
                     struct err *err)
{
    int r = database_schema(database, &side->schema, err);

    if (r < 0)
        return r;
    side->database = database;
    side->relation = schema_find(side->schema, name);
    if (side->relation && side->relation->kind != RELATION_VIEW &&
        side->relation->kind != RELATION_VIRTUAL)
        side->table = side->relation;
    return 0;
}

static void compare_schemas(struct pair *pair)
{
    const struct relation *before = pair->before.relation, *after = pair->after.relation;

    if (!before || !after)
        return;
    pair->same_sql = before->kind == after->kind && strcmp(before->sql, after->sql) == 0;
    pair->same_parts = parts_equal(before, after);
    if (!pair->before.table || !pair->after.table)
        return;
    pair->same_columns = columns_look_alike(before, after);
    pair->same_leaves = pair->same_sql || leaves_read_alike(before, after);
}

int pair_init(struct database *before, struct database *after, const char *name,
              struct pair *ret_pair, struct err *err)
{
    struct pair pair = {.match = PAIR_APART};
    int r = take_side(before, name, &pair.before, err);

    if (r == 0)
        r = take_side(after, name, &pair.after, err);
    if (r < 0)
        return r;
    if (!pair.before.relation && !pair.after.relation)
        return err_set(err, ENOENT, "%s: no such table", name);
    compare_schemas(&pair);
    pair.match = match_of(&pair);
    if (take_keys(&pair) < 0 || take_partners(&pair) < 0) {
        pair_release(&pair);
        return err_set(err, ENOMEM, "%s: out of memory", name);
    }
    *ret_pair = pair;
    return 0;
}

void pair_release(struct pair *pair)
{
    free(pair->before.key);
    free(pair->after.key);
    free(pair->values);
    free(pair->partners);
    free(pair->dropped);
}

const char *pair_name(const struct pair *pair)
{
    return pair->after.relation ? pair->after.relation->name : pair->before.relation->name;
}
