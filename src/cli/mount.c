/*
 * Mounting: everything that can be refused is refused before anything is mounted, in the
 * foreground, with one line. The service is made after the process went to the background,
 * because its threads would not come along.
 *
 * Backups are wanted most when the database is lost. So one that cannot be read is no reason to
 * refuse, if there are backups of it: every look at it opens it anew, so all that needs it fails until
 * it is there again, and works from then on.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>
#include <unistd.h>

#include "cli/call.h"
#include "cli/place.h"
#include "dbsnapfs/fuse.h"
#include "dbsnapfs/service/service.h"
#include "dbsnapfs/source/source.h"
#include "dbsnapfs/store/repo.h"
#include "dbsnapfs/util/clock.h"
#include "dbsnapfs/util/err.h"
#include "dbsnapfs/view.h"

/* What the hooks need; paths are absolute, since a daemon's directory is the root. */
struct mounting {
    const struct options *options;
    struct source *source;
    char *mount;
    char *repo;
    struct service *service;
    struct err trouble; /* why the database cannot be read; code 0: it can */
};

static bool stays(const struct options *options)
{
    return options->foreground || options->debug;
}

static void warn(const struct mounting *mounting)
{
    if (mounting->trouble.code != 0)
        (void)fprintf(stderr,
                      "dbsnapfs: %s; backups/ and history/ can be read, but live/ and backup fail "
                      "until the database can be\n",
                      mounting->trouble.text);
}

static int mount_start(void *arg, struct node **ret_root, struct err *err)
{
    struct mounting *mounting = arg;
    struct service_config config = {
        .source = source_path(mounting->source),
        .repo = mounting->repo,
        .mount_point = mounting->mount,
        .read_only = mounting->options->read_only,
        .source_optional = true, /* it was looked at a moment ago */
        .compress = mounting->options->compress,
        .cache_bytes = mounting->options->cache_bytes,
    };
    const struct view_config view = {.live_timeout_s = mounting->options->live_timeout_s};
    int code = service_new(&config, &mounting->service, err);

    if (code == 0)
        code = view_root(mounting->service, &view, ret_root, err);
    if (code != 0)
        return code;
    if (mounting->trouble.code != 0)
        service_note(mounting->service, "mount", &mounting->trouble);
    if (stays(mounting->options)) /* else whoever waits for it says so */
        warn(mounting);
    return 0;
}

static void mount_stop(void *arg)
{
    struct mounting *mounting = arg;

    if (mounting->service)
        service_stop(mounting->service);
}

static void mount_progress(void *arg)
{
    struct mounting *mounting = arg;
    struct service_progress progress = {.active = false};
    struct buf text = BUF_INIT;

    if (!mounting->service)
        return;
    service_progress(mounting->service, &progress);
    if (progress.active)
        service_progress_text(&progress, clock_monotonic_ns(), &text);
    else
        buf_add_text(&text, "nothing is running");
    syslog(LOG_INFO, "%s: %s", mounting->mount, buf_text(&text));
    if (stays(mounting->options))
        (void)fprintf(stderr, "dbsnapfs: %s\n", buf_text(&text));
    buf_free(&text);
}

/* `trouble` is why the database cannot be read: a failure, unless there are backups to show. */
static int bear(const char *repo, const struct err *trouble, struct err *err)
{
    const struct repo_options options = {.read_only = true};
    struct repo_totals totals = {.backups = 0};
    struct err why = ERR_INIT;
    struct repo *opened = NULL;
    int code = repo_open(repo, &options, &opened, &why);

    if (code == 0)
        code = repo_totals(opened, &totals, &why);
    repo_close(opened);
    if (code == 0 && totals.backups > 0)
        return 0;
    if (code == 0 || code == -ENOENT)
        return err_set(err, -trouble->code, "%s", trouble->text);
    return err_set(err, -trouble->code, "%s; nor can its backups be read: %s", trouble->text,
                   why.text);
}

static int prepare(const struct call *call, struct mounting *mounting, struct err *err)
{
    const char *repo = NULL;
    char *heap = NULL;
    int code;

    code = source_new(call->args[0], &mounting->source, err);
    if (code == 0)
        code = call_repo_path(call, &repo, &heap, err);
    if (code == 0 && !call->options->read_only)
        call_await_end(repo);
    if (code == 0 && source_check(mounting->source, &mounting->trouble) != 0)
        code = bear(repo, &mounting->trouble, err);
    if (code == 0)
        code = place_check_mount(call->args[1], source_path(mounting->source), repo,
                                 &mounting->mount, &mounting->repo, err);
    free(heap);
    return code;
}

int mount_run(const struct call *call)
{
    const struct options *options = call->options;
    struct mounting mounting = {.options = options};
    struct mount_hooks hooks = {&mounting, mount_start, mount_stop, mount_progress};
    struct err err = ERR_INIT;
    int code;

    code = prepare(call, &mounting, &err);
    if (code == 0) {
        struct mount_config config = {
            .source = call->args[0],
            .mount_point = mounting.mount,
            .statfs_path = mounting.repo,
            .foreground = stays(options),
            .debug = options->debug,
            .read_only = options->read_only,
            .allow_other = options->allow_other,
            .uid = options->uid,
            .gid = options->gid,
            .umask = options->umask,
            .fuse_options = options->fuse_options.len > 0 ? buf_text(&options->fuse_options) : NULL,
        };

        code = mount_serve(&config, &hooks, &err);
        if (code == 0 && !config.foreground)
            warn(&mounting);
    }
    service_free(mounting.service);
    source_free(mounting.source);
    free(mounting.mount);
    free(mounting.repo);
    return code == 0 ? STATUS_FINE : call_fail(&err);
}
