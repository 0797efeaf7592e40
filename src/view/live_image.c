/*
 * live/database.sqlite: opening it captures one consistent state of the database into a
 * file without a name, and reads are served from that, past the page cache: the size may
 * have changed since somebody asked for it, and the next opener gets another state.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "context.h"
#include "dbsnapfs/source/source.h"
#include "dbsnapfs/tree.h"
#include "dbsnapfs/util/err.h"
#include "spool.h"

#define GATHER_BYTES ((size_t)1 << 20)

struct live_node {
    struct node node;
    struct view *view;
};

/* Pages come in order and small; they are written in large pieces. */
struct gather {
    int fd;
    unsigned char *bytes;
    uint64_t offset; /* where bytes[0] belongs */
    size_t len;
};

static int gather_flush(struct gather *gather, struct err *err)
{
    int r = spool_write(gather->fd, gather->bytes, gather->len, gather->offset, err);
    gather->len = 0;
    return r;
}

static int gather_begin(void *arg, const struct source_info *info, const char *settings,
                        struct err *err)
{
    (void)arg;
    (void)info;
    (void)settings;
    (void)err;
    return 0;
}

static int gather_put(void *arg, uint64_t offset, const void *bytes, size_t len, struct err *err)
{
    struct gather *gather = arg;
    if (offset != gather->offset + gather->len || len > GATHER_BYTES - gather->len) {
        int r = gather_flush(gather, err);
        if (r < 0)
            return r;
        gather->offset = offset;
    }
    if (len > GATHER_BYTES)
        return spool_write(gather->fd, bytes, len, offset, err);
    memcpy(gather->bytes + gather->len, bytes, len);
    gather->len += len;
    return 0;
}

static int live_attr(struct node *node, struct node_attr *ret_attr, struct err *err)
{
    const struct live_node *live = (struct live_node *)node;
    struct source *source = NULL;
    struct source_info info = {.page_size = 0};
    int r = view_source(live->view, &source, err);
    if (r == 0)
        r = source_info(source, &info, err);
    if (r == 0)
        *ret_attr = (struct node_attr){
            .kind = NODE_FILE,
            .size = info.image_bytes,
            .mtime_ns = info.changed_ns,
        };
    return r;
}

/* One consistent state of the source into `fd`. */
static int live_capture(struct source *source, int fd, const atomic_bool *cancel, struct err *err)
{
    struct gather gather = {.fd = fd, .bytes = malloc(GATHER_BYTES)};
    const struct source_sink sink = {.arg = &gather, .begin = gather_begin, .put = gather_put};
    uint64_t image_bytes = 0;
    if (!gather.bytes)
        return err_set(err, ENOMEM, "live copy: out of memory");
    int r = source_capture(source, &sink, cancel, &image_bytes, err);
    if (r == 0)
        r = gather_flush(&gather, err);
    /* Zeros at the end are not put. */
    if (r == 0 && ftruncate(fd, (off_t)image_bytes) < 0)
        r = err_sys(err, errno, "temporary copy of the database");
    free(gather.bytes);
    return r;
}

static int live_open(struct node *node, bool writing, const struct node_request *request,
                     struct node_file **ret_file, struct err *err)
{
    const struct live_node *live = (struct live_node *)node;
    struct source *source = NULL;
    int fd = -1;
    (void)writing;
    int r = view_source(live->view, &source, err);
    if (r == 0)
        r = view_spool(live->view, &fd, err);
    if (r < 0)
        return r;
    r = live_capture(source, fd, request->cancel, err);
    if (r < 0) {
        close(fd);
        return r;
    }
    return spool_file(fd, ret_file, err);
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
