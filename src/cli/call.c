/*
 * What every verb needs: a way to fail, a way to print, a repository to look at.
 */
#include "cli/call.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/place.h"
#include "cli/remote.h"
#include "dbsnapfs/service/service.h"
#include "dbsnapfs/tree.h"
#include "dbsnapfs/util/clock.h"
#include "dbsnapfs/util/err.h"
#include "dbsnapfs/view.h"

int call_fail(const struct err *err)
{
    if (err->code != -EPIPE)
        (void)fprintf(stderr, "dbsnapfs: %s\n", err->text);
    return STATUS_FAILURE;
}

int call_misused(const struct call *call, const char *fmt, ...)
{
    struct buf text = BUF_INIT;
    char message[1024];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(message, sizeof message, fmt, ap);
    va_end(ap);
    buf_addf(&text, "dbsnapfs: %s; see dbsnapfs %s%s\n", message, call->verb ? "help " : "--help",
             call->verb ? call->verb : "");
    (void)fputs(buf_text(&text), stderr);
    buf_free(&text);
    return STATUS_USAGE;
}

int call_write(const void *bytes, size_t len, struct err *err)
{
    const char *at = bytes;

    while (len > 0) {
        ssize_t n = write(STDOUT_FILENO, at, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(err, errno, "standard output");
        at += n;
        len -= (size_t)n;
    }
    return 0;
}

int call_print(const struct buf *text, struct err *err)
{
    if (buf_error(text) != 0)
        return err_sys(err, ENOMEM, "standard output");
    return call_write(text->data, text->len, err);
}

void call_add_clean(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;

        buf_add_char(out, (char)(c < 0x20 || c == 0x7f ? '?' : c));
    }
}

int call_repo_path(const struct call *call, const char **ret_path, char **ret_heap, struct err *err)
{
    int code;

    *ret_heap = NULL;
    if (call->options->repo) {
        *ret_path = call->options->repo;
        return 0;
    }
    code = service_default_repo(call->args[0], ret_heap, err);
    if (code == 0)
        *ret_path = *ret_heap;
    return code;
}

static bool is_at_root(struct node *root, const char *path)
{
    struct node *node = NULL;
    char name[256];
    bool found;

    path += strspn(path, "/");
    (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(path, "/"), path);
    found = strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
            node_lookup(root, name, &node, NULL) != -ENOENT;
    node_unref(node);
    return found;
}

static int walk(struct node *root, const char *path, struct node **ret_node, struct err *err)
{
    int code = node_walk(root, path, ret_node, err);

    if (code == -ENOENT && !is_at_root(root, path))
        code =
            err_set(err, ENOENT,
                    "%.400s: no such file or directory; paths begin at the mount's root, such as "
                    "backups/latest/schema.sql",
                    path);
    return code;
}

void call_await_end(const char *repo)
{
    struct remote remote;

    (void)remote_find(repo, clock_monotonic_ns() + REMOTE_WAIT_NS, &remote, NULL);
    remote_release(&remote);
}

static int open_to_look(const struct call *call, bool live, struct service **ret_service,
                        struct err *err)
{
    struct service_config config = {
        .source = call->args[0],
        .repo = call->options->repo,
        .read_only = true,
        .source_optional = true,
        .repo_optional = live,
        .compress = call->options->compress,
        .cache_bytes = call->options->cache_bytes,
    };

    return service_new(&config, ret_service, err);
}

int call_open(const struct call *call, struct service **ret_service, struct err *err)
{
    return open_to_look(call, false, ret_service, err);
}

static bool is_live(const char *path)
{
    path += strspn(path, "./");
    return place_is_within(path, "live") || place_is_within(path, "tables");
}

static int open_tree(const struct call *call, struct service **ret_service, struct err *err)
{
    return open_to_look(call, is_live(call->args[1]), ret_service, err);
}

int call_use_node(const struct call *call,
                  int (*use)(void *arg, struct node *node, struct err *err), void *arg)
{
    struct node *root = NULL, *node = NULL;
    struct service *service = NULL;
    struct err err = ERR_INIT;
    int code;

    code = open_tree(call, &service, &err);
    if (code == 0)
        code = view_root(service, NULL, &root, &err);
    if (code == 0)
        code = walk(root, call->args[1], &node, &err);
    if (code == 0)
        code = use(arg, node, &err);
    if (node && code != 0 && code != -EPIPE)
        err_at(&err, "%s", call->args[1]);
    node_unref(node);
    node_unref(root);
    service_free(service);
    return code == 0 ? STATUS_FINE : call_fail(&err);
}
