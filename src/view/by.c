/*
 * tables/TABLE/by/COLUMN/VALUE/KEY: links to the rows that have a value in an indexed column. A column
 * that alone is the key is left out: rows/ has the same, and who walks through the tree would walk
 * through it twice.
 *
 * Three directories, one below the other, which know the table and the names on the way.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/source/database.h"
#include "dbsnapfs/source/schema.h"
#include "dbsnapfs/table/key.h"
#include "dbsnapfs/tree.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"
#include "dbsnapfs/util/name.h"
#include "look.h"
#include "row_list.h"
#include "scope.h"
#include "tables.h"

struct by_node {
    struct node node;
    struct scope *scope;
    char *table;                 /* the database's name */
    char column[NAME_BYTES + 1]; /* encoded; "" for by/ */
    char value[NAME_BYTES + 1];  /* encoded; "" for by/ and by/COLUMN/ */
};

static int no_memory(const struct relation *relation, struct err *err)
{
    return err_set(err, ENOMEM, "%s: out of memory", relation->name);
}

static int by_attr(struct node *node, struct node_attr *ret_attr, struct err *err)
{
    return look_attr(((struct by_node *)node)->scope, ret_attr, err);
}

static void by_free(struct node *node)
{
    struct by_node *by = (struct by_node *)node;
    scope_unref(by->scope);
    free(by->table);
    free(by);
}

static int make(struct scope *scope, const char *table, const char *column, const char *value,
                const struct node_ops *ops, struct node **ret_node, struct err *err)
{
    struct by_node *by = calloc(1, sizeof(*by));
    char *name = strdup(table);
    if (!by || !name) {
        free(by);
        free(name);
        return err_set(err, ENOMEM, "%s: out of memory", table);
    }
    node_init(&by->node, ops);
    by->node.names_only = *column;
    by->scope = scope_ref(scope);
    by->table = name;
    strncpy(by->column, column, NAME_BYTES);
    strncpy(by->value, value, NAME_BYTES);
    *ret_node = &by->node;
    return 0;
}

/* ---- what the names mean ---- */

static bool is_whole_key(const struct relation *relation, size_t column)
{
    return relation->key_count == 1 && relation->key[0] == column;
}

static bool is_offered(const struct relation *relation, size_t column)
{
    return key_exists(relation) && relation_column_indexed(relation, column) &&
           !is_whole_key(relation, column);
}

static void column_name(const struct relation *relation, size_t column, struct buf *out)
{
    const char *name = relation->columns[column].name;
    buf_clear(out);
    name_encode(name, strlen(name), out);
}

static int find_column(const struct relation *relation, const char *name, size_t *ret_column,
                       struct err *err)
{
    struct buf encoded = BUF_INIT;
    size_t column = 0;
    for (; column < relation->column_count; column++) {
        if (!is_offered(relation, column))
            continue;
        column_name(relation, column, &encoded);
        if (strcmp(buf_text(&encoded), name) == 0)
            break;
    }
    buf_free(&encoded);
    if (column == relation->column_count)
        return err_set(err, ENOENT, "%s: %s is not looked up by such a column", name,
                       relation->name);
    *ret_column = column;
    return 0;
}

/* The value owns its bytes. -ENOENT also when no row has it, or others have it in this name. */
static int find_value(const struct look *look, size_t column, const char *name,
                      struct value *ret_value, struct err *err)
{
    struct value value = {.kind = VALUE_NULL};
    struct buf first = BUF_INIT;
    int r = key_value_find(look->database, look->relation, column, name, &value, err);
    if (r < 0)
        return r;
    r = value_name(look->database, look->relation, column, &value, &first, err);
    if (r == 0 && strcmp(buf_text(&first), name) != 0)
        r = err_set(err, ENOENT, "%s: the rows with this value are below %s", name,
                    buf_text(&first));
    buf_free(&first);
    if (r < 0)
        value_free(&value);
    else
        *ret_value = value;
    return r;
}

/* A look at what the names on the way mean. */
struct by_look {
    struct look look;
    size_t column;
    struct value value; /* NULL if only the column is looked at */
};

/* `value` NULL: the column alone. */
static int by_begin(const struct by_node *by, const char *column, const char *value,
                    struct by_look *ret_at, struct err *err)
{
    struct by_look at = {.value = {.kind = VALUE_NULL}};
    int r = look_begin(by->scope, by->table, &at.look, err);
    if (r < 0)
        return r;
    r = find_column(at.look.relation, column, &at.column, err);
    if (r == 0 && value)
        r = find_value(&at.look, at.column, value, &at.value, err);
    if (r < 0)
        look_end(&at.look);
    else
        *ret_at = at;
    return r;
}

static void by_end(struct by_look *at)
{
    value_free(&at->value);
    look_end(&at->look);
}

/* ---- by/COLUMN/VALUE/ ---- */

static int value_dir_list(struct node *node, struct node_place *place, uint64_t cookie,
                          node_emit emit, void *arg, struct err *err)
{
    const struct by_node *by = (struct by_node *)node;
    struct by_look at;
    int r = by_begin(by, by->column, by->value, &at, err);
    if (r < 0)
        return r;
    const struct row_list list = {
        .database = at.look.database,
        .selection = {.relation = at.look.relation,
                      .what = SELECT_KEYS,
                      .match_count = 1,
                      .match_columns = &at.column,
                      .match_values = &at.value},
        .kind = NODE_LINK,
    };
    r = row_list(&list, place, cookie, emit, arg, err);
    by_end(&at);
    return r;
}

/* Is the value of the row where the cursor of keys is this one, as SQLite compares? */
static int has_value(const struct by_look *at, struct err *err)
{
    const struct relation *relation = at->look.relation;
    const size_t count = relation->key_count + 1;
    size_t *columns = calloc(count, sizeof(*columns));
    struct value *values = calloc(count, sizeof(*values)), rowid;
    struct selection selection = {.relation = relation,
                                  .what = SELECT_KEYS,
                                  .match_count = 1,
                                  .match_columns = columns,
                                  .match_values = values};
    struct cursor *cursor = NULL;
    int r = columns && values ? 0 : no_memory(relation, err);
    if (r < 0)
        goto out;
    columns[0] = at->column;
    values[0] = at->value;
    if (relation->position_is_rowid) {
        cursor_position(at->look.cursor, 0, &rowid);
        selection.at = &rowid;
    } else {
        selection.match_count = count;
        for (size_t i = 1; i < count; i++) {
            columns[i] = relation->key[i - 1];
            cursor_value(at->look.cursor, i - 1, &values[i]);
        }
    }
    r = cursor_open(at->look.database, &selection, &cursor, err);
    if (r == 0)
        r = cursor_next(cursor, err);
out:
    cursor_close(cursor);
    free(columns);
    free(values);
    return r;
}

static int check_row(const struct by_node *by, const char *key, struct err *err)
{
    struct by_look at;
    int r = by_begin(by, by->column, by->value, &at, err);
    if (r < 0)
        return r;
    r = look_row(&at.look, key, SELECT_KEYS, err);
    if (r == 0)
        r = has_value(&at, err);
    by_end(&at);
    if (r == 0)
        return err_set(err, ENOENT, "%s: the row has another value", key);
    return r < 0 ? r : 0;
}

static int value_dir_lookup(struct node *node, const char *name, struct node **ret_node,
                            struct err *err)
{
    const struct by_node *by = (struct by_node *)node;
    struct buf target = BUF_INIT;
    int r = check_row(by, name, err);
    if (r < 0)
        return r;
    buf_addf(&target, "../../../rows/%s", name);
    r = look_link(by->scope, buf_text(&target), ret_node, err);
    buf_free(&target);
    return r;
}

static const struct node_ops value_dir_ops = {
    .attr = by_attr,
    .lookup = value_dir_lookup,
    .list = value_dir_list,
    .free = by_free,
};

/* ---- by/COLUMN/ ---- */

static int column_dir_lookup(struct node *node, const char *name, struct node **ret_node,
                             struct err *err)
{
    const struct by_node *by = (struct by_node *)node;
    struct by_look at;
    int r = by_begin(by, by->column, name, &at, err);
    if (r < 0)
        return r;
    by_end(&at);
    return make(by->scope, by->table, by->column, name, &value_dir_ops, ret_node, err);
}

static int column_dir_list(struct node *node, struct node_place *place, uint64_t cookie,
                           node_emit emit, void *arg, struct err *err)
{
    const struct by_node *by = (struct by_node *)node;
    struct by_look at;
    int r = by_begin(by, by->column, NULL, &at, err);
    if (r < 0)
        return r;
    r = value_list(at.look.database, at.look.relation, at.column, place, cookie, emit, arg, err);
    by_end(&at);
    return r;
}

static const struct node_ops column_dir_ops = {
    .attr = by_attr,
    .lookup = column_dir_lookup,
    .list = column_dir_list,
    .free = by_free,
};

/* ---- by/ ---- */

static int by_lookup(struct node *node, const char *name, struct node **ret_node, struct err *err)
{
    const struct by_node *by = (struct by_node *)node;
    struct by_look at;
    int r = by_begin(by, name, NULL, &at, err);
    if (r < 0)
        return r;
    by_end(&at);
    return make(by->scope, by->table, name, "", &column_dir_ops, ret_node, err);
}

/* A cookie is the number of columns that are done. */
static int by_list(struct node *node, struct node_place *place, uint64_t cookie, node_emit emit,
                   void *arg, struct err *err)
{
    const struct by_node *by = (struct by_node *)node;
    struct buf name = BUF_INIT;
    struct look look;
    (void)place;
    int r = look_begin(by->scope, by->table, &look, err);
    if (r < 0)
        return r;
    for (uint64_t i = cookie; r == 0 && i < look.relation->column_count; i++) {
        if (!is_offered(look.relation, i))
            continue;
        column_name(look.relation, i, &name);
        r = buf_error(&name) < 0 ? no_memory(look.relation, err) : 0;
        if (r == 0 && emit(arg, buf_text(&name), NODE_DIRECTORY, i + 1) != 0)
            break;
    }
    look_end(&look);
    buf_free(&name);
    return r;
}

static const struct node_ops by_ops = {
    .attr = by_attr,
    .lookup = by_lookup,
    .list = by_list,
    .free = by_free,
};

int by_make(struct scope *scope, const char *table, struct node **ret_node, struct err *err)
{
    struct look look;
    bool any = false;
    int r = look_begin(scope, table, &look, err);
    if (r < 0)
        return r;
    for (size_t i = 0; i < look.relation->column_count && !any; i++)
        any = is_offered(look.relation, i);
    if (!any)
        r = err_set(err, ENOENT, "%s: no column but its key is indexed", table);
    look_end(&look);
    return r < 0 ? r : make(scope, table, "", "", &by_ops, ret_node, err);
}
