/*
 * Rows come in the order in which they lie in their b-tree, so that nothing is sorted and reading
 * on behind a position is a search.
 *
 * A key that ascends all along is compared as a row value, `(a, b) > (?1, ?2)`, which SQLite turns
 * into one search. One with descending columns is `a >= ?1 AND (a > ?1 OR (a = ?1 AND b < ?2))`:
 * a search for the first column, and a filter.
 *
 * Columns are always `t."name"`: a bare "name" that is no column would be a string to SQLite.
 */
#include "source/sqlite/cursor.h"

#include <string.h>
#include <strings.h>

#include "dbsnapfs/source/database.h"
#include "dbsnapfs/source/schema.h"
#include "dbsnapfs/util/buf.h"
#include "source/sqlite/model.h"

/* SQLite's own limit, which is compiled in. */
#define COLUMNS_OF_A_RESULT 2000

void cursor_column_sql(const struct relation *relation, size_t column, struct buf *out)
{
    buf_add_text(out, "t.");
    model_quote(relation->columns[column].name, out);
}

void cursor_from_sql(const struct relation *relation, struct buf *out)
{
    buf_add_text(out, " FROM main.");
    model_quote(relation->name, out);
    buf_add_text(out, " AS t");
}

static void rowid_sql(const struct relation *relation, struct buf *out)
{
    if (relation->rowid_name)
        buf_addf(out, "t.%s", relation->rowid_name);
    else
        cursor_column_sql(relation, relation->rowid_column, out);
}

bool cursor_is_narrow(const struct selection *selection)
{
    return selection->what != SELECT_KEYS && selection->columns &&
           selection->column_count + selection->relation->key_count < COLUMNS_OF_A_RESULT;
}

size_t cursor_width(const struct selection *selection)
{
    const struct relation *relation = selection->relation;

    if (selection->what == SELECT_KEYS)
        return relation->key_count;
    return cursor_is_narrow(selection) ? selection->column_count + relation->key_count
                                       : relation->column_count;
}

size_t cursor_column(const struct selection *selection, size_t i)
{
    if (selection->what == SELECT_KEYS)
        return selection->relation->key[i];
    if (!cursor_is_narrow(selection))
        return i;
    return i < selection->column_count ? selection->columns[i]
                                       : selection->relation->key[i - selection->column_count];
}

bool cursor_is_split(const struct selection *selection)
{
    return selection->what != SELECT_KEYS && selection->relation->position_is_rowid &&
           cursor_width(selection) >= COLUMNS_OF_A_RESULT;
}

/* Asking each value for its kind takes as long as reading it, so it is done where BLOBs are likely. */
static bool may_be_blob(const struct column *column)
{
    return column->affinity == AFFINITY_BLOB || column->affinity == AFFINITY_NUMERIC;
}

bool cursor_has_pieces(const struct relation *relation, size_t column)
{
    return relation->position_is_rowid && relation->kind != RELATION_VIRTUAL &&
           relation->columns[column].generated == GENERATED_NOT;
}

bool cursor_leaves_large(const struct relation *relation, size_t column)
{
    return relation->columns[column].affinity == AFFINITY_BLOB &&
           cursor_has_pieces(relation, column);
}

bool cursor_leaves_any(const struct selection *selection)
{
    for (size_t i = 0; i < cursor_width(selection); i++)
        if (cursor_leaves_large(selection->relation, cursor_column(selection, i)))
            return true;
    return false;
}

/* A BLOB of more bytes than `most` becomes zeros that SQLite does not make; its length stands in the
 * row's header. */
static void head_sql(const struct relation *relation, size_t column, size_t most, struct buf *out)
{
    buf_add_text(out, "CASE WHEN typeof(");
    cursor_column_sql(relation, column, out);
    buf_add_text(out, ") = 'blob'");
    if (most > 0) {
        buf_add_text(out, " AND length(");
        cursor_column_sql(relation, column, out);
        buf_addf(out, ") > %zu", most);
    }
    buf_add_text(out, " THEN zeroblob(length(");
    cursor_column_sql(relation, column, out);
    buf_add_text(out, ")) ELSE ");
    cursor_column_sql(relation, column, out);
    buf_add_text(out, " END");
}

/* What is asked for; false: nothing. */
static bool columns_sql(const struct selection *selection, struct buf *out)
{
    const size_t width = cursor_width(selection);

    if (!cursor_is_narrow(selection) &&
        (selection->what == SELECT_ROWS ||
         (selection->what == SELECT_PIECES && !cursor_leaves_any(selection)))) {
        buf_add_text(out, "t.*");
        return true;
    }
    for (size_t i = 0; i < width; i++) {
        const size_t column = cursor_column(selection, i);

        if (i > 0)
            buf_add_text(out, ", ");
        if (selection->what == SELECT_HEADS && may_be_blob(&selection->relation->columns[column]))
            head_sql(selection->relation, column, 0, out);
        else if (selection->what == SELECT_PIECES &&
                 cursor_leaves_large(selection->relation, column))
            head_sql(selection->relation, column, LARGE_BLOB_BYTES, out);
        else
            cursor_column_sql(selection->relation, column, out);
    }
    return width > 0;
}

static void place_sql(const struct relation *relation, const struct model_order *order, size_t i,
                      struct buf *out)
{
    cursor_column_sql(relation, relation->key[i], out);
    if (order[i].collation) {
        buf_add_text(out, " COLLATE ");
        model_quote(order[i].collation, out);
    }
}

/* SQLite searches for no row value with a COLLATE in it. */
static bool ascends(const struct relation *relation, const struct model_order *order)
{
    for (size_t i = 0; i < relation->position_count; i++)
        if (order[i].descending || order[i].collation)
            return false;
    return true;
}

static void behind_row_value_sql(const struct relation *relation, const struct model_order *order,
                                 struct buf *out)
{
    for (size_t i = 0; i < relation->position_count; i++) {
        buf_add_text(out, i > 0 ? ", " : "(");
        place_sql(relation, order, i, out);
    }
    for (size_t i = 0; i < relation->position_count; i++)
        buf_addf(out, "%s?%zu", i > 0 ? ", " : ") > (", i + 1);
    buf_add_text(out, ")");
}

static void behind_mixed_sql(const struct relation *relation, const struct model_order *order,
                             struct buf *out)
{
    size_t count = relation->position_count;

    place_sql(relation, order, 0, out);
    buf_addf(out, " %s ?1 AND (", order[0].descending ? "<=" : ">=");
    for (size_t i = 0; i < count; i++) {
        place_sql(relation, order, i, out);
        buf_addf(out, " %s ?%zu", order[i].descending ? "<" : ">", i + 1);
        if (i + 1 == count)
            break;
        buf_add_text(out, " OR (");
        place_sql(relation, order, i, out);
        buf_addf(out, " = ?%zu AND (", i + 1);
    }
    for (size_t i = 0; i + 1 < count; i++)
        buf_add_text(out, "))");
    buf_add_text(out, ")");
}

static void behind_sql(const struct selection *selection, const struct model_order *order,
                       struct buf *out)
{
    const struct relation *relation = selection->relation;

    if (relation->position_is_rowid) {
        rowid_sql(relation, out);
        buf_add_text(out, " > ?1");
    } else if (ascends(relation, order)) {
        behind_row_value_sql(relation, order, out);
    } else {
        behind_mixed_sql(relation, order, out);
    }
}

static bool is_built_in(const char *collation)
{
    return strcasecmp(collation, "BINARY") == 0 || strcasecmp(collation, "NOCASE") == 0 ||
           strcasecmp(collation, "RTRIM") == 0;
}

static void match_sql(const struct selection *selection, size_t i, size_t parameter,
                      struct buf *out)
{
    const struct relation *relation = selection->relation;
    size_t column = selection->match_columns[i];

    cursor_column_sql(relation, column, out);
    /* An index in a collation that is not known here would lead anywhere. */
    if (!is_built_in(relation->columns[column].collation))
        buf_add_text(out, " COLLATE BINARY");
    if (selection->match_values[i].kind == VALUE_NULL)
        buf_add_text(out, " IS NULL");
    else
        buf_addf(out, " = ?%zu", parameter);
}

/* The rowid is as `operator` says: another term of the condition. */
static void rowid_term_sql(const struct selection *selection, const char *glue,
                           const char *operator, size_t parameter, struct buf *out)
{
    buf_add_text(out, glue);
    rowid_sql(selection->relation, out);
    buf_addf(out, " %s ?%zu", operator, parameter);
}

static void where_sql(const struct selection *selection, const struct model_order *order,
                      struct buf *out)
{
    const char *glue = " WHERE ";
    size_t parameter = 1;

    if (selection->after) {
        buf_add_text(out, glue);
        behind_sql(selection, order, out);
        glue = " AND ";
        parameter += selection->relation->position_count;
    }
    if (selection->last) {
        rowid_term_sql(selection, glue, "<=", parameter++, out);
        glue = " AND ";
    }
    if (selection->at) {
        rowid_term_sql(selection, glue, "=", parameter++, out);
        glue = " AND ";
    }
    for (size_t i = 0; i < selection->match_count; i++) {
        buf_add_text(out, glue);
        match_sql(selection, i, parameter++, out);
        glue = " AND ";
    }
}

static void order_sql(const struct relation *relation, const struct model_order *order,
                      struct buf *out)
{
    if (relation->position_count == 0)
        return;
    buf_add_text(out, " ORDER BY ");
    if (relation->position_is_rowid) {
        rowid_sql(relation, out);
        return;
    }
    for (size_t i = 0; i < relation->position_count; i++) {
        if (i > 0)
            buf_add_text(out, ", ");
        place_sql(relation, order, i, out);
        if (order[i].descending)
            buf_add_text(out, " DESC");
    }
}

/* A table that has no position for its rows: they come as they lie, not as an index has them. */
static bool has_unknown_order(const struct relation *relation)
{
    return relation->position_count == 0 && relation->kind != RELATION_VIEW &&
           relation->kind != RELATION_VIRTUAL;
}

void cursor_sql(const struct selection *selection, const struct model_order *order, struct buf *out)
{
    const struct relation *relation = selection->relation;
    bool any = false;

    buf_add_text(out, "SELECT ");
    if (!cursor_is_split(selection))
        any = columns_sql(selection, out);
    if (relation->position_is_rowid) {
        if (any)
            buf_add_text(out, ", ");
        rowid_sql(relation, out);
    } else if (!any) {
        buf_add_text(out, "NULL");
    }
    cursor_from_sql(relation, out);
    if (has_unknown_order(relation) && selection->what != SELECT_KEYS &&
        selection->match_count == 0)
        buf_add_text(out, " NOT INDEXED");
    where_sql(selection, order, out);
    order_sql(relation, order, out);
}

void cursor_row_sql(const struct selection *selection, struct buf *out)
{
    buf_add_text(out, "SELECT ");
    columns_sql(selection, out);
    cursor_from_sql(selection->relation, out);
    buf_add_text(out, " WHERE ");
    rowid_sql(selection->relation, out);
    buf_add_text(out, " = ?1");
}
