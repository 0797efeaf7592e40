/*
 * tables/ and views/: a directory for each table, or view, of a database.
 *
 * The schema is read anew for each look-up and each piece of a listing; that costs little, because
 * the pool's databases keep it until it changes. Names are compared as they are encoded: so a name
 * that was cut is found like any other, and none has two spellings.
 *
 * What SQLite keeps for itself (sqlite_sequence, the shadow tables of virtual ones) answers
 * look-ups, for whoever wants to see it, and stands in no listing.
 */
#include "tables.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/source/database.h"
#include "dbsnapfs/source/schema.h"
#include "dbsnapfs/tree.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"
#include "dbsnapfs/util/name.h"
#include "look.h"
#include "scope.h"
#include "table.h"

struct tables_node {
    struct node node;
    struct scope *scope;
    bool views;
};

static int tables_attr(struct node *node, struct node_attr *ret_attr, struct err *err)
{
    const struct tables_node *tables = (struct tables_node *)node;
    int r = look_attr(tables->scope, ret_attr, err);
    if (r == 0)
        ret_attr->permanent = true;
    return r;
}

bool tables_lists(const struct relation *relation)
{
    return relation->kind != RELATION_SHADOW && relation->kind != RELATION_INTERNAL;
}

/* Names are compared as they are encoded, for a name that was cut cannot be decoded. */
const struct relation *tables_relation(const struct schema *schema, const char *name, bool views)
{
    const struct relation *found = NULL;
    struct buf encoded = BUF_INIT;
    for (size_t i = 0; !found && i < schema->relation_count; i++) {
        const struct relation *relation = &schema->relations[i];
        if ((relation->kind == RELATION_VIEW) != views)
            continue;
        buf_clear(&encoded);
        if (name_encode(relation->name, strlen(relation->name), &encoded) == 0 &&
            strcmp(buf_text(&encoded), name) == 0)
            found = relation;
    }
    buf_free(&encoded);
    return found;
}

static int tables_lookup(struct node *node, const char *name, struct node **ret_node,
                         struct err *err)
{
    const struct tables_node *tables = (struct tables_node *)node;
    struct database *database = NULL;
    const struct schema *schema = NULL;
    const struct relation *relation = NULL;
    int r = scope_use(tables->scope, NULL, &database, err);
    if (r < 0)
        return r;
    r = database_schema(database, &schema, err);
    if (r == 0)
        relation = tables_relation(schema, name, tables->views);
    if (r == 0 && !relation)
        r = err_set(err, ENOENT, "%s: no such %s", name, tables->views ? "view" : "table");
    if (r == 0)
        r = database_resolve(database, relation, err);
    if (r == 0)
        r = table_make(tables->scope, relation, ret_node, err);
    scope_done(tables->scope, database);
    return r;
}

/* A cookie is the number of relations that are done. */
static int tables_list(struct node *node, struct node_place *place, uint64_t cookie, node_emit emit,
                       void *arg, struct err *err)
{
    const struct tables_node *tables = (struct tables_node *)node;
    struct database *database = NULL;
    const struct schema *schema = NULL;
    struct buf name = BUF_INIT;
    (void)place;
    int r = scope_use(tables->scope, NULL, &database, err);
    if (r < 0)
        return r;
    r = database_schema(database, &schema, err);
    for (uint64_t i = cookie; r == 0 && i < schema->relation_count; i++) {
        const struct relation *relation = &schema->relations[i];
        if ((relation->kind == RELATION_VIEW) != tables->views || !tables_lists(relation))
            continue;
        buf_clear(&name);
        if (name_encode(relation->name, strlen(relation->name), &name) < 0)
            r = err_set(err, ENOMEM, "tables: out of memory");
        else if (emit(arg, buf_text(&name), NODE_DIRECTORY, i + 1) != 0)
            break;
    }
    scope_done(tables->scope, database);
    buf_free(&name);
    return r;
}

static void tables_free(struct node *node)
{
    struct tables_node *tables = (struct tables_node *)node;
    scope_unref(tables->scope);
    free(tables);
}

static const struct node_ops tables_ops = {
    .attr = tables_attr,
    .lookup = tables_lookup,
    .list = tables_list,
    .free = tables_free,
};

static int make(struct scope *scope, bool views, struct node **ret_node, struct err *err)
{
    struct tables_node *tables = calloc(1, sizeof(*tables));
    if (!tables)
        return err_set(err, ENOMEM, "tables: out of memory");
    node_init(&tables->node, &tables_ops);
    tables->scope = scope_ref(scope);
    tables->views = views;
    /* To look a view up takes preparing it, and all that it asks. */
    tables->node.names_only = views || scope_is_live(scope);
    *ret_node = &tables->node;
    return 0;
}

int tables_make(struct scope *scope, struct node **ret_node, struct err *err)
{
    return make(scope, false, ret_node, err);
}

int views_make(struct scope *scope, struct node **ret_node, struct err *err)
{
    return make(scope, true, ret_node, err);
}
