/*
 * tables/TABLE/ and views/VIEW/: what is in it, and the files that are made at once.
 *
 * A table is known by its name alone and looked up in the schema at each use, because a live one
 * may have been dropped or made anew since. What has been counted of a backup's table is remembered
 * here: it stays true, and asking again costs a scan.
 */
#include "table.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/source/database.h"
#include "dbsnapfs/source/schema.h"
#include "dbsnapfs/tree.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"
#include "scope.h"
#include "tables.h"

#define NOT_COUNTED UINT64_MAX

struct table {
    atomic_uint references;
    struct scope *scope;
    char *name; /* the database's */
    _Atomic uint64_t row_count;
};

static struct table *table_ref(struct table *table)
{
    atomic_fetch_add_explicit(&table->references, 1, memory_order_relaxed);
    return table;
}

static void table_release(void *context)
{
    struct table *table = context;
    if (atomic_fetch_sub_explicit(&table->references, 1, memory_order_acq_rel) != 1)
        return;
    scope_unref(table->scope);
    free(table->name);
    free(table);
}

/* -ENOENT when it was dropped meanwhile. */
static int table_relation(const struct table *table, struct database *database,
                          const struct relation **ret_relation, struct err *err)
{
    const struct schema *schema = NULL;
    int r = database_schema(database, &schema, err);
    if (r < 0)
        return r;
    const struct relation *relation = schema_find(schema, table->name);
    if (!relation || strcmp(relation->name, table->name) != 0)
        return err_set(err, ENOENT, "%s: there is no such table any more", table->name);
    *ret_relation = relation;
    return 0;
}

/* EIO for what cannot be read, with the reason. */
static int relation_check(const struct relation *relation, struct err *err)
{
    if (relation->broken)
        return err_set(err, EIO, "%s: %s", relation->name, relation->broken);
    return 0;
}

static int count_ask(struct table *table, uint64_t *ret_rows, struct err *err)
{
    struct database *database = NULL;
    const struct relation *relation = NULL;
    int r = scope_use(table->scope, NULL, &database, err);
    if (r < 0)
        return r;
    r = table_relation(table, database, &relation, err);
    if (r == 0)
        r = relation_check(relation, err);
    if (r == 0)
        r = database_count(database, relation, ret_rows, err);
    scope_done(table->scope, database);
    return r;
}

static int count_render(void *context, struct buf *out, struct err *err)
{
    struct table *table = context;
    uint64_t rows = atomic_load(&table->row_count);
    if (rows == NOT_COUNTED) {
        int r = count_ask(table, &rows, err);
        if (r < 0)
            return r;
        if (!scope_is_live(table->scope))
            atomic_store(&table->row_count, rows);
    }
    buf_addf(out, "%" PRIu64 "\n", rows);
    return 0;
}

static int table_mtime(void *context, int64_t *ret_mtime_ns, struct err *err)
{
    const struct table *table = context;
    return scope_mtime(table->scope, ret_mtime_ns, err);
}

static int count_make(void *context, struct node **ret_node, struct err *err)
{
    struct table *table = context;
    const struct node_text text = {
        .render = count_render,
        .mtime = table_mtime,
        .immutable = !scope_is_live(table->scope),
    };
    int r = node_text_new(&text, table_ref(table), table_release, 0, ret_node);
    if (r < 0) {
        table_release(table);
        return err_set(err, ENOMEM, "%s: out of memory", table->name);
    }
    return 0;
}

static int table_rows_make(void *context, struct node **ret_node, struct err *err)
{
    const struct table *table = context;
    return rows_make(table->scope, table->name, ret_node, err);
}

static int table_by_make(void *context, struct node **ret_node, struct err *err)
{
    const struct table *table = context;
    return by_make(table->scope, table->name, ret_node, err);
}

static const struct node_static_entry table_files[] = {
    {"count", NODE_FILE, false, count_make},
    {"rows", NODE_DIRECTORY, false, table_rows_make},
    {"by", NODE_DIRECTORY, false, table_by_make},
    {NULL, NODE_FILE, false, NULL},
};

static int table_new(struct scope *scope, const struct relation *relation, struct table **ret_table)
{
    struct table *table = calloc(1, sizeof(*table));
    if (!table)
        return -ENOMEM;
    table->name = strdup(relation->name);
    if (!table->name) {
        free(table);
        return -ENOMEM;
    }
    atomic_init(&table->references, 1);
    atomic_init(&table->row_count, NOT_COUNTED);
    table->scope = scope_ref(scope);
    *ret_table = table;
    return 0;
}

int table_make(struct scope *scope, const struct relation *relation, struct node **ret_node,
               struct err *err)
{
    struct table *table = NULL;
    int64_t mtime_ns = 0;
    int r = scope_mtime(scope, &mtime_ns, err);
    if (r < 0)
        return r;
    r = table_new(scope, relation, &table);
    if (r < 0)
        return err_set(err, ENOMEM, "%s: out of memory", relation->name);
    r = node_static_new(table_files, table, table_release, mtime_ns, !scope_is_live(scope),
                        ret_node);
    if (r < 0) {
        table_release(table);
        return err_set(err, ENOMEM, "%s: out of memory", relation->name);
    }
    return 0;
}
