/*
 * Directories whose entries are known beforehand: a table, walked from its beginning for
 * every look-up, for there are never many. A listing's cookie is the index behind the entry.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/tree.h"
#include "dbsnapfs/util/err.h"

struct static_node {
    struct node node;
    const struct node_static_entry *entries;
    node_choose *choose; /* NULL: a listing has them all */
    void *context;
    void (*free_context)(void *);
    int64_t mtime_ns;
    bool immutable;
};

static int static_attr(struct node *node, struct node_attr *ret_attr, struct err *err)
{
    const struct static_node *dir = (struct static_node *)node;
    (void)err;
    *ret_attr = (struct node_attr){
        .kind = NODE_DIRECTORY,
        .immutable = dir->immutable,
        .fresh_ms = 1000, /* of its attributes the time alone ever changes, from node to node */
        .mtime_ns = dir->mtime_ns,
    };
    return 0;
}

static int static_lookup(struct node *node, const char *name, struct node **ret_node,
                         struct err *err)
{
    const struct static_node *dir = (struct static_node *)node;
    for (const struct node_static_entry *entry = dir->entries; entry->name; entry++) {
        if (strcmp(entry->name, name) != 0)
            continue;
        int r = entry->make(dir->context, ret_node, err);
        if (r == -ENOMEM)
            return err_set(err, ENOMEM, "%s: out of memory", name);
        return r;
    }
    return err_set(err, ENOENT, "%s: no such file or directory", name);
}

/* What cannot be made for another reason is listed: whoever asks is told why. */
static bool static_shows(const struct static_node *dir, const struct node_static_entry *entry)
{
    struct node *node = NULL;
    if (entry->hidden || entry->kind != NODE_DIRECTORY)
        return !entry->hidden;
    int r = entry->make(dir->context, &node, NULL);
    if (r == 0)
        node_unref(node);
    return r != -ENOENT;
}

static int static_list(struct node *node, struct node_place *place, uint64_t cookie, node_emit emit,
                       void *arg, struct err *err)
{
    const struct static_node *dir = (struct static_node *)node;
    const struct node_static_entry *entry = dir->entries;
    uint64_t index = 0;
    (void)place;
    int r = dir->choose ? dir->choose(dir->context, &entry, err) : 0;
    if (r < 0)
        return r;
    while (index < cookie && entry->name) {
        entry++;
        index++;
    }
    for (; entry->name; entry++) {
        index++;
        if (static_shows(dir, entry) && emit(arg, entry->name, entry->kind, index) != 0)
            break;
    }
    return 0;
}

static void static_free(struct node *node)
{
    struct static_node *dir = (struct static_node *)node;
    if (dir->free_context)
        dir->free_context(dir->context);
    free(dir);
}

static const struct node_ops static_ops = {
    .attr = static_attr,
    .lookup = static_lookup,
    .list = static_list,
    .free = static_free,
};

int node_static_new(const struct node_static_entry *entries, void *context,
                    void (*free_context)(void *), int64_t mtime_ns, bool immutable,
                    struct node **ret_node)
{
    struct static_node *dir = calloc(1, sizeof(*dir));
    if (!dir)
        return -ENOMEM;
    node_init(&dir->node, &static_ops);
    dir->entries = entries;
    dir->context = context;
    dir->free_context = free_context;
    dir->mtime_ns = mtime_ns;
    dir->immutable = immutable;
    *ret_node = &dir->node;
    return 0;
}

void node_static_choose(struct node *directory, node_choose *choose)
{
    ((struct static_node *)directory)->choose = choose;
}
