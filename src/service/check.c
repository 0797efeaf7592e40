/*
 * Is the backup good? Its image is read through the store, and SQLite looks it over. Backups that
 * the background leaves alone are for `verify`.
 */
#include "service/check.h"

#include <errno.h>
#include <string.h>

#include "dbsnapfs/source/source.h"
#include "dbsnapfs/store/repo.h"
#include "dbsnapfs/store/snapshot.h"
#include "service/background.h"
#include "service/core.h"

#define LONGEST_RESULT 300

static bool check_is_done(struct service *service, const struct backup_entry *entry)
{
    (void)service;
    return entry->checked_ns != 0;
}

static int examine(struct service *service, uint64_t id, struct check_way way,
                   const atomic_bool *cancel, struct buf *ret_result, struct err *err)
{
    struct snapshot *snapshot = NULL;
    struct buf findings = BUF_INIT;
    int code = snapshot_open(service->repo, id, &snapshot, err);

    if (code == 0) {
        if (way.gives_way)
            snapshot_give_way(snapshot);
        code = source_snapshot_check(snapshot, way.deep, cancel, &findings, err);
    }
    snapshot_close(snapshot);
    if (code == 0) {
        int len = (int)strcspn(buf_text(&findings), "\n");

        buf_addf(ret_result, "%s%.*s",
                 strcmp(buf_text(&findings), "ok\n") == 0 ? "" : CHECK_FINDING,
                 len > LONGEST_RESULT ? LONGEST_RESULT : len, buf_text(&findings));
    } else if (code == -EBADMSG && !atomic_load(cancel)) { /* an outcome as well */
        buf_add_text(ret_result, err->text);
        code = 0;
    }
    buf_free(&findings);
    return code == 0 && buf_error(ret_result) < 0 ? err_set(err, ENOMEM, "out of memory") : code;
}

int check_backup(struct service *service, uint64_t id, struct check_way way,
                 const atomic_bool *cancel, struct buf *ret_result, struct err *err)
{
    int code;

    buf_clear(ret_result);
    code = examine(service, id, way, cancel, ret_result, err);
    if (code == 0)
        code = repo_note_check(service->repo, id, clock_now_ns(), buf_text(ret_result), err);
    return code;
}

static int check_run(struct service *service, uint64_t id, const char *name,
                     const atomic_bool *cancel, struct err *err)
{
    const struct check_way way = {.gives_way = true};
    struct buf result = BUF_INIT;
    struct err bad = ERR_INIT;
    int code = check_backup(service, id, way, cancel, &result, err);

    if (code == 0 && strcmp(buf_text(&result), "ok") != 0) {
        (void)err_set(&bad, EBADMSG, "this backup is not good: %s", buf_text(&result));
        background_fail(service, check_job.verb, name, &bad);
    }
    buf_free(&result);
    return code;
}

const struct background_job check_job = {
    .verb = "check",
    .is_done = check_is_done,
    .run = check_run,
};
