/*
 * Is the backup good? Its image is read through the store, and SQLite looks it over. Backups that
 * the background leaves alone are for `verify`.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dbsnapfs/source/source.h"
#include "dbsnapfs/store/repo.h"
#include "dbsnapfs/store/snapshot.h"
#include "service/background.h"
#include "service/core.h"

static bool check_is_done(struct service *service, const struct backup_entry *entry)
{
    (void)service;
    return entry->checked_ns != 0;
}

/* Reads the backup's image; `findings` gets one line. */
static int examine(struct service *service, uint64_t id, const atomic_bool *cancel,
                   struct buf *findings, struct err *err)
{
    struct snapshot *snapshot = NULL;
    int code = snapshot_open(service->repo, id, &snapshot, err);

    if (code == 0) {
        snapshot_give_way(snapshot);
        code = source_snapshot_check(snapshot, false, cancel, findings, err);
    }
    snapshot_close(snapshot);
    if (code == -EBADMSG && !atomic_load(cancel)) { /* damage in the store is an outcome as well */
        buf_clear(findings);
        buf_add_text(findings, err->text);
        return 0;
    }
    return code;
}

/* Checks one backup and notes the result. */
static int check_run(struct service *service, uint64_t id, const char *name,
                     const atomic_bool *cancel, struct err *err)
{
    struct buf findings = BUF_INIT;
    struct err bad = ERR_INIT;
    char first_line[300];
    int code = examine(service, id, cancel, &findings, err);

    if (code == 0) {
        (void)snprintf(first_line, sizeof first_line, "%.*s",
                       (int)strcspn(buf_text(&findings), "\n"), buf_text(&findings));
        if (strcmp(first_line, "ok") != 0) {
            (void)err_set(&bad, EBADMSG, "this backup is not good: %s", first_line);
            background_fail(service, check_job.verb, name, &bad);
        }
        code = repo_note_check(service->repo, id, clock_now_ns(), first_line, err);
    }
    buf_free(&findings);
    return code;
}

const struct background_job check_job = {
    .verb = "check",
    .is_done = check_is_done,
    .run = check_run,
};
