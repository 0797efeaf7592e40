/* live/: the database as it is now. */
#include <errno.h>

#include "context.h"
#include "dbsnapfs/source/source.h"
#include "dbsnapfs/tree.h"
#include "dbsnapfs/util/err.h"
#include "scope.h"
#include "tables.h"
#include "text.h"

static int schema_render(void *context, struct buf *out, struct err *err)
{
    return source_schema(view_source(context), out, err);
}

static int schema_mtime(void *context, int64_t *ret_mtime_ns, struct err *err)
{
    return source_changed(view_source(context), ret_mtime_ns, err);
}

static int schema_make(void *context, struct node **ret_node, struct err *err)
{
    static const struct node_text text = {.render = schema_render, .mtime = schema_mtime};
    (void)err;
    return text_make(&text, context, ret_node);
}

static int empty_make(void *context, struct node **ret_node, struct err *err)
{
    const struct view *view = context;
    (void)err;
    return text_empty(view->started_ns, ret_node);
}

static int in_scope(void *context,
                    int (*make)(struct scope *scope, struct node **ret_node, struct err *err),
                    struct node **ret_node, struct err *err)
{
    struct scope *scope = NULL;
    int r = scope_live(context, &scope, err);
    if (r < 0)
        return r;
    r = make(scope, ret_node, err);
    scope_unref(scope);
    return r;
}

static int live_tables_make(void *context, struct node **ret_node, struct err *err)
{
    return in_scope(context, tables_make, ret_node, err);
}

static int live_views_make(void *context, struct node **ret_node, struct err *err)
{
    return in_scope(context, views_make, ret_node, err);
}

static int live_dump_make(void *context, struct node **ret_node, struct err *err)
{
    return in_scope(context, dump_make, ret_node, err);
}

static const struct node_static_entry live_entries[] = {
    {"database.sqlite", NODE_FILE, false, live_image_make},
    {"database.sqlite-wal", NODE_FILE, true, empty_make},
    {"database.sqlite-shm", NODE_FILE, true, empty_make},
    {"database.sql", NODE_FILE, false, live_dump_make},
    {"schema.sql", NODE_FILE, false, schema_make},
    {"tables", NODE_DIRECTORY, false, live_tables_make},
    {"views", NODE_DIRECTORY, false, live_views_make},
    {NULL, NODE_FILE, false, NULL},
};

int live_make(void *context, struct node **ret_node, struct err *err)
{
    struct view *view = context;
    int r = node_static_new(live_entries, view_ref(view), view_release, view->started_ns, true,
                            ret_node);
    if (r < 0) {
        view_unref(view);
        return err_set(err, -r, "live: out of memory");
    }
    return 0;
}
