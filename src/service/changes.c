/*
 * What changed in a backup. Found out once, since it takes reading all that differs, and noted with
 * the backup; what is noted names the backup that it was compared with, because when that one is
 * deleted another is the one before.
 *
 * A table that cannot be read harms no other: it is noted with the reason. What is no fault of a
 * table fails all of it, since it may go otherwise the next time.
 */
#include "dbsnapfs/service/changes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/store/repo.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"
#include "service/noted.h"

/* 0 if it is the first. */
static int find_before(struct repo *repo, uint64_t backup_id, uint64_t *ret_id, struct err *err)
{
    struct backup_entry before = {.id = 0};
    int code = repo_before(repo, backup_id, &before, err);

    if (code != 0 && code != -ENOENT)
        return code;
    *ret_id = code == 0 ? before.id : 0;
    if (code == 0)
        backup_entry_free(&before);
    return 0;
}

int backup_changes_find(struct repo *repo, uint64_t backup_id, struct backup_changes *ret_changes,
                        struct err *err)
{
    struct backup_changes changes = {.before_id = 0};
    struct buf fact = BUF_INIT;
    uint64_t before_id = 0;
    struct err reason = ERR_INIT;
    int code = noted_find(repo, backup_id, FACT_CHANGES, &fact, &reason);

    /* What cannot be understood, or is damaged in the catalog, is as good as not known. */
    if (code == -EBADMSG || (code == 0 && backup_changes_read(&fact, &changes) != 0))
        code = -ENOENT;
    else if (code != 0 && code != -ENOENT)
        (void)err_set(err, -code, "%s", reason.text);
    buf_free(&fact);
    if (code == 0)
        code = find_before(repo, backup_id, &before_id, err);
    if (code == 0 && before_id != changes.before_id)
        code = -ENOENT;
    if (code != 0)
        backup_changes_free(&changes);
    else
        *ret_changes = changes;
    return code;
}

struct making {
    struct changes *changes;
    const atomic_bool *cancel;
    struct buf tables; /* struct table_change each */
};

static bool is_as_it_was(const struct change_counts *counts)
{
    return change_counts_none(counts) && counts->has_added && counts->rows_added == 0 &&
           counts->rows_csv_added == 0 && counts->rows_ndjson_added == 0 &&
           counts->rows_sql_added == 0;
}

/* `unreadable` may be NULL. */
static int add_table(struct making *making, const char *name, const struct change_counts *counts,
                     const char *unreadable, struct err *err)
{
    struct table_change change = {.name = strdup(name),
                                  .counts = *counts,
                                  .unreadable = unreadable ? strdup(unreadable) : NULL};

    if (change.name && (change.unreadable || !unreadable)) {
        buf_add(&making->tables, &change, sizeof change);
        if (buf_error(&making->tables) == 0)
            return 0;
    }
    free(change.name);
    free(change.unreadable);
    return err_sys(err, ENOMEM, "changes");
}

static bool is_cancelled(const struct making *making)
{
    return making->cancel && atomic_load(making->cancel);
}

static int make_table(void *arg, const char *name, struct err *err)
{
    struct making *making = arg;
    struct change_counts counts = {.inserted = 0};
    struct err reason = ERR_INIT;
    int code;

    if (is_cancelled(making)) /* small tables, however many, never look */
        return err_set(err, ECANCELED, "cancelled");
    code = changes_table(making->changes, name, NULL, NULL, NULL, NULL, &counts, &reason);
    if (code == 0)
        return is_as_it_was(&counts) ? 0 : add_table(making, name, &counts, NULL, err);
    if (is_cancelled(making))
        return err_set(err, ECANCELED, "cancelled");
    if (changes_blame_table(making->changes, code))
        return add_table(making, name, &counts, reason.text, err);
    return err_set(err, -code, "%s", reason.text);
}

/* Those of two backups that are there. */
static int compare(struct repo *repo, uint64_t backup_id, const atomic_bool *cancel, bool gives_way,
                   struct backup_changes *changes, struct err *err)
{
    struct comparison *comparison = NULL;
    struct making making = {.cancel = cancel, .tables = BUF_INIT};
    int code =
        comparison_open(repo, changes->before_id, backup_id, cancel, gives_way, &comparison, err);

    if (code != 0)
        return code;
    making.changes = comparison_changes(comparison);
    code = changes_candidates(making.changes, make_table, &making, err);
    comparison_close(comparison);
    changes->count = making.tables.len / sizeof *changes->tables;
    changes->tables = (struct table_change *)(void *)making.tables.data;
    return code;
}

static int note(struct repo *repo, uint64_t backup_id, const struct backup_changes *changes,
                struct err *err)
{
    struct buf fact = BUF_INIT;
    int code;

    backup_changes_write(changes, &fact);
    code = noted_put(repo, backup_id, FACT_CHANGES, &fact, err);
    buf_free(&fact);
    return code;
}

int backup_changes_make(struct repo *repo, uint64_t backup_id, const atomic_bool *cancel,
                        bool gives_way, struct backup_changes *ret_changes, struct err *err)
{
    struct backup_changes changes = {.before_id = 0};
    int code = find_before(repo, backup_id, &changes.before_id, err);

    if (code == 0 && changes.before_id != 0)
        code = compare(repo, backup_id, cancel, gives_way, &changes, err);
    if (code == 0 && gives_way)
        code = note(repo, backup_id, &changes, err);
    else if (code == 0)
        (void)note(repo, backup_id, &changes, NULL);
    if (code != 0)
        backup_changes_free(&changes);
    else
        *ret_changes = changes;
    return code;
}
