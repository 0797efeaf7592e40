/*
 * extract: a file or a whole entry of a backup to a new place, without a mount.
 *
 * What cannot be read of a directory is named as soon as it is met, since the rest may take long.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/bar.h"
#include "cli/call.h"
#include "cli/copy.h"
#include "cli/place.h"
#include "cli/signals.h"
#include "dbsnapfs/service/service.h"
#include "dbsnapfs/source/source.h"
#include "dbsnapfs/table/text.h"
#include "dbsnapfs/tree.h"
#include "dbsnapfs/util/clock.h"
#include "dbsnapfs/util/err.h"
#include "dbsnapfs/util/text.h"
#include "dbsnapfs/view.h"

struct extraction {
    struct copy copy;
    struct bar bar;
    struct buf dest; /* what is made */
    int64_t started_ns;
    bool json;
    uint64_t unread;    /* paths … */
    struct buf objects; /* … and, if `json`, what is said of them */
};

static void say_unread(void *arg, const char *path, const struct err *why)
{
    struct extraction *extraction = arg;
    struct buf line = BUF_INIT;

    buf_addf(&line, "dbsnapfs: %s: %s\n", path, why->text);
    bar_say(&extraction->bar, buf_text(&line));
    buf_free(&line);
    if (extraction->json) {
        buf_add_text(&extraction->objects, extraction->unread > 0 ? ",\n" : "\n");
        buf_add_text(&extraction->objects, "    {\"path\": ");
        text_json_string(path, &extraction->objects);
        buf_add_text(&extraction->objects, ", \"error\": ");
        text_json_string(why->text, &extraction->objects);
        buf_add_char(&extraction->objects, '}');
    }
    extraction->unread++;
}

static void poll_copy(void *arg, struct service_progress *ret_progress)
{
    struct extraction *extraction = arg;

    *ret_progress = (struct service_progress){
        .active = true,
        .verb = "extract",
        .done_bytes = atomic_load(&extraction->copy.done_bytes),
        .total_bytes = atomic_load(&extraction->copy.total_bytes),
        .started_ns = extraction->started_ns,
    };
}

/* A file that goes to a directory keeps its name there, as with cp. */
static void name_destination(const char *path, const char *dest, struct buf *out)
{
    const char *slash = strrchr(path, '/');
    struct stat st;

    buf_add_text(out, dest);
    if (stat(dest, &st) == 0 && S_ISDIR(st.st_mode))
        buf_addf(out, "%s%s", dest[strlen(dest) - 1] == '/' ? "" : "/", slash ? slash + 1 : path);
}

static int extract_node(const struct call *call, struct service *service, struct node *node,
                        const char *path, struct extraction *extraction, struct err *err)
{
    const char *dest = call->args[call->count - 1];
    struct node_attr attr = {.size = 0};
    int code;

    code = node_attr(node, &attr, err);
    if (code != 0) {
        err_at(err, "%s", path);
        return code;
    }
    if (attr.kind == NODE_FILE) {
        name_destination(path, dest, &extraction->dest);
        dest = buf_text(&extraction->dest);
        code = place_check_restore(dest, source_path(service_source(service)), err);
        atomic_store(&extraction->copy.total_bytes, attr.size);
    } else {
        buf_add_text(&extraction->dest, dest);
    }
    if (code != 0)
        return code;
    extraction->copy.cancel = signals_catch();
    extraction->started_ns = clock_monotonic_ns();
    bar_start(&extraction->bar, call->options->quiet, poll_copy, extraction);
    code = attr.kind == NODE_FILE
               ? copy_file(&extraction->copy, node, dest, call->options->force, err)
               : copy_directory(&extraction->copy, node, dest, err);
    bar_end(&extraction->bar);
    if (code == -EEXIST && attr.kind == NODE_FILE)
        code = err_set(err, EEXIST, "%s exists already; --force replaces it", dest);
    return code;
}

static void add_text(const struct extraction *extraction, int64_t took_ns, struct buf *out)
{
    char size[TEXT_BYTES], took[TEXT_BYTES];

    text_bytes(atomic_load(&extraction->copy.done_bytes), size);
    text_duration(took_ns, took);
    buf_addf(out, "%s: %s in %s", buf_text(&extraction->dest), size, took);
    if (extraction->unread > 0)
        buf_addf(out, ", but %" PRIu64 " path%s could not be read", extraction->unread,
                 extraction->unread == 1 ? "" : "s");
    buf_add_char(out, '\n');
}

static void add_json(const struct extraction *extraction, int64_t took_ns, struct buf *out)
{
    buf_addf(out,
             "{\n  \"ok\": %s,\n  \"destination\": ", extraction->unread == 0 ? "true" : "false");
    text_json_string(buf_text(&extraction->dest), out);
    buf_addf(out, ",\n  \"bytes\": %" PRIu64 ",\n  \"seconds\": %.3f,\n  \"unread\": [",
             atomic_load(&extraction->copy.done_bytes), (double)took_ns / 1e9);
    buf_add_text(out, buf_text(&extraction->objects));
    buf_addf(out, "%s]\n}\n", extraction->unread > 0 ? "\n  " : "");
    out->failed |= buf_error(&extraction->objects) != 0;
}

static int say_done(const struct call *call, const struct extraction *extraction, struct err *err)
{
    int64_t took_ns = clock_monotonic_ns() - extraction->started_ns;
    struct buf out = BUF_INIT;
    int code;

    if (extraction->json)
        add_json(extraction, took_ns, &out);
    else if (!call->options->quiet)
        add_text(extraction, took_ns, &out);
    code = call_print(&out, err);
    buf_free(&out);
    return code;
}

static int extract_run(const struct call *call)
{
    const char *path = call->count == 4 ? call->args[2] : "database.sqlite";
    struct extraction extraction = {
        .copy = {.name = path, .unread = say_unread},
        .dest = BUF_INIT,
        .json = call->options->json,
        .objects = BUF_INIT,
    };
    struct node *root = NULL, *node = NULL;
    struct service *service = NULL;
    struct buf where = BUF_INIT;
    struct err err = ERR_INIT;
    int code;

    extraction.copy.arg = &extraction;
    code = call_open(call, &service, &err);
    if (code == 0)
        code = view_root(service, NULL, &root, &err);
    buf_addf(&where, "%s%s/%s", strncmp(call->args[1], "at/", 3) == 0 ? "" : "backups/",
             call->args[1], path);
    if (code == 0)
        code = node_walk(root, buf_text(&where), &node, &err);
    if (code == 0)
        code = extract_node(call, service, node, path, &extraction, &err);
    if (code == 0)
        code = say_done(call, &extraction, &err);
    node_unref(node);
    node_unref(root);
    service_free(service);
    buf_free(&where);
    buf_free(&extraction.dest);
    buf_free(&extraction.objects);
    if (code == 0)
        return extraction.unread == 0 ? STATUS_FINE : STATUS_FAILURE;
    (void)call_fail(&err);
    return code == -ECANCELED ? signals_status(STATUS_FAILURE) : STATUS_FAILURE;
}

const struct cli_verb extract_verb = {"extract",
                                      "SOURCE BACKUP [PATH] DEST",
                                      "copies database.sqlite, a PATH or all (.) out of a backup",
                                      3,
                                      4,
                                      extract_run};
