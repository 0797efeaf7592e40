/*
 * Files whose text is made when they are opened. An open file keeps its text to its end,
 * whatever happens to what it was made of. A text that changes is read past the page
 * cache: then neither its old pages nor a size that was asked for earlier are in the way.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/tree.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"

struct text_node {
    struct node node;
    struct node_text text;
    void *context;
    void (*free_context)(void *);
    int64_t mtime_ns;
};

struct text_file {
    struct node_file file;
    struct buf text;
};

static int text_render(const struct text_node *text, struct buf *out, struct err *err)
{
    int r = text->text.render(text->context, out, err);
    if (r < 0)
        return r;
    if (buf_error(out) < 0)
        return err_set(err, ENOMEM, "out of memory");
    return 0;
}

static int text_size(const struct text_node *text, uint64_t *ret_size, struct err *err)
{
    if (text->text.size)
        return text->text.size(text->context, ret_size, err);
    struct buf rendering = BUF_INIT;
    int r = text_render(text, &rendering, err);
    if (r == 0)
        *ret_size = rendering.len;
    buf_free(&rendering);
    return r;
}

static int text_glance(struct node *node, struct node_attr *ret_attr, struct err *err)
{
    const struct text_node *text = (struct text_node *)node;
    *ret_attr = (struct node_attr){
        .kind = NODE_FILE,
        .immutable = text->text.immutable,
        .mtime_ns = text->mtime_ns,
    };
    return text->text.mtime ? text->text.mtime(text->context, &ret_attr->mtime_ns, err) : 0;
}

static int text_attr(struct node *node, struct node_attr *ret_attr, struct err *err)
{
    struct node_attr attr = {.kind = NODE_FILE};
    int r = text_glance(node, &attr, err);
    if (r == 0)
        r = text_size((struct text_node *)node, &attr.size, err);
    if (r == 0)
        *ret_attr = attr;
    return r;
}

static int text_read(struct node_file *file, uint64_t offset, void *bytes, size_t len,
                     size_t *ret_len, struct err *err)
{
    const struct buf *text = &((struct text_file *)file)->text;
    size_t count = 0;
    (void)err;
    if (offset < text->len) {
        size_t rest = text->len - (size_t)offset;
        count = len < rest ? len : rest;
        memcpy(bytes, text->data + offset, count);
    }
    *ret_len = count;
    return 0;
}

static int text_file_size(struct node_file *file, uint64_t *ret_size, struct err *err)
{
    (void)err;
    *ret_size = ((struct text_file *)file)->text.len;
    return 0;
}

static void text_close(struct node_file *file)
{
    struct text_file *text = (struct text_file *)file;
    buf_free(&text->text);
    free(text);
}

static const struct node_file_ops text_file_ops = {
    .read = text_read,
    .size = text_file_size,
    .close = text_close,
};

int node_text_file(struct buf *text, bool immutable, struct node_file **ret_file, struct err *err)
{
    struct text_file *file = calloc(1, sizeof(*file));
    if (!file || buf_error(text) < 0) {
        free(file);
        buf_free(text);
        return err_set(err, ENOMEM, "out of memory");
    }
    file->file.ops = &text_file_ops;
    file->file.keep_cache = immutable;
    file->file.direct = !immutable;
    file->text = *text;
    *text = (struct buf)BUF_INIT;
    *ret_file = &file->file;
    return 0;
}

static int text_open(struct node *node, bool writing, const struct node_request *request,
                     struct node_file **ret_file, struct err *err)
{
    const struct text_node *text = (struct text_node *)node;
    struct buf rendering = BUF_INIT;
    (void)writing;
    (void)request;
    int r = text_render(text, &rendering, err);
    if (r < 0) {
        buf_free(&rendering);
        return r;
    }
    return node_text_file(&rendering, text->text.immutable && !text->text.slow, ret_file, err);
}

static void text_free(struct node *node)
{
    struct text_node *text = (struct text_node *)node;
    if (text->free_context)
        text->free_context(text->context);
    free(text);
}

static const struct node_ops text_ops = {
    .attr = text_attr,
    .open = text_open,
    .free = text_free,
};

static const struct node_ops slow_text_ops = {
    .attr = text_attr,
    .glance = text_glance,
    .open = text_open,
    .free = text_free,
};

int node_text_new(const struct node_text *text, void *context, void (*free_context)(void *),
                  int64_t mtime_ns, struct node **ret_node)
{
    struct text_node *node = calloc(1, sizeof(*node));
    if (!node)
        return -ENOMEM;
    node_init(&node->node, text->slow ? &slow_text_ops : &text_ops);
    node->text = *text;
    node->context = context;
    node->free_context = free_context;
    node->mtime_ns = mtime_ns;
    *ret_node = &node->node;
    return 0;
}
