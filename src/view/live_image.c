/*
 * live/database.sqlite: opening it captures one consistent state of the database into a
 * file without a name, and reads are served from that, past the page cache: the size may
 * have changed since somebody asked for it, and the next opener gets another state.
 */
#include <errno.h>
#include <stdlib.h>

#include "context.h"
#include "dbsnapfs/source/source.h"
#include "dbsnapfs/tree.h"
#include "dbsnapfs/util/err.h"
#include "gather.h"

struct live_node {
    struct node node;
    struct view *view;
};

static int image_begin(void *arg, const struct source_info *info, const char *settings,
                       struct err *err)
{
    (void)arg;
    (void)info;
    (void)settings;
    (void)err;
    return 0;
}

static int image_put(void *arg, uint64_t offset, const void *bytes, size_t len, struct err *err)
{
    return gather_put(arg, offset, bytes, len, err);
}

static int live_attr(struct node *node, struct node_attr *ret_attr, struct err *err)
{
    const struct live_node *live = (struct live_node *)node;
    struct source_info info = {.page_size = 0};
    int r = source_info(view_source(live->view), &info, err);
    if (r == 0)
        *ret_attr = (struct node_attr){
            .kind = NODE_FILE,
            .size = info.image_bytes,
            .mtime_ns = info.changed_ns,
        };
    return r;
}

/* One consistent state of the source. */
static int live_capture(struct source *source, struct gather *gather, const atomic_bool *cancel,
                        struct err *err)
{
    const struct source_sink sink = {.arg = gather, .begin = image_begin, .put = image_put};
    uint64_t image_bytes = 0;
    int r = source_capture(source, &sink, cancel, &image_bytes, err);
    /* Zeros at the end are not put. */
    return r < 0 ? r : gather_extend(gather, image_bytes, err);
}

static int live_open(struct node *node, bool writing, const struct node_request *request,
                     struct node_file **ret_file, struct err *err)
{
    const struct live_node *live = (struct live_node *)node;
    struct gather gather;
    (void)writing;
    gather_init(&gather, live->view);
    int r = live_capture(view_source(live->view), &gather, request->cancel, err);
    if (r == 0)
        r = gather_file(&gather, false, ret_file, err);
    gather_release(&gather);
    return r;
}

static void live_free(struct node *node)
{
    struct live_node *live = (struct live_node *)node;
    view_unref(live->view);
    free(live);
}

static const struct node_ops live_ops = {
    .attr = live_attr,
    .open = live_open,
    .free = live_free,
};

int live_image_make(void *context, struct node **ret_node, struct err *err)
{
    struct live_node *live = calloc(1, sizeof(*live));
    if (!live)
        return err_set(err, ENOMEM, "live: out of memory");
    node_init(&live->node, &live_ops);
    live->view = view_ref(context);
    *ret_node = &live->node;
    return 0;
}
