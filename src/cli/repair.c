/*
 * repair: makes the repository's catalog again from the segments.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "cli/bar.h"
#include "cli/call.h"
#include "cli/signals.h"
#include "dbsnapfs/service/service.h"
#include "dbsnapfs/store/repo.h"
#include "dbsnapfs/store/verify.h"
#include "dbsnapfs/util/clock.h"
#include "dbsnapfs/util/err.h"

struct repairing {
    const atomic_bool *cancel;
    struct buf places;
    uint64_t damages;
    int64_t started_ns;
    _Atomic uint64_t done_bytes, total_bytes;
};

static void note_damage(void *arg, const char *text)
{
    struct repairing *repairing = arg;

    repairing->damages++;
    buf_addf(&repairing->places, "%s\n", text);
}

static int note_progress(void *arg, uint64_t done_bytes, uint64_t total_bytes)
{
    struct repairing *repairing = arg;

    atomic_store(&repairing->done_bytes, done_bytes);
    atomic_store(&repairing->total_bytes, total_bytes);
    return atomic_load(repairing->cancel);
}

static void poll_repair(void *arg, struct service_progress *ret_progress)
{
    struct repairing *repairing = arg;

    *ret_progress = (struct service_progress){
        .active = true,
        .verb = "repair",
        .done_bytes = atomic_load(&repairing->done_bytes),
        .total_bytes = atomic_load(&repairing->total_bytes),
        .started_ns = repairing->started_ns,
    };
}

static int print_outcome(const struct call *call, const struct repairing *repairing,
                         uint64_t backups, struct err *err)
{
    struct buf out = BUF_INIT;
    int code;

    if (call->options->json)
        buf_addf(&out, "{\"backups\": %" PRIu64 ", \"damages\": %" PRIu64 "}\n", backups,
                 repairing->damages);
    else if (!call->options->quiet)
        buf_addf(&out, "the catalog has %" PRIu64 " backup%s again\n", backups,
                 backups == 1 ? "" : "s");
    if (!call->options->json)
        buf_add_text(&out, buf_text(&repairing->places));
    code = call_print(&out, err);
    buf_free(&out);
    if (code == 0 && repairing->damages > 0)
        code = err_set(err, EBADMSG, "%" PRIu64 " place%s damaged", repairing->damages,
                       repairing->damages == 1 ? " is" : "s are");
    return code;
}

static int repair_run(const struct call *call)
{
    struct repo_options options = {.holder = "dbsnapfs repair",
                                   .source = call->args[0],
                                   .compress = call->options->compress,
                                   .cache_bytes = call->options->cache_bytes};
    struct repairing repairing = {.places = BUF_INIT, .started_ns = clock_monotonic_ns()};
    struct verify_report report = {&repairing, note_damage, note_progress};
    struct err err = ERR_INIT;
    const char *repo = NULL;
    uint64_t backups = 0;
    char *heap = NULL;
    struct bar bar;
    int code;

    code = call_repo_path(call, &repo, &heap, &err);
    if (code == 0) {
        call_await_end(repo);
        repairing.cancel = signals_catch();
        bar_start(&bar, call->options->quiet, poll_repair, &repairing);
        code = repo_rebuild(repo, &options, &report, &backups, &err);
        bar_end(&bar);
    }
    if (code == 0)
        code = print_outcome(call, &repairing, backups, &err);
    buf_free(&repairing.places);
    free(heap);
    if (code == 0)
        return STATUS_FINE;
    (void)call_fail(&err);
    return code == -ECANCELED ? signals_status(STATUS_FAILURE) : STATUS_FAILURE;
}

const struct cli_verb repair_verb = {"repair", "SOURCE", "makes a lost or damaged catalog again",
                                     1,        1,        repair_run};
