/*
 * Nodes in general: references, and the checks that every caller would have to make.
 */
#include "dbsnapfs/tree.h"

#include <errno.h>

#include "dbsnapfs/util/err.h"

static _Thread_local const struct node_request *served;
static _Thread_local struct node_place shared;

void node_serve(const struct node_request *request)
{
    served = NULL;
    node_place_clear(&shared);
    served = request;
}

struct node_place *node_shared(void)
{
    return served ? &shared : NULL;
}

const atomic_bool *node_cancel(void)
{
    return served ? served->cancel : NULL;
}

void node_init(struct node *node, const struct node_ops *ops)
{
    node->ops = ops;
    node->names_only = false;
    atomic_init(&node->references, 1);
}

struct node *node_ref(struct node *node)
{
    /* Whoever takes a reference has one already, so nothing has to be seen in order. */
    atomic_fetch_add_explicit(&node->references, 1, memory_order_relaxed);
    return node;
}

void node_unref(struct node *node)
{
    if (node && atomic_fetch_sub_explicit(&node->references, 1, memory_order_acq_rel) == 1)
        node->ops->free(node);
}

int node_attr(struct node *node, struct node_attr *ret_attr, struct err *err)
{
    struct node_attr attr = {.kind = NODE_FILE};
    int r = node->ops->attr(node, &attr, err);
    if (r == 0)
        *ret_attr = attr;
    return r;
}

int node_lookup(struct node *node, const char *name, struct node **ret_node, struct err *err)
{
    if (!node->ops->lookup)
        return err_set(err, ENOTDIR, "%s: what should hold it is not a directory", name);
    return node->ops->lookup(node, name, ret_node, err);
}

void node_place_clear(struct node_place *place)
{
    if (place->free)
        place->free(place->kept);
    *place = (struct node_place){NULL, NULL};
}

int node_list(struct node *node, struct node_place *place, uint64_t cookie, node_emit emit,
              void *arg, struct err *err)
{
    struct node_place own = {NULL, NULL};
    if (!node->ops->list)
        return err_set(err, ENOTDIR, "not a directory");
    int r = node->ops->list(node, place ? place : &own, cookie, emit, arg, err);
    node_place_clear(&own);
    return r;
}

int node_glance(struct node *node, struct node_attr *ret_attr, bool *ret_whole, struct err *err)
{
    struct node_attr attr = {.kind = NODE_FILE};
    if (!node->ops->glance) {
        *ret_whole = true;
        return node_attr(node, ret_attr, err);
    }
    int r = node->ops->glance(node, &attr, err);
    if (r == 0) {
        *ret_whole = false;
        *ret_attr = attr;
    }
    return r;
}

int node_open(struct node *node, bool writing, const struct node_request *request,
              struct node_file **ret_file, struct err *err)
{
    static const atomic_bool never = false;
    static const struct node_request nobody = {.cancel = &never};

    if (!node->ops->open) {
        if (node->ops->list)
            return err_set(err, EISDIR, "is a directory");
        return err_set(err, ELOOP, "is a symbolic link");
    }
    if (writing) {
        struct node_attr attr = {.kind = NODE_FILE};
        int r = node_attr(node, &attr, err);
        if (r < 0)
            return r;
        if (!attr.writable)
            return err_set(err, EROFS, "cannot be written");
    }
    return node->ops->open(node, writing, request ? request : &nobody, ret_file, err);
}
