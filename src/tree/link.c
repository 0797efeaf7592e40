/*
 * Symbolic links: a target that is rendered whenever somebody asks, so that a link like
 * `latest` is right without anyone having to move it.
 */
#include <errno.h>
#include <stdlib.h>

#include "dbsnapfs/tree.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"

struct link_node {
    struct node node;
    int (*render)(void *context, struct buf *out, struct err *err);
    void *context;
    void (*free_context)(void *);
    int64_t mtime_ns;
    bool immutable;
};

static int link_target(struct node *node, struct buf *out, struct err *err)
{
    struct link_node *link = (struct link_node *)node;
    int r = link->render(link->context, out, err);
    if (r < 0)
        return r;
    if (buf_error(out) < 0)
        return err_set(err, ENOMEM, "symbolic link: out of memory");
    return 0;
}

static int link_attr(struct node *node, struct node_attr *ret_attr, struct err *err)
{
    struct link_node *link = (struct link_node *)node;
    struct buf target = BUF_INIT;
    int r = link_target(node, &target, err);
    if (r == 0)
        *ret_attr = (struct node_attr){
            .kind = NODE_LINK,
            .immutable = link->immutable,
            .size = target.len,
            .mtime_ns = link->mtime_ns,
        };
    buf_free(&target);
    return r;
}

static void link_free(struct node *node)
{
    struct link_node *link = (struct link_node *)node;
    if (link->free_context)
        link->free_context(link->context);
    free(link);
}

static const struct node_ops link_ops = {
    .attr = link_attr,
    .target = link_target,
    .free = link_free,
};

int node_link_new(int (*render)(void *context, struct buf *out, struct err *err), void *context,
                  void (*free_context)(void *), int64_t mtime_ns, bool immutable,
                  struct node **ret_node)
{
    struct link_node *link = calloc(1, sizeof(*link));
    if (!link)
        return -ENOMEM;
    node_init(&link->node, &link_ops);
    link->render = render;
    link->context = context;
    link->free_context = free_context;
    link->mtime_ns = mtime_ns;
    link->immutable = immutable;
    *ret_node = &link->node;
    return 0;
}
