/* status and status.json: what the service says of itself, for people and for programs. */
#include "dbsnapfs/service/service.h"
#include "text.h"

static int status_render(void *context, struct buf *out, struct err *err)
{
    const struct view *view = context;
    return service_status(view->service, out, err);
}

static int status_json_render(void *context, struct buf *out, struct err *err)
{
    const struct view *view = context;
    return service_status_json(view->service, out, err);
}

int status_make(void *context, struct node **ret_node, struct err *err)
{
    static const struct node_text text = {.render = status_render, .mtime = text_mtime_now};
    (void)err;
    return text_make(&text, context, ret_node);
}

int status_json_make(void *context, struct node **ret_node, struct err *err)
{
    static const struct node_text text = {.render = status_json_render, .mtime = text_mtime_now};
    (void)err;
    return text_make(&text, context, ret_node);
}
