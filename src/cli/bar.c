/*
 * The bar is drawn by a thread of its own, which blocks all signals: they are for the thread
 * that does the work, whose system calls they shall interrupt. A bar that cannot be drawn is
 * no reason to fail, so nothing here returns an error.
 */
#include "cli/bar.h"

#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "dbsnapfs/service/service.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/clock.h"

#define REDRAW_NS 200000000L
#define USUAL_COLUMNS 80

void bar_cut(struct buf *text, size_t columns)
{
    size_t at = 0;

    while (at < text->len && columns > 0) {
        at++;
        while (at < text->len && ((unsigned char)text->data[at] & 0xc0) == 0x80)
            at++;
        columns--;
    }
    if (at < text->len) {
        text->len = at;
        text->data[at] = '\0';
    }
}

static size_t terminal_columns(void)
{
    struct winsize size;

    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1)
        return size.ws_col - 1u; /* the last column would wrap on some terminals */
    return USUAL_COLUMNS - 1;
}

static void draw(struct bar *bar)
{
    struct service_progress progress = {.active = false};
    struct buf text = BUF_INIT, line = BUF_INIT;

    bar->poll(bar->arg, &progress);
    if (progress.active) {
        service_progress_text(&progress, clock_monotonic_ns(), &text);
        bar_cut(&text, terminal_columns());
        buf_addf(&line, "\r%s\033[K", buf_text(&text));
        (void)fputs(buf_text(&line), stderr);
        bar->drawn = true;
    }
    buf_free(&text);
    buf_free(&line);
}

/* Sleeps until the next drawing; false when the bar ends. */
static bool wait_to_draw(struct bar *bar)
{
    int64_t until_ns = clock_monotonic_ns() + REDRAW_NS;
    bool ended;

    (void)pthread_mutex_lock(&bar->lock);
    while (!bar->ended && clock_condition_wait(&bar->ended_changed, &bar->lock, until_ns) == 0)
        ;
    ended = bar->ended;
    (void)pthread_mutex_unlock(&bar->lock);
    return !ended;
}

static void *bar_run(void *arg)
{
    struct bar *bar = arg;

    while (wait_to_draw(bar))
        draw(bar);
    if (bar->drawn)
        (void)fputs("\r\033[K", stderr);
    return NULL;
}

void bar_start(struct bar *bar, bool quiet,
               void (*poll)(void *arg, struct service_progress *ret_progress), void *arg)
{
    sigset_t all, before;

    *bar = (struct bar){.poll = poll, .arg = arg};
    if (quiet || !isatty(STDERR_FILENO))
        return;
    (void)pthread_mutex_init(&bar->lock, NULL);
    (void)clock_condition_init(&bar->ended_changed);
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    bar->started = pthread_create(&bar->thread, NULL, bar_run, bar) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void bar_end(struct bar *bar)
{
    if (!bar->started)
        return;
    (void)pthread_mutex_lock(&bar->lock);
    bar->ended = true;
    (void)pthread_cond_signal(&bar->ended_changed);
    (void)pthread_mutex_unlock(&bar->lock);
    (void)pthread_join(bar->thread, NULL);
    (void)pthread_cond_destroy(&bar->ended_changed);
    (void)pthread_mutex_destroy(&bar->lock);
    bar->started = false;
}

/* One call, so that nothing is drawn in between. */
void bar_say(const struct bar *bar, const char *line)
{
    (void)fprintf(stderr, "%s%s", bar->started ? "\r\033[K" : "", line);
}
