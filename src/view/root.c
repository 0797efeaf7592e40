/*
 * The mount's root: what stands at the top. Its names and attributes never change, so the
 * kernel need not ask on every way through it; nor live/'s.
 */
#include "context.h"
#include "dbsnapfs/tree.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"
#include "dbsnapfs/view.h"

#include <errno.h>

static int tables_target(void *context, struct buf *out, struct err *err)
{
    (void)context;
    (void)err;
    buf_add_text(out, "live/tables");
    return 0;
}

static int tables_link_make(void *context, struct node **ret_node, struct err *err)
{
    const struct view *view = context;
    int r = node_link_new(tables_target, NULL, NULL, view->started_ns, true, ret_node);
    return r < 0 ? err_set(err, -r, "tables: out of memory") : 0;
}

static const struct node_static_entry root_entries[] = {
    {"README.txt", NODE_FILE, false, readme_make},
    {"control", NODE_FILE, false, control_make},
    {"status", NODE_FILE, false, status_make},
    {"status.json", NODE_FILE, false, status_json_make},
    {"log", NODE_FILE, false, log_make},
    {"tables", NODE_LINK, false, tables_link_make},
    {"live", NODE_DIRECTORY, false, live_make},
    {"backups", NODE_DIRECTORY, false, backups_make},
    {"history", NODE_DIRECTORY, false, history_make},
    {NULL, NODE_FILE, false, NULL},
};

int view_root(struct service *service, const struct view_config *config, struct node **ret_root,
              struct err *err)
{
    struct view *view = NULL;
    int r = view_new(service, &view, err);
    if (r < 0)
        return r;
    if (config)
        view->live_timeout_s = config->live_timeout_s;
    r = node_static_new(root_entries, view, view_close, view->started_ns, true, ret_root);
    if (r < 0) {
        view_unref(view);
        return err_set(err, -r, "tree: out of memory");
    }
    return 0;
}
