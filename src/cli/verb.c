/*
 * The service's verbs on the command line.
 *
 * The arguments become a command line again and take the same way as a line written to the
 * control file. If a mount holds the repository, they literally do; otherwise this process
 * becomes the repository's writer for a moment. A mount that is just ending is waited for.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "cli/bar.h"
#include "cli/call.h"
#include "cli/remote.h"
#include "cli/signals.h"
#include "dbsnapfs/service/service.h"
#include "dbsnapfs/util/clock.h"
#include "dbsnapfs/util/err.h"

#define NAP_NS 10000000

static bool has_word(const struct call *call, const char *word)
{
    for (size_t i = 1; i < call->count; i++)
        if (strcmp(call->args[i], word) == 0)
            return true;
    return false;
}

static void poll_service(void *arg, struct service_progress *ret_progress)
{
    service_progress(arg, ret_progress);
}

/* ---- the result ---- */

/* The result as a JSON object: what the first line says, and the lines behind it. */
static void add_json(int code, const char *first, const char *details, struct buf *out)
{
    const char *name = code != 0 ? strerrorname_np(-code) : NULL;
    json_t *lines = json_array(), *object;
    char *text = NULL;

    while (*details != '\0') {
        size_t len = strcspn(details, "\n");

        (void)json_array_append_new(lines, json_stringn(details, len));
        details += len + (details[len] == '\n');
    }
    object = json_pack("{s:b, s:s?, s:s, s:o}", "ok", code == 0, "code", name, "message", first,
                       "details", lines);
    if (object)
        text = json_dumps(object, JSON_INDENT(2));
    if (text)
        buf_addf(out, "%s\n", text);
    free(text);
    json_decref(object);
}

/* Prints what `control` would show and returns the exit status. */
static int print_result(const struct call *call, int code, const struct buf *result)
{
    const char *text = buf_text(result);
    size_t len = strcspn(text, "\n");
    const char *details = text[len] == '\n' ? text + len + 1 : text + len;
    struct buf first = BUF_INIT, out = BUF_INIT;
    struct err err = ERR_INIT;
    size_t prefix;

    prefix = strncmp(text, "error: ", 7) == 0 ? 7 : strncmp(text, "ok ", 3) == 0 ? 3 : 0;
    buf_add(&first, text + prefix, len - prefix);
    if (call->options->json) {
        add_json(code, buf_text(&first), details, &out);
    } else {
        if (code == 0 && !call->options->quiet)
            buf_addf(&out, "%s\n", buf_text(&first));
        buf_add_text(&out, details);
    }
    if (code != 0) {
        (void)err_set(&err, -code, "%s", buf_text(&first));
        (void)call_fail(&err);
    }
    if (call_print(&out, &err) != 0)
        code = call_fail(&err);
    buf_free(&first);
    buf_free(&out);
    if (code == -ECANCELED || code == -EINTR)
        return signals_status(STATUS_FAILURE);
    return code == 0 ? STATUS_FINE : STATUS_FAILURE;
}

/* ---- here ---- */

/* `verify` notes what it finds in the catalog, if it may: otherwise it only looks. */
static int open_to_verify(struct service_config *config, const char *repo,
                          struct service **ret_service, struct err *err)
{
    struct stat st;
    int code;

    config->wait = false;
    config->read_only = config->read_only || stat(repo, &st) != 0;
    code = service_new(config, ret_service, err);
    if (config->read_only ||
        (code != -EBUSY && code != -EROFS && code != -EACCES && code != -EPERM))
        return code;
    *err = (struct err)ERR_INIT;
    config->read_only = true;
    return service_new(config, ret_service, err);
}

static int open_here(const struct call *call, const char *repo, const char *holder,
                     struct service **ret_service, struct err *err)
{
    char who[32];
    struct service_config config = {
        .source = call->args[0],
        .repo = call->options->repo,
        .holder = who,
        .read_only = call->options->read_only,
        .wait = !has_word(call, "nowait"),
        .compress = call->options->compress,
        .cache_bytes = call->options->cache_bytes,
    };

    (void)snprintf(who, sizeof who, "dbsnapfs %s", call->verb);
    if (strcmp(call->verb, "verify") == 0) {
        config.source_optional = true;
        return open_to_verify(&config, repo, ret_service, err);
    }
    if (*holder != '\0' && config.wait && !config.read_only)
        (void)fprintf(stderr, "dbsnapfs: waiting for the repository, held by %s\n", holder);
    return service_new(&config, ret_service, err);
}

static int run_here(const struct call *call, const char *repo, const char *holder,
                    const struct buf *line)
{
    struct service *service = NULL;
    struct buf result = BUF_INIT;
    struct err err = ERR_INIT;
    const atomic_bool *cancel;
    struct bar bar;
    int code;

    /* Until the repository is ours there is nothing to undo, and a signal just ends us. */
    if (open_here(call, repo, holder, &service, &err) != 0)
        return call_fail(&err);
    cancel = signals_catch();
    bar_start(&bar, call->options->quiet, poll_service, service);
    code = service_command(service, buf_text(line), line->len, cancel, &result);
    bar_end(&bar);
    service_free(service);
    code = print_result(call, code, &result);
    buf_free(&result);
    return code;
}

/* ---- there ---- */

/* `ret_ended`: it was about to end, has done nothing, and nothing was printed. NULL: print that. */
static int run_there(const struct call *call, const struct remote *remote, const struct buf *line,
                     bool *ret_ended)
{
    const atomic_bool *cancel = signals_catch();
    struct buf result = BUF_INIT;
    int code = remote_command(remote, buf_text(line), call->options->quiet, &result);

    if (ret_ended && (code == -ESHUTDOWN || code == -ENOTCONN) && !atomic_load(cancel))
        *ret_ended = true;
    else
        code = print_result(call, code, &result);
    buf_free(&result);
    return code;
}

static int cancel_without_mount(const struct call *call, const char *holder)
{
    struct buf result = BUF_INIT;
    int code = 0;

    if (*holder != '\0') {
        buf_addf(&result, "error: no mount to ask: the repository is held by %s\n", holder);
        code = -EBUSY;
    } else {
        buf_add_text(&result, "ok nothing is running\n");
    }
    code = print_result(call, code, &result);
    buf_free(&result);
    return code;
}

/* Who does it is found out anew as long as the mount that should is about to end. */
static int run_somewhere(const struct call *call, const char *repo, const struct buf *line)
{
    int64_t until_ns = clock_monotonic_ns() + REMOTE_WAIT_NS;
    const struct timespec nap = {.tv_nsec = NAP_NS};
    struct remote remote;
    struct err err = ERR_INIT;
    bool ended;
    int status;

    do {
        ended = false;
        if (remote_find(repo, until_ns, &remote, &err) != 0)
            status = call_fail(&err);
        else if (remote.mount[0] != '\0')
            status =
                run_there(call, &remote, line, clock_monotonic_ns() < until_ns ? &ended : NULL);
        else if (strcmp(call->verb, "cancel") == 0)
            status = cancel_without_mount(call, remote.holder);
        else
            status = run_here(call, repo, remote.holder, line);
        remote_release(&remote);
        if (ended)
            (void)nanosleep(&nap, NULL);
    } while (ended);
    return status;
}

int verb_run(const struct call *call)
{
    struct buf line = BUF_INIT;
    struct err err = ERR_INIT;
    const char *repo = NULL;
    char *heap = NULL;
    int status;

    if (call->count == 0)
        return call_misused(call, "%s: no database is named", call->verb);
    buf_add_text(&line, call->verb);
    for (size_t i = 1; i < call->count; i++) {
        buf_add_char(&line, ' ');
        service_quote(&line, call->args[i]);
    }
    if (service_check_line(buf_text(&line), line.len, &err) != 0) {
        status = call_misused(call, "%s", err.text);
        goto out;
    }
    if (call_repo_path(call, &repo, &heap, &err) != 0) {
        status = call_fail(&err);
        goto out;
    }
    status = run_somewhere(call, repo, &line);
out:
    buf_free(&line);
    free(heap);
    return status;
}
