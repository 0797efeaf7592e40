/*
 * A thread that sleeps until there is a backup nobody has worked on.
 *
 * It gives way: as long as a command runs or waits it does not begin, and a command that comes
 * ends what runs, which is begun again later. The flag for that is turns.busy, which SQLite's
 * progress handler polls. A repository that gets backups faster than they can be worked on would
 * never learn anything this way, so the third attempt at one backup ends only when the service
 * does.
 *
 * The thread is as nice as can be. It is not put into the kernel's idle classes, for processor
 * or disk, since it shares locks and the loading of frames with readers, and these would wait
 * with it on a busy machine.
 *
 * Only backups made since the service started are worked on, and the newest that it found there:
 * an old repository is not read from end to end because it was mounted.
 */
#include "service/background.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "dbsnapfs/store/repo.h"
#include "service/core.h"
#include "service/log.h"

#define DISTURBED_ENOUGH 2

static const struct background_job *const jobs[BACKGROUND_KINDS] = {
    [BACKGROUND_CHECK] = &check_job,
    [BACKGROUND_FACTS] = &facts_job,
};

/* The newest backup that a job has not done, and the oldest. */
struct undone {
    struct service *service;
    const struct background_job *job;
    uint64_t newest_id, oldest_id, last_id;
    char name[40];
};

static int look_at_entry(void *arg, const struct backup_entry *entry)
{
    struct undone *undone = arg;

    undone->last_id = entry->id;
    if (undone->job->is_done(undone->service, entry))
        return 0;
    undone->newest_id = entry->id;
    if (undone->oldest_id == 0)
        undone->oldest_id = entry->id;
    (void)snprintf(undone->name, sizeof undone->name, "%s", entry->name);
    return 0;
}

void background_fail(struct service *service, const char *verb, const char *name, struct err *err)
{
    (void)err_at(err, "%s", name);
    log_line(service, verb, false, err->text, -1);
    service_note_failure(service, verb, err);
}

/* Finds what a job has to do and moves its `first_id` past what is done. */
static bool find_undone(struct service *service, enum background_kind kind,
                        struct undone *ret_undone)
{
    struct background_progress *progress = &service->background.progress[kind];
    struct undone undone = {.service = service, .job = jobs[kind]};
    struct err err = ERR_INIT;

    if (repo_list(service->repo, progress->first_id > 0 ? progress->first_id - 1 : 0, look_at_entry,
                  &undone, &err) != 0) {
        service_note_failure(service, jobs[kind]->verb, &err);
        log_line(service, jobs[kind]->verb, false, err.text, -1);
        return false;
    }
    if (undone.last_id == 0)
        return false;
    progress->first_id = undone.oldest_id > 0 ? undone.oldest_id : undone.last_id + 1;
    *ret_undone = undone;
    return undone.newest_id > 0;
}

/* Until when a job goes on with this backup. */
static const atomic_bool *patience(struct service *service, struct background_progress *progress,
                                   uint64_t id)
{
    if (progress->disturbed_id != id) {
        progress->disturbed_id = id;
        progress->disturbed = 0;
    }
    return progress->disturbed < DISTURBED_ENOUGH ? &service->turns.busy : &service->turns.stopping;
}

/* `wanted`: it is not done yet, but to be done. */
static void set_doing(struct service *service, enum background_kind kind, const char *name,
                      bool wanted)
{
    struct background *background = &service->background;

    (void)pthread_mutex_lock(&service->turns.lock);
    background->doing = kind;
    (void)snprintf(background->name, sizeof background->name, "%s", name);
    background->wanted |= wanted;
    (void)pthread_cond_broadcast(&service->turns.changed);
    (void)pthread_mutex_unlock(&service->turns.lock);
}

static void work(struct service *service, enum background_kind kind, const struct undone *undone)
{
    struct background_progress *progress = &service->background.progress[kind];
    const atomic_bool *cancel = patience(service, progress, undone->newest_id);
    struct err err = ERR_INIT;
    int code;

    set_doing(service, kind, undone->name, false);
    code = undone->job->run(service, undone->newest_id, undone->name, cancel, &err);
    if (code != 0 && atomic_load(cancel)) {
        progress->disturbed++;
    } else if (code != 0) {
        /* It could not be told: do not try it again and again. */
        background_fail(service, undone->job->verb, undone->name, &err);
        progress->first_id = undone->newest_id + 1;
    }
}

/* Waits until there may be something to do and nobody is disturbed; false at the end. Work is
 * said to be done from when it is wanted until here, so that between two pieces of it, and before the
 * first, nobody is told that there is none. */
static bool wait_for_work(struct service *service)
{
    struct turns *turns = &service->turns;
    bool go_on;

    (void)pthread_mutex_lock(&turns->lock);
    while (!atomic_load(&turns->stopping) &&
           (!service->background.wanted || atomic_load(&turns->busy))) {
        if (!service->background.wanted)
            service->background.name[0] = '\0';
        (void)pthread_cond_wait(&turns->changed, &turns->lock);
    }
    go_on = !atomic_load(&turns->stopping);
    service->background.wanted = false;
    (void)pthread_mutex_unlock(&turns->lock);
    return go_on;
}

/* Work was done, and there may be more. */
static void want_more(struct service *service)
{
    (void)pthread_mutex_lock(&service->turns.lock);
    service->background.wanted = true;
    (void)pthread_mutex_unlock(&service->turns.lock);
}

static void *background_run(void *arg)
{
    struct service *service = arg;
    struct undone undone;

    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), 19);
    while (wait_for_work(service)) {
        for (int kind = 0; kind < BACKGROUND_KINDS; kind++) {
            if (!find_undone(service, kind, &undone))
                continue;
            work(service, kind, &undone);
            want_more(service);
            break;
        }
    }
    return NULL;
}

void background_want(struct service *service, const char *name)
{
    if (service->background.started)
        set_doing(service, BACKGROUND_CHECK, name, true);
}

int background_start(struct service *service, struct err *err)
{
    struct repo_totals totals;
    int code = repo_totals(service->repo, &totals, err);

    if (code != 0)
        return code;
    for (int kind = 0; kind < BACKGROUND_KINDS; kind++)
        service->background.progress[kind].first_id = totals.newest_id;
    service->background.wanted = totals.newest_id > 0;
    code = pthread_create(&service->background.thread, NULL, background_run, service);
    if (code != 0)
        return err_sys(err, code, "cannot start a thread");
    service->background.started = true;
    return 0;
}

void background_end(struct service *service)
{
    if (service->background.started)
        (void)pthread_join(service->background.thread, NULL);
    service->background.started = false;
}
