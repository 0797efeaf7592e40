/*
 * history/TABLE/KEY/: the versions of a row, a link to each, the newest first.
 *
 * A row is reached by its name. history/TABLE/ lists no rows, since who walks through the mount,
 * find(1) or grep -r, would have every row of every table looked up in every backup; the tables
 * that the newest backup has are listed, and others that some backup had are found.
 *
 * In it are `BACKUP`, a link to the row in that backup; `BACKUP.gone`, a file, for the first backup
 * that does not have it any more; and `BACKUP.unreadable`, which says why.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "context.h"
#include "dbsnapfs/source/database.h"
#include "dbsnapfs/source/schema.h"
#include "dbsnapfs/store/repo.h"
#include "dbsnapfs/table/key.h"
#include "dbsnapfs/tree.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"
#include "dbsnapfs/util/name.h"
#include "scope.h"
#include "tables.h"
#include "versions.h"

/* history/ (no table), history/TABLE/ (no versions) or history/TABLE/KEY/. */
struct history_node {
    struct node node;
    struct view *view;
    char *table; /* as it is called below tables/ */
    struct versions *versions;
};

static void history_free(struct node *node)
{
    struct history_node *history = (struct history_node *)node;
    versions_unref(history->versions);
    view_unref(history->view);
    free(history->table);
    free(history);
}

/* The reference to `versions` is the node's, and given back if there is none. */
static int history_new(struct view *view, const struct node_ops *ops, const char *table,
                       struct versions *versions, struct node **ret_node, struct err *err)
{
    struct history_node *history = calloc(1, sizeof(*history));
    char *copy = table ? strdup(table) : NULL;
    if (!history || (table && !copy)) {
        free(history);
        free(copy);
        versions_unref(versions);
        return err_set(err, ENOMEM, "history: out of memory");
    }
    node_init(&history->node, ops);
    history->view = view_ref(view);
    history->table = copy;
    history->versions = versions;
    *ret_node = &history->node;
    return 0;
}

static int history_attr(struct node *node, struct node_attr *ret_attr, struct err *err)
{
    const struct history_node *history = (struct history_node *)node;
    struct backup_entry newest = {.id = 0};
    int r = repo_find(view_repo(history->view), "latest", &newest, err);
    if (r < 0 && r != -ENOENT)
        return r;
    *ret_attr = (struct node_attr){
        .kind = NODE_DIRECTORY,
        .permanent = !history->table,
        .fresh_ms = 1000,
        .mtime_ns = r == 0 ? newest.started_ns : history->view->started_ns,
    };
    if (r == 0)
        backup_entry_free(&newest);
    return 0;
}

/* ---- history/TABLE/KEY/ ---- */

static int version_name(const struct version *version, struct buf *out, struct err *err)
{
    static const char *const ends[] = {
        [VERSION_ROW] = "",
        [VERSION_GONE] = ".gone",
        [VERSION_UNREADABLE] = ".unreadable",
    };
    buf_clear(out);
    buf_addf(out, "%s%s", version->backup, ends[version->kind]);
    return buf_error(out) < 0 ? err_set(err, ENOMEM, "history: out of memory") : 0;
}

/* A text, or a target, that is ready; `context` is a struct buf on the heap. */
static int said_render(void *context, struct buf *out, struct err *err)
{
    const struct buf *text = context;
    (void)err;
    buf_add(out, text->data, text->len);
    return 0;
}

static void said_free(void *context)
{
    buf_free(context);
    free(context);
}

static void say_version(const struct history_node *history, const struct version *version,
                        struct buf *out)
{
    const char *key = versions_key(history->versions);
    if (version->kind == VERSION_ROW)
        buf_addf(out, "../../../backups/%s/tables/%s/rows/%s", version->backup, history->table,
                 key);
    else if (version->kind == VERSION_GONE)
        buf_addf(out, "backup %s has no row %s in %s; %s was the last that had it\n",
                 version->backup, key, history->table, version->before);
    else
        buf_addf(out, "%s\n", version->why);
}

/* What is said names backups, which may be deleted: then another is said under the same name, or
 * nothing. So the kernel keeps none of it. */
static int version_make(const struct history_node *history, const struct version *version,
                        struct node **ret_node, struct err *err)
{
    static const struct node_text text = {.render = said_render};
    struct buf *said = calloc(1, sizeof(*said));
    if (!said)
        return err_set(err, ENOMEM, "history: out of memory");
    say_version(history, version, said);
    int r = buf_error(said);
    if (r == 0 && version->kind == VERSION_ROW)
        r = node_link_new(said_render, said, said_free, version->started_ns, false, ret_node);
    else if (r == 0)
        r = node_text_new(&text, said, said_free, version->started_ns, ret_node);
    if (r < 0) {
        said_free(said);
        return err_set(err, ENOMEM, "history: out of memory");
    }
    return 0;
}

static int row_lookup(struct node *node, const char *name, struct node **ret_node, struct err *err)
{
    const struct history_node *history = (struct history_node *)node;
    const struct version *versions = NULL;
    struct buf called = BUF_INIT;
    size_t count = 0;
    bool found = false;
    int r = versions_look(history->versions, &versions, &count, err);
    if (r < 0)
        return r;
    for (size_t i = 0; r == 0 && !found && i < count; i++) {
        r = version_name(&versions[i], &called, err);
        found = r == 0 && strcmp(buf_text(&called), name) == 0;
        if (found)
            r = version_make(history, &versions[i], ret_node, err);
    }
    versions_done(history->versions);
    buf_free(&called);
    if (r == 0 && !found)
        r = err_set(err, ENOENT, "%s: no backup in which the row became another", name);
    return r;
}

/* A cookie is the number of the backup, counted back from a large one: the newest is first. */
static int row_list(struct node *node, struct node_place *place, uint64_t cookie, node_emit emit,
                    void *arg, struct err *err)
{
    const struct history_node *history = (struct history_node *)node;
    const struct version *versions = NULL;
    struct buf name = BUF_INIT;
    size_t count = 0;
    (void)place;
    int r = versions_look(history->versions, &versions, &count, err);
    if (r < 0)
        return r;
    for (size_t i = count; r == 0 && i-- > 0;) {
        uint64_t next = NODE_COOKIE_MOST - versions[i].backup_id;
        if (next <= cookie)
            continue;
        r = version_name(&versions[i], &name, err);
        if (r == 0 && emit(arg, buf_text(&name),
                           versions[i].kind == VERSION_ROW ? NODE_LINK : NODE_FILE, next) != 0)
            break;
    }
    versions_done(history->versions);
    buf_free(&name);
    return r;
}

static const struct node_ops row_ops = {
    .attr = history_attr,
    .lookup = row_lookup,
    .list = row_list,
    .free = history_free,
};

/* ---- history/TABLE/ ---- */

static int table_lookup(struct node *node, const char *name, struct node **ret_node,
                        struct err *err)
{
    const struct history_node *history = (struct history_node *)node;
    const struct version *versions = NULL;
    struct versions *row = NULL;
    size_t count = 0;
    int r = versions_get(history->view, history->table, name, &row, err);
    if (r < 0)
        return r;
    r = versions_look(row, &versions, &count, err);
    if (r == 0)
        versions_done(row);
    if (r == 0 && count == 0)
        r = err_set(err, ENOENT, "%s: no backup has such a row", name);
    if (r < 0) {
        versions_unref(row);
        return r;
    }
    return history_new(history->view, &row_ops, history->table, row, ret_node, err);
}

static int table_list(struct node *node, struct node_place *place, uint64_t cookie, node_emit emit,
                      void *arg, struct err *err)
{
    (void)node, (void)place, (void)cookie, (void)emit, (void)arg, (void)err;
    return 0;
}

static const struct node_ops table_ops = {
    .attr = history_attr,
    .lookup = table_lookup,
    .list = table_list,
    .free = history_free,
};

/* ---- history/ ---- */

/* Does something with the schema of a backup. */
typedef int schema_use(const struct schema *schema, void *arg, struct err *err);

static int with_schema(struct view *view, const struct backup_entry *backup, schema_use *use,
                       void *arg, struct err *err)
{
    struct scope *scope = NULL;
    struct database *database = NULL;
    const struct schema *schema = NULL;
    int r = scope_past_use(view, backup, &scope, &database, err);
    if (r < 0)
        return r;
    r = database_schema(database, &schema, err);
    if (r == 0)
        r = use(schema, arg, err);
    scope_done(scope, database);
    scope_unref(scope);
    return r;
}

static bool has_history(const struct relation *relation)
{
    return relation->kind != RELATION_VIEW && !relation->broken && key_exists(relation);
}

static int find_table(const struct schema *schema, void *arg, struct err *err)
{
    const char *const *name = arg;
    const struct relation *relation = tables_relation(schema, *name, false);
    if (!relation || !has_history(relation))
        return err_set(err, ENOENT, "%s: no backup has such a table whose rows have names", *name);
    return 0;
}

/* Mostly the newest backup has it, so the walk goes backwards. */
static int find_in_backups(struct view *view, const char *name, struct err *err)
{
    struct backup_entry backup = {.id = 0};
    int r = repo_find(view_repo(view), "latest", &backup, err);
    if (r < 0)
        return r;
    for (;;) {
        uint64_t id = backup.id;
        r = with_schema(view, &backup, find_table, &name, err);
        backup_entry_free(&backup);
        if (r != -ENOENT && r != -EBADMSG)
            return r;
        int before = repo_before(view_repo(view), id, &backup, err);
        if (before < 0)
            return before == -ENOENT ? r : before;
    }
}

static int history_lookup(struct node *node, const char *name, struct node **ret_node,
                          struct err *err)
{
    const struct history_node *history = (struct history_node *)node;
    int r = find_in_backups(history->view, name, err);
    return r < 0 ? r : history_new(history->view, &table_ops, name, NULL, ret_node, err);
}

struct tables_listing {
    uint64_t cookie;
    node_emit emit;
    void *arg;
};

static int list_tables(const struct schema *schema, void *arg, struct err *err)
{
    const struct tables_listing *listing = arg;
    struct buf name = BUF_INIT;
    int r = 0;
    for (uint64_t i = listing->cookie; r == 0 && i < schema->relation_count; i++) {
        const struct relation *relation = &schema->relations[i];
        if (!has_history(relation) || !tables_lists(relation))
            continue;
        buf_clear(&name);
        if (name_encode(relation->name, strlen(relation->name), &name) < 0)
            r = err_set(err, ENOMEM, "history: out of memory");
        else if (listing->emit(listing->arg, buf_text(&name), NODE_DIRECTORY, i + 1) != 0)
            break;
    }
    buf_free(&name);
    return r;
}

static int history_list(struct node *node, struct node_place *place, uint64_t cookie,
                        node_emit emit, void *arg, struct err *err)
{
    const struct history_node *history = (struct history_node *)node;
    struct tables_listing listing = {cookie, emit, arg};
    struct backup_entry newest = {.id = 0};
    (void)place;
    int r = repo_find(view_repo(history->view), "latest", &newest, err);
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    r = with_schema(history->view, &newest, list_tables, &listing, err);
    backup_entry_free(&newest);
    return r;
}

static const struct node_ops history_ops = {
    .attr = history_attr,
    .lookup = history_lookup,
    .list = history_list,
    .free = history_free,
};

int history_make(void *context, struct node **ret_node, struct err *err)
{
    return history_new(context, &history_ops, NULL, NULL, ret_node, err);
}
