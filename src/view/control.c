/*
 * control: write a command, read the result of the last one.
 *
 * What is written to one open file is taken as lines, whatever the pieces it comes in. A
 * whole line is run within the write that ends it, so the write's errno is the command's;
 * what is left without a newline is run when the file is closed, and close(2) tells. After
 * a failure nothing more of that file is run.
 *
 * A shell's `echo backup > control` closes twice: the shell's own copy of the descriptor
 * first, with nothing written yet, and again when the command ends. A close without text
 * does nothing. Nor does one by another process than the one that wrote last: in
 * `{ printf 'backup note='; date; } > control` the shell begins the line, and its children
 * close their copies of the descriptor before it is whole.
 *
 * Reading shows the last result of anybody, or, where this file ran a command itself, its
 * own. Whoever opens for both finds the result where the writing ended, and at the
 * beginning after seeking there.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "context.h"
#include "dbsnapfs/service/service.h"
#include "dbsnapfs/tree.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"

#define LINE_BYTES 65536

struct control_node {
    struct node node;
    struct view *view;
};

struct control_file {
    struct node_file file;
    struct view *view;
    pthread_mutex_t lock; /* held while a command runs: one at a time of one file */
    /* all protected by lock */
    struct buf line; /* begun, and not ended yet */
    uint64_t owner;  /* who wrote the last of it */
    bool failed;     /* a command has failed: what comes is dropped */
    struct buf own;  /* the result of the last command of this file */
    bool shown;      /* `result` is what reading shows, from `base` on */
    struct buf result;
    uint64_t base;
};

static int control_attr(struct node *node, struct node_attr *ret_attr, struct err *err)
{
    const struct control_node *control = (struct control_node *)node;
    struct buf result = BUF_INIT;
    service_last_result(control->view->service, &result);
    int r = buf_error(&result);
    if (r < 0)
        r = err_set(err, -r, "control: out of memory");
    else
        *ret_attr = (struct node_attr){
            .kind = NODE_FILE,
            .writable = true,
            .size = result.len,
            .mtime_ns = control->view->started_ns,
        };
    buf_free(&result);
    return r;
}

/* A line that never gets to be a command. */
static int control_refuse(struct control_file *file, int code, const char *text, struct err *err)
{
    service_refuse(file->view->service, code, text, &file->own);
    file->failed = true;
    return err_set(err, code, "%s", text);
}

/* Runs the line that has been gathered; the caller holds the lock. */
static int control_run(struct control_file *file, const struct node_request *request,
                       struct err *err)
{
    size_t len = file->line.len;
    const char *line = buf_text(&file->line);
    buf_clear(&file->own);
    file->shown = false;
    if (memchr(line, '\0', len))
        return control_refuse(file, EINVAL, "control: a command cannot hold a NUL byte", err);
    int r = service_command(file->view->service, line, len, request->cancel, &file->own);
    buf_clear(&file->line);
    if (r < 0) {
        file->failed = true;
        return err_set(err, -r, "control: the command failed");
    }
    return 0;
}

static int control_gather(struct control_file *file, const char *bytes, size_t len, struct err *err)
{
    if (len > LINE_BYTES - file->line.len) {
        buf_free(&file->line);
        buf_clear(&file->own);
        file->shown = false;
        return control_refuse(file, E2BIG, "control: a command is longer than 65536 bytes", err);
    }
    buf_add(&file->line, bytes, len);
    if (buf_error(&file->line) < 0)
        return err_set(err, ENOMEM, "control: out of memory");
    return 0;
}

static int control_write(struct node_file *node_file, const struct node_request *request,
                         uint64_t offset, const void *bytes, size_t len, struct err *err)
{
    struct control_file *file = (struct control_file *)node_file;
    const char *p = bytes, *end = p + len;
    int r = 0;
    (void)offset;

    pthread_mutex_lock(&file->lock);
    file->owner = request->owner;
    if (file->failed)
        r = err_set(err, ECANCELED, "control: an earlier command of this file failed");
    while (r == 0 && p < end) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        const char *stop = newline ? newline : end;
        r = control_gather(file, p, (size_t)(stop - p), err);
        if (r == 0 && newline)
            r = control_run(file, request, err);
        p = newline ? newline + 1 : end;
    }
    pthread_mutex_unlock(&file->lock);
    return r;
}

static int control_flush(struct node_file *node_file, const struct node_request *request,
                         struct err *err)
{
    struct control_file *file = (struct control_file *)node_file;
    int r = 0;
    pthread_mutex_lock(&file->lock);
    if (!file->failed && file->line.len > 0 && file->owner == request->owner)
        r = control_run(file, request, err);
    pthread_mutex_unlock(&file->lock);
    return r;
}

/* Fixes what reading shows, and where its beginning is. */
static void control_show(struct control_file *file, uint64_t offset)
{
    buf_clear(&file->result);
    if (file->own.len > 0) {
        buf_add(&file->result, file->own.data, file->own.len);
        file->base = offset;
    } else {
        service_last_result(file->view->service, &file->result);
        file->base = 0;
    }
    file->shown = true;
}

static int control_read(struct node_file *node_file, uint64_t offset, void *bytes, size_t len,
                        size_t *ret_len, struct err *err)
{
    struct control_file *file = (struct control_file *)node_file;
    size_t count = 0;
    int r = 0;

    pthread_mutex_lock(&file->lock);
    if (!file->shown || offset < file->base)
        control_show(file, offset);
    if (buf_error(&file->result) < 0) {
        r = err_set(err, ENOMEM, "control: out of memory");
    } else if (offset - file->base < file->result.len) {
        size_t at = (size_t)(offset - file->base), rest = file->result.len - at;
        count = len < rest ? len : rest;
        memcpy(bytes, file->result.data + at, count);
    }
    pthread_mutex_unlock(&file->lock);
    if (r == 0)
        *ret_len = count;
    return r;
}

static void control_close(struct node_file *node_file)
{
    struct control_file *file = (struct control_file *)node_file;
    const struct node_request nobody = {.cancel = NULL};
    struct err err = ERR_INIT;

    /* The writer's descriptor was closed by somebody else; only the log can say how it went. */
    if (!file->failed && file->line.len > 0)
        (void)control_run(file, &nobody, &err);
    buf_free(&file->line);
    buf_free(&file->own);
    buf_free(&file->result);
    pthread_mutex_destroy(&file->lock);
    view_unref(file->view);
    free(file);
}

static const struct node_file_ops control_reader_ops = {
    .read = control_read,
    .close = control_close,
};

static const struct node_file_ops control_writer_ops = {
    .read = control_read,
    .write = control_write,
    .flush = control_flush,
    .close = control_close,
};

static int control_open(struct node *node, bool writing, const struct node_request *request,
                        struct node_file **ret_file, struct err *err)
{
    const struct control_node *control = (struct control_node *)node;
    (void)request;
    struct control_file *file = calloc(1, sizeof(*file));
    if (!file)
        return err_set(err, ENOMEM, "control: out of memory");
    file->file.ops = writing ? &control_writer_ops : &control_reader_ops;
    file->file.direct = true;
    file->view = view_ref(control->view);
    pthread_mutex_init(&file->lock, NULL);
    *ret_file = &file->file;
    return 0;
}

static void control_free(struct node *node)
{
    struct control_node *control = (struct control_node *)node;
    view_unref(control->view);
    free(control);
}

static const struct node_ops control_ops = {
    .attr = control_attr,
    .open = control_open,
    .free = control_free,
};

int control_make(void *context, struct node **ret_node, struct err *err)
{
    struct control_node *control = calloc(1, sizeof(*control));
    if (!control)
        return err_set(err, ENOMEM, "control: out of memory");
    node_init(&control->node, &control_ops);
    control->view = view_ref(context);
    *ret_node = &control->node;
    return 0;
}
