/*
 * A thread that sleeps until there is a backup nobody has checked, reads its image through the
 * store and has SQLite look it over.
 *
 * It gives way: as long as a command runs or waits it does not begin, and a command that comes
 * ends the check that runs, which is begun again later. The flag for that is turns.busy, which
 * SQLite's progress handler polls. A repository that gets backups faster than they can be
 * checked would never learn anything this way, so the third attempt at one backup ends only
 * when the service does.
 *
 * The thread is as nice as can be. It is not put into the kernel's idle classes, for processor
 * or disk, since it shares locks and the loading of frames with readers, and these would wait
 * with it on a busy machine.
 *
 * Only backups made since the service started are checked, and the newest that it found there:
 * an old repository is not read from end to end because it was mounted. That is `verify`.
 */
#include "service/check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "dbsnapfs/source/source.h"
#include "dbsnapfs/store/repo.h"
#include "dbsnapfs/store/snapshot.h"
#include "service/core.h"
#include "service/log.h"

#define DISTURBED_ENOUGH 2

/* The newest unchecked backup, and the oldest. */
struct unchecked {
    uint64_t newest_id, oldest_id, last_id;
    char name[40];
};

static int look_at_entry(void *arg, const struct backup_entry *entry)
{
    struct unchecked *unchecked = arg;

    unchecked->last_id = entry->id;
    if (entry->checked_ns != 0)
        return 0;
    unchecked->newest_id = entry->id;
    if (unchecked->oldest_id == 0)
        unchecked->oldest_id = entry->id;
    (void)snprintf(unchecked->name, sizeof unchecked->name, "%s", entry->name);
    return 0;
}

/* Finds what to check and moves `first_id` past what is done. */
static bool find_unchecked(struct service *service, struct unchecked *ret_unchecked)
{
    struct turns *turns = &service->turns;
    struct check *check = &service->check;
    struct unchecked unchecked = {.last_id = 0};
    struct err err = ERR_INIT;
    uint64_t first_id;

    (void)pthread_mutex_lock(&turns->lock);
    check->wanted = false;
    first_id = check->first_id;
    (void)pthread_mutex_unlock(&turns->lock);
    if (repo_list(service->repo, first_id > 0 ? first_id - 1 : 0, look_at_entry, &unchecked,
                  &err) != 0) {
        service_note_failure(service, "check", &err);
        log_line(service, "check", false, err.text, -1);
        return false;
    }
    if (unchecked.last_id == 0)
        return false;
    (void)pthread_mutex_lock(&turns->lock);
    check->first_id = unchecked.oldest_id > 0 ? unchecked.oldest_id : unchecked.last_id + 1;
    (void)pthread_mutex_unlock(&turns->lock);
    *ret_unchecked = unchecked;
    return unchecked.newest_id > 0;
}

static void set_name(struct service *service, const char *name)
{
    (void)pthread_mutex_lock(&service->turns.lock);
    (void)snprintf(service->check.name, sizeof service->check.name, "%s", name);
    (void)pthread_mutex_unlock(&service->turns.lock);
}

/* Reads the backup's image; `findings` gets one line. -ECANCELED if a command came. */
static int examine(struct service *service, uint64_t id, struct buf *findings, struct err *err)
{
    struct check *check = &service->check;
    struct snapshot *snapshot = NULL;
    const atomic_bool *cancel;
    int code;

    if (check->disturbed_id != id) {
        check->disturbed_id = id;
        check->disturbed = 0;
    }
    cancel = check->disturbed < DISTURBED_ENOUGH ? &service->turns.busy : &service->turns.stopping;
    code = snapshot_open(service->repo, id, &snapshot, err);
    if (code == 0) {
        snapshot_give_way(snapshot);
        code = source_snapshot_check(snapshot, false, cancel, findings, err);
    }
    snapshot_close(snapshot);
    if (code != 0 && atomic_load(cancel)) {
        check->disturbed++;
        return -ECANCELED;
    }
    if (code == -EBADMSG) { /* damage in the store is an outcome like any other */
        buf_clear(findings);
        buf_add_text(findings, err->text);
        return 0;
    }
    return code;
}

static void report_failure(struct service *service, const char *name, struct err *err)
{
    (void)err_at(err, "%s", name);
    log_line(service, "check", false, err->text, -1);
    service_note_failure(service, "check", err);
}

/* Checks one backup and notes the result, unless a command came. */
static void check_one(struct service *service, const struct unchecked *unchecked)
{
    struct buf findings = BUF_INIT;
    struct err err = ERR_INIT;
    char first_line[300];
    int code;

    set_name(service, unchecked->name);
    code = examine(service, unchecked->newest_id, &findings, &err);
    if (code == 0) {
        (void)snprintf(first_line, sizeof first_line, "%.*s",
                       (int)strcspn(buf_text(&findings), "\n"), buf_text(&findings));
        if (strcmp(first_line, "ok") != 0)
            (void)err_set(&err, EBADMSG, "this backup is not good: %s", first_line);
        if (err.code != 0)
            report_failure(service, unchecked->name, &err);
        err = (struct err)ERR_INIT;
        code =
            repo_note_check(service->repo, unchecked->newest_id, clock_now_ns(), first_line, &err);
    }
    if (code != 0 && code != -ECANCELED) {
        /* It could not be told: do not try it again and again. */
        report_failure(service, unchecked->name, &err);
        (void)pthread_mutex_lock(&service->turns.lock);
        service->check.first_id = unchecked->newest_id + 1;
        (void)pthread_mutex_unlock(&service->turns.lock);
    }
    buf_free(&findings);
    set_name(service, "");
}

/* Waits until there may be something to check and nobody is disturbed; false at the end. */
static bool wait_for_work(struct service *service)
{
    struct turns *turns = &service->turns;
    bool go_on;

    (void)pthread_mutex_lock(&turns->lock);
    while (!atomic_load(&turns->stopping) && (!service->check.wanted || atomic_load(&turns->busy)))
        (void)pthread_cond_wait(&turns->changed, &turns->lock);
    go_on = !atomic_load(&turns->stopping);
    (void)pthread_mutex_unlock(&turns->lock);
    return go_on;
}

static void *check_run(void *arg)
{
    struct service *service = arg;
    struct unchecked unchecked;

    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), 19);
    while (wait_for_work(service)) {
        if (!find_unchecked(service, &unchecked))
            continue;
        check_one(service, &unchecked);
        check_want(service); /* there may be another */
    }
    return NULL;
}

void check_want(struct service *service)
{
    (void)pthread_mutex_lock(&service->turns.lock);
    service->check.wanted = true;
    (void)pthread_cond_broadcast(&service->turns.changed);
    (void)pthread_mutex_unlock(&service->turns.lock);
}

int check_start(struct service *service, struct err *err)
{
    struct repo_totals totals;
    int code = repo_totals(service->repo, &totals, err);

    if (code != 0)
        return code;
    service->check.first_id = totals.newest_id;
    service->check.wanted = totals.newest_id > 0;
    code = pthread_create(&service->check.thread, NULL, check_run, service);
    if (code != 0)
        return err_sys(err, code, "cannot start a thread");
    service->check.started = true;
    return 0;
}

void check_end(struct service *service)
{
    if (service->check.started)
        (void)pthread_join(service->check.thread, NULL);
    service->check.started = false;
}
