/*
 * Signals are blocked in every thread and taken by one of its own, which may therefore call
 * anything: the hooks lock and log. The libfuse loop sleeps in its own thread and looks at
 * "exited" when it wakes; a signal with an empty handler wakes it, again and again until it
 * has seen it, for one that came between its look and its sleep is lost.
 *
 * Until the mount answers, an ending signal has its default effect: nothing is mounted yet,
 * and the repository is made for being left at any instant.
 */
#include "mount.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define WAKE SIGUSR2
#define WAKE_MS 20

struct signals {
    struct mount *mount;
    pthread_t thread;
    pthread_t loop; /* the thread to wake */
    sigset_t set;
    atomic_bool end;
};

static void wake_handler(int number)
{
    (void)number;
}

static void die_by(int number)
{
    sigset_t one;
    struct sigaction plain = {.sa_handler = SIG_DFL};
    sigemptyset(&one);
    sigaddset(&one, number);
    sigaction(number, &plain, NULL);
    pthread_sigmask(SIG_UNBLOCK, &one, NULL);
    kill(getpid(), number);
}

static void end_loop(struct signals *signals)
{
    struct mount *mount = signals->mount;
    const struct timespec pause = {.tv_nsec = WAKE_MS * 1000000L};
    mount_stop(mount);
    pruner_stop(mount->pruner);
    fuse_session_exit(mount->session);
    while (!atomic_load(&mount->loop_end)) {
        pthread_kill(signals->loop, WAKE);
        nanosleep(&pause, NULL);
    }
}

static void *signals_run(void *arg)
{
    struct signals *signals = arg;
    const struct mount *mount = signals->mount;
    for (;;) {
        int number = sigwaitinfo(&signals->set, NULL);
        if (atomic_load(&signals->end))
            return NULL;
        if (number < 0)
            continue;
        if (number == SIGUSR1) {
            if (atomic_load(&mount->serving) && mount->hooks->progress)
                mount->hooks->progress(mount->hooks->arg);
        } else if (!atomic_load(&mount->serving)) {
            die_by(number);
        } else {
            end_loop(signals);
        }
    }
}

int signals_start(struct mount *mount, struct signals **ret_signals, struct err *err)
{
    static const int taken[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};
    struct sigaction ignore = {.sa_handler = SIG_IGN}, wake = {.sa_handler = wake_handler};
    struct signals *signals = calloc(1, sizeof(*signals));
    if (!signals)
        return err_set(err, ENOMEM, "signals: out of memory");
    signals->mount = mount;
    signals->loop = pthread_self();
    atomic_init(&signals->end, false);
    sigemptyset(&signals->set);
    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
        sigaddset(&signals->set, taken[i]);
    sigaction(SIGPIPE, &ignore, NULL);
    sigaction(WAKE, &wake, NULL);
    pthread_sigmask(SIG_BLOCK, &signals->set, NULL);
    int r = pthread_create(&signals->thread, NULL, signals_run, signals);
    if (r != 0) {
        free(signals);
        return err_sys(err, r, "signals: thread");
    }
    *ret_signals = signals;
    return 0;
}

void signals_end(struct signals *signals)
{
    if (!signals)
        return;
    atomic_store(&signals->end, true);
    pthread_kill(signals->thread, SIGUSR1);
    pthread_join(signals->thread, NULL);
    pthread_sigmask(SIG_UNBLOCK, &signals->set, NULL);
    free(signals);
}
