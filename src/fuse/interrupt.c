/*
 * Ctrl-C for requests that take long.
 *
 * The kernel tells a file system that *some* signal waits for the process that waits for a
 * reply. That is not enough to give up on a backup: a shell gets SIGCHLD when a background
 * job ends, a Go program sends itself SIGURG every ten milliseconds, a timer may tick. So
 * the waiting thread's pending signals are read from /proc: one that ends the process, or
 * that people send to end what it does (SIGINT, SIGTERM, SIGHUP, SIGQUIT) cancels; others do
 * not. Where /proc does not tell (another PID namespace), every signal cancels.
 *
 * The kernel says it once a request. So after a signal that does not count, the thread that
 * libfuse runs the interrupt in stays and looks again every WATCH_NS until the request is
 * done. That costs nothing until it happens.
 *
 * Locks: libfuse holds the request's own lock around interrupt_arrived(); interrupt_end()
 * needs that lock to take the function back, so it says `done` first, under `lock`, which
 * ends the watch. list->lock is taken before an interrupt's own lock and never the other
 * way round.
 */
#define FUSE_USE_VERSION 314
#include "interrupt.h"

#include <fuse_lowlevel.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/util/clock.h"

#define WATCH_NS 50000000

static uint64_t signal_bit(int number)
{
    return UINT64_C(1) << (number - 1);
}

/* A mask of signals in the text: a line "NAME:\t0000000000000000". */
static uint64_t status_mask(const char *status, const char *name)
{
    const char *line = strstr(status, name);
    return line ? strtoull(line + strlen(name), NULL, 16) : 0;
}

enum interrupt_verdict interrupt_judge(const char *status)
{
    uint64_t pending = status_mask(status, "\nSigPnd:") | status_mask(status, "\nShdPnd:");
    uint64_t caught = status_mask(status, "\nSigCgt:");
    uint64_t deaf = status_mask(status, "\nSigBlk:") | status_mask(status, "\nSigIgn:");
    uint64_t ending = signal_bit(SIGINT) | signal_bit(SIGTERM) | signal_bit(SIGHUP) |
                      signal_bit(SIGQUIT) | signal_bit(SIGKILL);
    uint64_t idle = signal_bit(SIGCHLD) | signal_bit(SIGURG) | signal_bit(SIGWINCH) |
                    signal_bit(SIGCONT) | signal_bit(SIGSTOP) | signal_bit(SIGTSTP) |
                    signal_bit(SIGTTIN) | signal_bit(SIGTTOU);
    uint64_t deadly = ending | ~(caught | idle);
    return (pending & ~deaf & deadly) ? INTERRUPT_CANCEL : INTERRUPT_IGNORE;
}

static enum interrupt_verdict interrupt_look(pid_t thread)
{
    char path[40], status[4096];
    if (thread <= 0)
        return INTERRUPT_CANCEL;
    snprintf(path, sizeof(path), "/proc/%ld/status", (long)thread);
    FILE *file = fopen(path, "re");
    if (!file)
        return INTERRUPT_CANCEL;
    size_t len = fread(status, 1, sizeof(status) - 1, file);
    fclose(file);
    status[len] = '\0';
    return strstr(status, "\nShdPnd:") ? interrupt_judge(status) : INTERRUPT_CANCEL;
}

static void interrupt_cancel(struct interrupt *in)
{
    atomic_store(&in->cancel, true);
}

/* Called by libfuse, in another thread than the request's or, when the signal was there
 * before the request, within interrupt_begin(). */
static void interrupt_arrived(fuse_req_t req, void *data)
{
    struct interrupt *in = data;
    bool own = pthread_equal(in->owner, pthread_self());
    (void)req;

    pthread_mutex_lock(&in->lock);
    while (!in->done && !atomic_load(&in->cancel)) {
        if (interrupt_look(in->thread) == INTERRUPT_CANCEL)
            interrupt_cancel(in);
        else if (own)
            break;
        else
            clock_condition_wait(&in->changed, &in->lock, clock_monotonic_ns() + WATCH_NS);
    }
    pthread_mutex_unlock(&in->lock);
}

void interrupt_begin(struct interrupt *in, struct interrupt_list *list, struct fuse_req *req)
{
    *in = (struct interrupt){
        .list = list,
        .req = req,
        .thread = fuse_req_ctx(req)->pid,
        .owner = pthread_self(),
    };
    atomic_init(&in->cancel, false);
    pthread_mutex_init(&in->lock, NULL);
    clock_condition_init(&in->changed);

    pthread_mutex_lock(&list->lock);
    if (list->stopping)
        interrupt_cancel(in);
    in->next = list->first;
    if (in->next)
        in->next->previous = in;
    list->first = in;
    pthread_mutex_unlock(&list->lock);

    in->request = (struct node_request){.cancel = &in->cancel};
    node_serve(&in->request);
    fuse_req_interrupt_func(req, interrupt_arrived, in);
}

void interrupt_end(struct interrupt *in)
{
    node_serve(NULL);
    pthread_mutex_lock(&in->list->lock);
    if (in->previous)
        in->previous->next = in->next;
    else
        in->list->first = in->next;
    if (in->next)
        in->next->previous = in->previous;
    pthread_mutex_unlock(&in->list->lock);

    pthread_mutex_lock(&in->lock);
    in->done = true;
    pthread_cond_broadcast(&in->changed);
    pthread_mutex_unlock(&in->lock);
    fuse_req_interrupt_func(in->req, NULL, NULL);
    pthread_cond_destroy(&in->changed);
    pthread_mutex_destroy(&in->lock);
}

void interrupt_list_init(struct interrupt_list *list)
{
    pthread_mutex_init(&list->lock, NULL);
    list->first = NULL;
    list->stopping = false;
}

void interrupt_list_release(struct interrupt_list *list)
{
    pthread_mutex_destroy(&list->lock);
}

void interrupt_all(struct interrupt_list *list)
{
    pthread_mutex_lock(&list->lock);
    list->stopping = true;
    for (struct interrupt *in = list->first; in; in = in->next)
        interrupt_cancel(in);
    pthread_mutex_unlock(&list->lock);
}
