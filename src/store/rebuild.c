/*
 * The old catalog steps aside, an empty one is made, and opening the repository does the rest: it
 * takes in every segment that the catalog lacks. What only the old catalog knew, the results of
 * checks, is carried over if it can still be read.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dbsnapfs/store/verify.h"
#include "dbsnapfs/util/err.h"
#include "store/adopt.h"
#include "store/lock.h"
#include "store/repo_internal.h"

/* Moves catalog.sqlite (and a journal of it, which belongs to it) to NAME.old. */
static int rebuild_set_aside(const char *path, struct err *err)
{
    static const char *const names[] = {"catalog.sqlite", "catalog.sqlite-journal"};

    for (size_t i = 0; i < 2; i++) {
        char *from = repo_file(path, names[i]), *to = NULL;
        int code = 0;

        if (from && asprintf(&to, "%s.old", from) < 0)
            to = NULL;
        if (!from || !to)
            code = err_set(err, ENOMEM, "%s: out of memory", path);
        else if (rename(from, to) != 0 && errno != ENOENT)
            code = err_sys(err, errno, "%s: cannot set aside", from);
        free(from);
        free(to);
        if (code)
            return code;
    }
    return 0;
}

struct rebuild_carry {
    struct repo *repo;
};

static int rebuild_carry_entry(void *arg, const struct backup_entry *old)
{
    struct rebuild_carry *carry = arg;
    struct backup_entry now;

    if (catalog_find(carry->repo->catalog, NULL, old->id, &now, NULL) != 0)
        return 0;
    if (memcmp(now.digest, old->digest, sizeof(now.digest)) == 0) {
        if (old->checked_ns)
            repo_note_check(carry->repo, old->id, old->checked_ns, old->check_result, NULL);
        if (old->sha256[0])
            repo_note_sha256(carry->repo, old->id, old->sha256, NULL);
    }
    backup_entry_free(&now);
    return 0;
}

/* A damaged old catalog ends this early, and that is all. */
static void rebuild_carry_over(struct repo *repo)
{
    struct rebuild_carry carry = {repo};
    struct catalog *old = NULL;
    char *path = repo_file(repo->path, "catalog.sqlite.old");

    if (path && catalog_open(path, true, false, &old, NULL) == 0)
        catalog_list(old, 0, rebuild_carry_entry, &carry, NULL);
    catalog_close(old);
    free(path);
}

struct rebuild_report {
    const struct verify_report *report;
};

static void rebuild_skipped(void *arg, const char *text)
{
    const struct verify_report *report = ((struct rebuild_report *)arg)->report;

    if (report && report->damage)
        report->damage(report->arg, text);
}

int repo_rebuild(const char *path, const struct repo_options *options,
                 const struct verify_report *report, uint64_t *ret_backups, struct err *err)
{
    struct rebuild_report wrapped = {report};
    struct repo_totals totals = {0};
    struct repo_options writer = *options;
    struct repo_lock *lock = NULL;
    struct repo *repo = NULL;
    uint64_t adopted;
    struct stat st;
    int code = 0;

    if (stat(path, &st) != 0)
        return err_sys(err, errno, "%s: there is no repository", path);
    code = repo_lock_take(path, options->holder, options->wait, &lock, err);
    if (code == 0)
        code = rebuild_set_aside(path, err);
    repo_lock_release(lock);
    writer.read_only = false;
    if (code == 0)
        code = repo_open(path, &writer, &repo, err);
    if (code == 0) /* what opening left alone: now with the reason */
        code = repo_adopt(repo, rebuild_skipped, &wrapped, &adopted, err);
    if (code == 0) {
        rebuild_carry_over(repo);
        code = repo_totals(repo, &totals, err);
    }
    repo_close(repo);
    if (code == 0)
        *ret_backups = totals.backups;
    return code;
}
