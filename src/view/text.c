/* Text files over the view: one reference each, given back with the node. */
#include "text.h"

#include "dbsnapfs/util/clock.h"

int text_make(const struct node_text *text, struct view *view, struct node **ret_node)
{
    int r = node_text_new(text, view_ref(view), view_release, view->started_ns, ret_node);
    if (r < 0)
        view_unref(view);
    return r;
}

int text_mtime_now(void *view, int64_t *ret_mtime_ns, struct err *err)
{
    (void)view;
    (void)err;
    *ret_mtime_ns = clock_now_ns();
    return 0;
}

static int empty_render(void *context, struct buf *out, struct err *err)
{
    (void)context;
    (void)out;
    (void)err;
    return 0;
}

int text_empty(int64_t mtime_ns, struct node **ret_node)
{
    static const struct node_text text = {.render = empty_render, .immutable = true};
    return node_text_new(&text, NULL, NULL, mtime_ns, ret_node);
}
