/*
 * backups/: a directory each, and `latest`, which exists when there is a backup.
 *
 * A listing goes through the catalog by number, which is its cookie, so it costs the same
 * memory for ten backups as for a million. `latest` comes last.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "context.h"
#include "dbsnapfs/store/repo.h"
#include "dbsnapfs/tree.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"
#include "entry.h"

#define LATEST "latest"
#define LATEST_COOKIE NODE_COOKIE_MOST /* behind every number */

/* The directory, and `latest` as well: both are the view and nothing else. */
struct backups_node {
    struct node node;
    struct view *view;
};

static struct view *view_of(struct node *node)
{
    return ((struct backups_node *)node)->view;
}

static void backups_free(struct node *node)
{
    struct backups_node *backups = (struct backups_node *)node;
    view_unref(backups->view);
    free(backups);
}

static int backups_new(struct view *view, const struct node_ops *ops, struct node **ret_node,
                       struct err *err)
{
    struct backups_node *backups = calloc(1, sizeof(*backups));
    if (!backups)
        return err_set(err, ENOMEM, "backups: out of memory");
    node_init(&backups->node, ops);
    backups->view = view_ref(view);
    *ret_node = &backups->node;
    return 0;
}

static int latest_attr(struct node *node, struct node_attr *ret_attr, struct err *err)
{
    struct backup_entry newest = {.id = 0};
    int r = repo_find(view_repo(view_of(node)), LATEST, &newest, err);
    if (r < 0)
        return r;
    *ret_attr = (struct node_attr){
        .kind = NODE_LINK,
        .size = strlen(newest.name),
        .mtime_ns = newest.started_ns,
    };
    backup_entry_free(&newest);
    return 0;
}

static int latest_target(struct node *node, struct buf *out, struct err *err)
{
    struct backup_entry newest = {.id = 0};
    int r = repo_find(view_repo(view_of(node)), LATEST, &newest, err);
    if (r < 0)
        return r;
    buf_add_text(out, newest.name);
    backup_entry_free(&newest);
    return buf_error(out) < 0 ? err_set(err, ENOMEM, "latest: out of memory") : 0;
}

static const struct node_ops latest_ops = {
    .attr = latest_attr,
    .target = latest_target,
    .free = backups_free,
};

/*
 * As old as its newest backup. Whoever goes into a backup comes through here, three times a
 * file for `ls -l`, so the answer must not depend on how many backups there are, as the
 * totals do, and may be a moment old: what is *in* the directory is always asked for anew.
 */
static int backups_attr(struct node *node, struct node_attr *ret_attr, struct err *err)
{
    const struct view *view = view_of(node);
    struct backup_entry newest = {.id = 0};
    int r = repo_find(view_repo(view), LATEST, &newest, err);
    if (r < 0 && r != -ENOENT)
        return r;
    *ret_attr = (struct node_attr){
        .kind = NODE_DIRECTORY,
        .permanent = true,
        .fresh_ms = 1000,
        .mtime_ns = r == 0 ? newest.started_ns : view->started_ns,
    };
    if (r == 0)
        backup_entry_free(&newest);
    return 0;
}

static int backups_lookup(struct node *node, const char *name, struct node **ret_node,
                          struct err *err)
{
    struct view *view = view_of(node);
    struct backup_entry backup = {.id = 0};
    int r = repo_find(view_repo(view), name, &backup, err);
    if (r < 0)
        return r;
    if (strcmp(name, LATEST) == 0)
        r = backups_new(view, &latest_ops, ret_node, err);
    else
        r = entry_make(view, &backup, ret_node, err);
    backup_entry_free(&backup);
    return r;
}

struct emitter {
    node_emit emit;
    void *arg;
};

static int emit_backup(void *arg, const struct backup_entry *backup)
{
    const struct emitter *emitter = arg;
    return emitter->emit(emitter->arg, backup->name, NODE_DIRECTORY, backup->id) != 0;
}

static int backups_list(struct node *node, struct node_place *place, uint64_t cookie,
                        node_emit emit, void *arg, struct err *err)
{
    struct repo *repo = view_repo(view_of(node));
    struct emitter emitter = {emit, arg};
    struct backup_entry newest = {.id = 0};
    (void)place;
    if (cookie >= LATEST_COOKIE)
        return 0;
    int r = repo_list(repo, cookie, emit_backup, &emitter, err);
    if (r != 0)
        return r < 0 ? r : 0; /* no room for more */
    r = repo_find(repo, LATEST, &newest, err);
    if (r == -ENOENT)
        return 0;
    if (r < 0)
        return r;
    backup_entry_free(&newest);
    (void)emit(arg, LATEST, NODE_LINK, LATEST_COOKIE);
    return 0;
}

static const struct node_ops backups_ops = {
    .attr = backups_attr,
    .lookup = backups_lookup,
    .list = backups_list,
    .free = backups_free,
};

int backups_make(void *context, struct node **ret_node, struct err *err)
{
    return backups_new(context, &backups_ops, ret_node, err);
}
