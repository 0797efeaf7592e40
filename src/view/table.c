/*
 * tables/TABLE/ and views/VIEW/: what is in it, and the files that are made at once.
 *
 * A table is known by its name alone and looked up in the schema at each use, because a live one
 * may have been dropped or made anew since.
 *
 * Of what is broken only the SQL that makes it is listed, so that programs that read a whole tree go
 * through; its other files answer look-ups, to say why they cannot be read. What is live may break or be
 * repaired at any time, so each listing finds out anew.
 */
#include "table.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/source/database.h"
#include "dbsnapfs/source/schema.h"
#include "dbsnapfs/table/describe.h"
#include "dbsnapfs/tree.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"
#include "rendered.h"
#include "scope.h"
#include "sizes.h"
#include "tables.h"

struct table {
    atomic_uint references;
    struct scope *scope;
    char *name; /* the database's */
    bool is_view;
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

int table_find(struct database *database, const char *name, const struct relation **ret_relation,
               struct err *err)
{
    const struct schema *schema = NULL;
    int r = database_schema(database, &schema, err);
    if (r < 0)
        return r;
    const struct relation *relation = schema_find(schema, name);
    if (!relation || strcmp(relation->name, name) != 0)
        return err_set(err, ENOENT, "%s: there is no such table any more", name);
    *ret_relation = relation;
    return database_resolve(database, relation, err);
}

/* EIO for what cannot be read, with the reason. */
static int relation_check(const struct relation *relation, struct err *err)
{
    if (relation->broken)
        return err_set(err, EIO, "%s: %s", relation->name, relation->broken);
    return 0;
}

/* Hands the relation to `describe`; `whole`: only if it is not broken. */
static int table_describe(const struct table *table, bool whole,
                          void (*describe)(const struct relation *relation, struct buf *out),
                          struct buf *out, struct err *err)
{
    struct database *database = NULL;
    const struct relation *relation = NULL;
    int r = scope_use(table->scope, NULL, &database, err);
    if (r < 0)
        return r;
    r = table_find(database, table->name, &relation, err);
    if (r == 0 && whole)
        r = relation_check(relation, err);
    if (r == 0)
        describe(relation, out);
    scope_done(table->scope, database);
    return r;
}

static int schema_render(void *context, struct buf *out, struct err *err)
{
    return table_describe(context, false, describe_schema, out, err);
}

static int columns_render(void *context, struct buf *out, struct err *err)
{
    return table_describe(context, true, describe_columns, out, err);
}

static int count_render(void *context, struct buf *out, struct err *err)
{
    const struct table *table = context;
    uint64_t rows = 0;
    int r = sizes_count(table->scope, table->name, &rows, err);
    if (r == 0)
        buf_addf(out, "%" PRIu64 "\n", rows);
    return r;
}

static int table_mtime(void *context, int64_t *ret_mtime_ns, struct err *err)
{
    const struct table *table = context;
    return scope_mtime(table->scope, ret_mtime_ns, err);
}

static int text_make(struct table *table,
                     int (*render)(void *context, struct buf *out, struct err *),
                     struct node **ret_node, struct err *err)
{
    const struct node_text text = {
        .render = render,
        .mtime = table_mtime,
        .immutable = !scope_is_live(table->scope),
        .slow = render == count_render,
    };
    int r = node_text_new(&text, table_ref(table), table_release, 0, ret_node);
    if (r < 0) {
        table_release(table);
        return err_set(err, ENOMEM, "tables: out of memory");
    }
    return 0;
}

static int schema_make(void *context, struct node **ret_node, struct err *err)
{
    return text_make(context, schema_render, ret_node, err);
}

static int columns_make(void *context, struct node **ret_node, struct err *err)
{
    return text_make(context, columns_render, ret_node, err);
}

static int count_make(void *context, struct node **ret_node, struct err *err)
{
    return text_make(context, count_render, ret_node, err);
}

static int text_rows_make(void *context, enum text_form form, struct node **ret_node,
                          struct err *err)
{
    const struct table *table = context;
    return rendered_rows_make(table->scope, table->name, table->is_view, form, ret_node, err);
}

static int csv_make(void *context, struct node **ret_node, struct err *err)
{
    return text_rows_make(context, TEXT_CSV, ret_node, err);
}

static int ndjson_make(void *context, struct node **ret_node, struct err *err)
{
    return text_rows_make(context, TEXT_NDJSON, ret_node, err);
}

static int sql_make(void *context, struct node **ret_node, struct err *err)
{
    return text_rows_make(context, TEXT_SQL, ret_node, err);
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

#define FILES(broken)                                                                        \
    {"schema.sql", NODE_FILE, false, schema_make},                                           \
        {"columns.json", NODE_FILE, broken, columns_make},                                   \
        {"count", NODE_FILE, broken, count_make}, {"rows.csv", NODE_FILE, broken, csv_make}, \
        {"rows.ndjson", NODE_FILE, broken, ndjson_make},                                     \
    {                                                                                        \
        "rows.sql", NODE_FILE, broken, sql_make                                              \
    }

static const struct node_static_entry table_files[] = {
    FILES(false),
    {"rows", NODE_DIRECTORY, false, table_rows_make},
    {"by", NODE_DIRECTORY, false, table_by_make},
    {NULL, NODE_FILE, false, NULL},
};

static const struct node_static_entry view_files[] = {
    FILES(false),
    {NULL, NODE_FILE, false, NULL},
};

static const struct node_static_entry broken_files[] = {
    FILES(true),
    {NULL, NODE_FILE, false, NULL},
};

static const struct node_static_entry *files_of(const struct table *table)
{
    return table->is_view ? view_files : table_files;
}

static const struct node_static_entry *files_listed(const struct table *table,
                                                    const struct relation *relation)
{
    return relation->broken ? broken_files : files_of(table);
}

static int choose_files(void *context, const struct node_static_entry **ret_entries,
                        struct err *err)
{
    const struct table *table = context;
    struct database *database = NULL;
    const struct relation *relation = NULL;
    int r = scope_use(table->scope, NULL, &database, err);
    if (r < 0)
        return r;
    r = table_find(database, table->name, &relation, err);
    if (r == 0)
        *ret_entries = files_listed(table, relation);
    scope_done(table->scope, database);
    return r;
}

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
    table->is_view = relation->kind == RELATION_VIEW;
    table->scope = scope_ref(scope);
    *ret_table = table;
    return 0;
}

int table_make(struct scope *scope, const struct relation *relation, struct node **ret_node,
               struct err *err)
{
    struct table *table = NULL;
    bool live = scope_is_live(scope);
    int64_t mtime_ns = 0;
    int r = scope_mtime(scope, &mtime_ns, err);
    if (r < 0)
        return r;
    r = table_new(scope, relation, &table);
    if (r < 0)
        return err_set(err, ENOMEM, "%s: out of memory", relation->name);
    r = node_static_new(live ? files_of(table) : files_listed(table, relation), table,
                        table_release, mtime_ns, !live, ret_node);
    if (r < 0) {
        table_release(table);
        return err_set(err, ENOMEM, "%s: out of memory", relation->name);
    }
    (*ret_node)->names_only = live;
    if (live)
        node_static_choose(*ret_node, choose_files);
    return 0;
}
