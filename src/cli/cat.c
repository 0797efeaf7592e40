/*
 * cat: a file of the tree to standard output, without a mount.
 */
#include <errno.h>

#include "cli/call.h"
#include "cli/copy.h"
#include "dbsnapfs/tree.h"
#include "dbsnapfs/util/err.h"

static int put_out(void *arg, const void *bytes, size_t len, struct err *err)
{
    (void)arg;
    return call_write(bytes, len, err);
}

static int print(void *arg, struct node *node, struct err *err)
{
    struct copy copy = {.cancel = NULL};
    int code = copy_stream(&copy, node, put_out, NULL, err);

    (void)arg;
    return code == -EISDIR
               ? err_set(err, EISDIR, "is a directory; `dbsnapfs list` shows what is in it")
               : code;
}

static int cat_run(const struct call *call)
{
    return call_use_node(call, print, NULL);
}

const struct cli_verb cat_verb = {
    "cat", "SOURCE PATH", "prints a file, such as backups/latest/schema.sql", 2, 2, cat_run};
