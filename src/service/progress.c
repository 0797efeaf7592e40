/*
 * How far a command is, as numbers and as the line that a progress bar shows.
 */
#include <inttypes.h>
#include <stdio.h>

#include "dbsnapfs/util/text.h"
#include "service/core.h"

#define SECOND_NS 1000000000

void service_progress(struct service *service, struct service_progress *ret_progress)
{
    struct service_progress progress = {.active = false};
    struct turns *turns = &service->turns;

    (void)pthread_mutex_lock(&turns->lock);
    if (turns->running) {
        struct turn *turn = turns->first;

        progress.active = true;
        (void)snprintf(progress.verb, sizeof progress.verb, "%s", turn->verb);
        progress.done_bytes = atomic_load(&turn->done_bytes);
        progress.total_bytes = atomic_load(&turn->total_bytes);
        progress.started_ns = turn->started_ns;
    }
    (void)pthread_mutex_unlock(&turns->lock);
    *ret_progress = progress;
}

/* Whole seconds up to a minute: a time that is estimated needs no hundredths. */
static void add_time_left(double seconds, struct buf *out)
{
    char text[TEXT_BYTES];

    if (seconds < 60)
        (void)snprintf(text, sizeof text, "%d s", (int)(seconds + 0.999));
    else
        text_duration((int64_t)(seconds < 1e9 ? seconds : 1e9) * SECOND_NS, text);
    buf_addf(out, "  %s left", text);
}

void service_progress_text(const struct service_progress *progress, int64_t now_ns, struct buf *out)
{
    uint64_t done = progress->done_bytes, total = progress->total_bytes;
    int64_t elapsed_ns = now_ns - progress->started_ns;
    char done_text[TEXT_BYTES], total_text[TEXT_BYTES], rate_text[TEXT_BYTES];
    double rate;

    buf_add_text(out, progress->verb);
    if (done > total) /* a database that grew: what is known of the total is not true any more */
        total = 0;
    text_bytes(done, done_text);
    if (total > 0) {
        text_bytes(total, total_text);
        buf_addf(out, "  %u %%  %s of %s", (unsigned)((double)done * 100.0 / (double)total),
                 done_text, total_text);
    } else {
        buf_addf(out, "  %s", done_text);
    }
    if (elapsed_ns <= 0 || done == 0)
        return;
    rate = (double)done * SECOND_NS / (double)elapsed_ns;
    text_bytes((uint64_t)rate, rate_text);
    buf_addf(out, "  %s/s", rate_text);
    if (total > 0)
        add_time_left((double)(total - done) / rate, out);
}
