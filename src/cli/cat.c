/*
 * cat: a file of the tree to standard output, without a mount.
 */
#include <errno.h>

#include "cli/call.h"
#include "cli/copy.h"
#include "dbsnapfs/service/service.h"
#include "dbsnapfs/tree.h"
#include "dbsnapfs/util/err.h"
#include "dbsnapfs/view.h"

static int put_out(void *arg, const void *bytes, size_t len, struct err *err)
{
    (void)arg;
    return call_write(bytes, len, err);
}

static int cat_run(const struct call *call)
{
    struct node *root = NULL, *node = NULL;
    struct copy copy = {.cancel = NULL};
    struct service *service = NULL;
    struct err err = ERR_INIT;
    int code;

    code = call_open_tree(call, &service, &err);
    if (code == 0)
        code = view_root(service, NULL, &root, &err);
    if (code == 0)
        code = call_walk(root, call->args[1], &node, &err);
    if (code == 0)
        code = copy_stream(&copy, node, put_out, NULL, &err);
    if (code == -EISDIR)
        (void)err_set(&err, EISDIR, "is a directory; `dbsnapfs list` shows what is in it");
    if (node && code != 0 && code != -EPIPE)
        (void)err_at(&err, "%s", call->args[1]);
    node_unref(node);
    node_unref(root);
    service_free(service);
    return code == 0 ? STATUS_FINE : call_fail(&err);
}

const struct cli_verb cat_verb = {
    "cat", "SOURCE PATH", "prints a file, such as backups/latest/schema.sql", 2, 2, cat_run};
