/*
 * How rows are found: indexes, keys, and the foreign keys that lead from table to table.
 *
 * PRIMARY KEY on one INTEGER column is the rowid unless SQLite made an index for it (as it does for
 * INTEGER PRIMARY KEY DESC); so whoever has a key without an index has the rowid as its key.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "dbsnapfs/util/err.h"
#include "source/sqlite/model_internal.h"

/* An index while it is read. */
struct index_column {
    size_t column;
    bool descending;
    const char *collation;
};

static bool is_known_collation(const char *name)
{
    return strcasecmp(name, "BINARY") == 0 || strcasecmp(name, "NOCASE") == 0 ||
           strcasecmp(name, "RTRIM") == 0;
}

/* seqno, cid, name, desc, coll, key */
static int add_index_column(struct model_builder *builder, struct relation *index,
                            sqlite3_stmt *stmt, struct err *err)
{
    int cid = sqlite3_column_int(stmt, 1);
    struct index_column column = {
        .column = cid < 0 ? NO_COLUMN : (size_t)cid,
        .descending = sqlite3_column_int(stmt, 3) != 0,
        .collation = model_text(builder, stmt, 4),
    };

    (void)index, (void)err;
    if (!column.collation)
        column.collation = "BINARY";
    if (sqlite3_column_int(stmt, 5) != 0)
        buf_add(&builder->list, &column, sizeof(column));
    return 0;
}

static bool in_column_collation(const struct relation *relation, const struct index_column *column)
{
    return column->column < relation->column_count && is_known_collation(column->collation) &&
           strcasecmp(column->collation, relation->columns[column->column].collation) == 0;
}

/* The columns of an index of `relation`; the pragma wants the index's own name. */
static int read_index(struct model_builder *builder, const struct relation *relation,
                      struct table_index *index, const struct index_column **ret_columns,
                      struct err *err)
{
    struct relation named = {.name = index->name};
    struct arena *arena = &builder->model->arena;
    int r = model_query(builder, "PRAGMA main.index_xinfo(%)", &named, add_index_column, err);
    const struct index_column *columns;
    size_t *numbers;

    index->count = builder->list.len / sizeof(*columns);
    columns = arena_take(arena, &builder->list);
    numbers = arena_alloc(arena, index->count * sizeof(*numbers) + 1);
    if (r < 0 || !columns || !numbers)
        return r;
    for (size_t i = 0; i < index->count; i++)
        numbers[i] = columns[i].column;
    while (!index->partial && index->usable < index->count &&
           in_column_collation(relation, &columns[index->usable]))
        index->usable++;
    index->columns = numbers;
    *ret_columns = columns;
    return 0;
}

/* seq, name, unique, origin, partial */
static int add_index(struct model_builder *builder, struct relation *relation, sqlite3_stmt *stmt,
                     struct err *err)
{
    const char *origin = (const char *)sqlite3_column_text(stmt, 3);
    struct table_index index = {
        .name = model_text(builder, stmt, 1),
        .unique = sqlite3_column_int(stmt, 2) != 0,
        .partial = sqlite3_column_int(stmt, 4) != 0,
        .made_by_constraint = origin && strcmp(origin, "c") != 0,
    };

    (void)relation, (void)err;
    if (!index.name)
        return 0;
    /* Remembered in `usable` until its columns are read. */
    index.usable = origin && strcmp(origin, "pk") == 0;
    buf_add(&builder->list, &index, sizeof(index));
    return 0;
}

/* The declared primary key, in its order. */
static void add_key(struct model_builder *builder, struct relation *relation)
{
    size_t *key = arena_alloc(&builder->model->arena, relation->column_count * sizeof(*key) + 1);

    if (!key)
        return;
    for (size_t i = 0; i < relation->column_count; i++)
        if (relation->columns[i].key_place > 0)
            key[relation->key_count++] = i;
    for (size_t i = 1; i < relation->key_count; i++)
        for (size_t j = i; j > 0; j--) {
            size_t number = key[j];

            if (relation->columns[key[j - 1]].key_place <= relation->columns[number].key_place)
                break;
            key[j] = key[j - 1];
            key[j - 1] = number;
        }
    relation->key = key;
}

/* Of a table WITHOUT ROWID: its rows stand in the order of its primary key's index. */
static void order_by_index(struct model_builder *builder, struct relation *relation,
                           const struct table_index *index, const struct index_column *columns)
{
    struct model *model = builder->model;
    struct model_order *order = arena_alloc(&model->arena, index->count * sizeof(*order) + 1);

    if (!order || !columns)
        return;
    for (size_t i = 0; i < index->count; i++) {
        if (!is_known_collation(columns[i].collation))
            return; /* nobody here knows the order */
        order[i].descending = columns[i].descending;
        if (!in_column_collation(relation, &columns[i]))
            order[i].collation = columns[i].collation;
    }
    relation->key = index->columns;
    relation->key_count = relation->position_count = index->count;
    model->orders[relation - model->relations] = order;
}

static int complete_index(struct model_builder *builder, struct relation *relation,
                          struct table_index *index, struct err *err)
{
    bool of_key = index->usable != 0;
    const struct index_column *columns = NULL;
    int r;

    index->usable = 0;
    r = read_index(builder, relation, index, &columns, err);
    if (r == 0 && of_key && relation->without_rowid)
        order_by_index(builder, relation, index, columns);
    return r;
}

int model_add_indexes(struct model_builder *builder, struct relation *relation, struct err *err)
{
    struct table_index *indexes;
    bool key_has_index = false;
    int r;

    if (relation->kind == RELATION_VIEW)
        return 0;
    add_key(builder, relation);
    r = model_query(builder, "PRAGMA main.index_list(%)", relation, add_index, err);
    relation->index_count = builder->list.len / sizeof(*indexes);
    indexes = arena_take(&builder->model->arena, &builder->list);
    relation->indexes = indexes;
    for (size_t i = 0; r == 0 && indexes && i < relation->index_count; i++) {
        key_has_index = key_has_index || indexes[i].usable != 0;
        r = complete_index(builder, relation, &indexes[i], err);
    }
    if (r < 0 || relation->without_rowid)
        return r;
    if (relation->key_count == 1 && !key_has_index && relation->kind != RELATION_VIRTUAL)
        relation->rowid_column = relation->key[0];
    if (relation->rowid_name || relation->rowid_column != NO_COLUMN) {
        relation->position_count = 1;
        relation->position_is_rowid = true;
    }
    return 0;
}

/* ---- foreign keys ---- */

/* A row of the pragma: one column of a key. */
struct link_row {
    int id;
    const char *table, *from, *to, *on_update, *on_delete;
};

/* id, seq, table, from, to, on_update, on_delete, match */
static int gather_link(struct model_builder *builder, struct relation *relation, sqlite3_stmt *stmt,
                       struct err *err)
{
    struct link_row row = {
        .id = sqlite3_column_int(stmt, 0),
        .table = model_text(builder, stmt, 2),
        .from = model_text(builder, stmt, 3),
        .to = model_text(builder, stmt, 4),
        .on_update = model_text(builder, stmt, 5),
        .on_delete = model_text(builder, stmt, 6),
    };

    (void)relation, (void)err;
    if (row.table && row.from)
        buf_add(&builder->list, &row, sizeof(row));
    return 0;
}

static bool is_among(size_t column, const size_t *columns, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (columns[i] == column)
            return true;
    return false;
}

static bool link_indexed(const struct relation *child, const size_t *columns, size_t count)
{
    if (count == 1 && columns[0] == child->rowid_column)
        return true;
    for (size_t i = 0; i < child->index_count; i++) {
        const struct table_index *index = &child->indexes[i];
        size_t found = 0;

        while (found < count && found < index->usable &&
               is_among(index->columns[found], columns, count))
            found++;
        if (found == count)
            return true;
    }
    return false;
}

/* schema_find(), which goes over all. */
static const struct relation *find_relation(struct model_builder *builder, const char *name)
{
    const struct relation *relations = builder->model->relations;
    const struct named *equal = NULL;
    size_t count = names_find(&builder->relations, name, &equal);

    for (size_t i = 0; i < count; i++)
        if (strcmp(equal[i].name, name) == 0)
            return &relations[equal[i].place];
    return count > 0 ? &relations[equal[0].place] : NULL;
}

static void fill_link(struct model_builder *builder, const struct relation *child,
                      const struct link_row *rows, size_t count, struct foreign_key *key)
{
    struct arena *arena = &builder->model->arena;
    size_t *columns = arena_alloc(arena, count * sizeof(*columns));
    size_t *parent_columns = arena_alloc(arena, count * sizeof(*parent_columns));
    const char **names = arena_alloc(arena, count * sizeof(*names));
    const struct relation *parent = find_relation(builder, rows[0].table);

    if (!columns || !parent_columns || !names)
        return;
    for (size_t i = 0; i < count; i++) {
        columns[i] = relation_column(child, rows[i].from);
        names[i] = rows[i].to;
        parent_columns[i] = NO_COLUMN;
        if (parent && rows[i].to)
            parent_columns[i] = relation_column(parent, rows[i].to);
        else if (parent && count == parent->key_count)
            parent_columns[i] = parent->key[i];
    }
    *key = (struct foreign_key){
        .parent_name = rows[0].table,
        .parent = parent,
        .count = count,
        .columns = columns,
        .parent_columns = parent_columns,
        .parent_names = rows[0].to ? names : NULL,
        .on_update = rows[0].on_update,
        .on_delete = rows[0].on_delete,
        .indexed = link_indexed(child, columns, count),
    };
}

/* SQLite gives the key that was declared last first, as number 0. */
static int add_foreign_keys(struct model_builder *builder, struct relation *relation,
                            struct err *err)
{
    struct arena *arena = &builder->model->arena;
    int r = model_query(builder, "PRAGMA main.foreign_key_list(%)", relation, gather_link, err);
    size_t row_count = builder->list.len / sizeof(struct link_row);
    const struct link_row *rows = arena_take(arena, &builder->list);
    struct foreign_key *keys;
    size_t key_count, first = 0;

    if (r < 0 || !rows)
        return r;
    key_count = (size_t)rows[row_count - 1].id + 1;
    keys = arena_alloc(arena, key_count * sizeof(*keys));
    if (!keys)
        return 0;
    while (first < row_count) {
        size_t end = first + 1;

        while (end < row_count && rows[end].id == rows[first].id)
            end++;
        fill_link(builder, relation, rows + first, end - first,
                  &keys[key_count - 1 - (size_t)rows[first].id]);
        first = end;
    }
    relation->foreign_keys = keys;
    relation->foreign_key_count = key_count;
    return 0;
}

static struct relation *parent_of(const struct model *model, const struct foreign_key *key)
{
    return key->parent ? &model->relations[key->parent - model->relations] : NULL;
}

static void count_referrers(const struct model *model, const struct relation *child)
{
    for (size_t i = 0; i < child->foreign_key_count; i++) {
        struct relation *parent = parent_of(model, &child->foreign_keys[i]);

        if (parent)
            parent->referrer_count++;
    }
}

static void list_referrers(const struct model *model, const struct relation *child,
                           struct referrer *const *lists)
{
    for (size_t i = 0; i < child->foreign_key_count; i++) {
        struct relation *parent = parent_of(model, &child->foreign_keys[i]);

        if (parent)
            lists[parent - model->relations][parent->referrer_count++] =
                (struct referrer){child, &child->foreign_keys[i]};
    }
}

/* Those of all relations in one pass over the keys, which are in the order that each list has. */
static void add_referrers(struct model *model)
{
    size_t relation_count = model->schema.relation_count;
    struct referrer **lists =
        arena_alloc(&model->arena, relation_count * sizeof(struct referrer *) + 1);

    for (size_t i = 0; i < relation_count; i++)
        count_referrers(model, &model->relations[i]);
    for (size_t i = 0; lists && i < relation_count; i++) {
        struct relation *parent = &model->relations[i];

        if (parent->referrer_count > 0)
            lists[i] = arena_alloc(&model->arena, parent->referrer_count * sizeof(**lists));
        parent->referrers = lists[i];
        parent->referrer_count = 0;
    }
    for (size_t i = 0; !model->arena.failed && i < relation_count; i++)
        list_referrers(model, &model->relations[i], lists);
}

int model_add_links(struct model_builder *builder, struct err *err)
{
    struct model *model = builder->model;
    int r = 0;

    for (size_t i = 0; r == 0 && i < model->schema.relation_count; i++)
        if (model->relations[i].kind == RELATION_TABLE && !model->relations[i].broken)
            r = add_foreign_keys(builder, &model->relations[i], err);
    if (r == 0)
        add_referrers(model);
    return r;
}
