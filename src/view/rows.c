/*
 * tables/TABLE/rows/: a directory for each row, under the name its key gives.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/source/database.h"
#include "dbsnapfs/table/key.h"
#include "dbsnapfs/tree.h"
#include "dbsnapfs/util/err.h"
#include "look.h"
#include "row.h"
#include "row_list.h"
#include "scope.h"
#include "tables.h"

struct rows_node {
    struct node node;
    struct scope *scope;
    char *table;
};

static int rows_attr(struct node *node, struct node_attr *ret_attr, struct err *err)
{
    return look_attr(((struct rows_node *)node)->scope, ret_attr, err);
}

static int rows_lookup(struct node *node, const char *name, struct node **ret_node, struct err *err)
{
    const struct rows_node *rows = (struct rows_node *)node;
    struct row *row = NULL;
    struct look look;
    int r = look_begin(rows->scope, rows->table, &look, err);
    if (r < 0)
        return r;
    r = look_row(&look, name, SELECT_KEYS, err);
    look_end(&look);
    if (r == 0)
        r = row_new(rows->scope, rows->table, name, &row, err);
    if (r < 0)
        return r;
    r = row_make(row, ret_node, err);
    row_unref(row);
    return r;
}

static int rows_list(struct node *node, struct node_place *place, uint64_t cookie, node_emit emit,
                     void *arg, struct err *err)
{
    const struct rows_node *rows = (struct rows_node *)node;
    struct look look;
    int r = look_begin(rows->scope, rows->table, &look, err);
    if (r < 0)
        return r;
    const struct row_list list = {
        .database = look.database,
        .selection = {.relation = look.relation, .what = SELECT_KEYS},
        .kind = NODE_DIRECTORY,
    };
    if (key_exists(look.relation))
        r = row_list(&list, place, cookie, emit, arg, err);
    look_end(&look);
    return r;
}

static void rows_free(struct node *node)
{
    struct rows_node *rows = (struct rows_node *)node;
    scope_unref(rows->scope);
    free(rows->table);
    free(rows);
}

static const struct node_ops rows_ops = {
    .attr = rows_attr,
    .lookup = rows_lookup,
    .list = rows_list,
    .free = rows_free,
};

static int check_offered(struct scope *scope, const char *table, struct err *err)
{
    struct look look;
    int r = look_begin(scope, table, &look, err);
    if (r < 0)
        return r;
    if (!key_exists(look.relation))
        r = err_set(err, ENOENT, "%s: nothing names its rows", table);
    look_end(&look);
    return r;
}

int rows_make(struct scope *scope, const char *table, struct node **ret_node, struct err *err)
{
    int r = check_offered(scope, table, err);
    if (r < 0)
        return r;
    struct rows_node *rows = calloc(1, sizeof(*rows));
    char *name = strdup(table);
    if (!rows || !name) {
        free(rows);
        free(name);
        return err_set(err, ENOMEM, "%s: out of memory", table);
    }
    node_init(&rows->node, &rows_ops);
    rows->node.names_only = true;
    rows->scope = scope_ref(scope);
    rows->table = name;
    *ret_node = &rows->node;
    return 0;
}
