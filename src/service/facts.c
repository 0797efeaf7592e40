/*
 * What is found out about a backup in the background: one pass over it, one fact after the other.
 *
 * First what changed since the backup before. With that the sizes of its tables are those of the
 * tables before and what came and went, and only where this is not known a table is measured from
 * end to end: the first backup's, those with other columns than before, virtual ones. So a pass
 * costs in proportion to what changed.
 *
 * The pass reads through a snapshot that gives way, so it decodes nothing ahead and waits for those
 * who read in the foreground.
 *
 * A table that cannot be read, or not be compared, has no sizes or no changes, and who asks for them is
 * told why then. The log says it once, of the first such table: what is noted of the others makes the
 * backup one that is done. What cannot be compared at all with the backup before fails the pass at its
 * end, so that it is not tried again.
 */
#include "dbsnapfs/service/facts.h"

#include <errno.h>

#include "dbsnapfs/service/changes.h"
#include "dbsnapfs/source/database.h"
#include "dbsnapfs/source/schema.h"
#include "dbsnapfs/store/repo.h"
#include "dbsnapfs/store/snapshot.h"
#include "dbsnapfs/table/rendering.h"
#include "service/background.h"
#include "service/core.h"
#include "service/noted.h"

/* For a virtual table, which may give rows without end. */
#define VIRTUAL_NS (60 * INT64_C(1000000000))

/* What a pass has open. */
struct pass {
    struct service *service;
    uint64_t id;
    const atomic_bool *cancel;
    struct snapshot *snapshot;
    struct database *database; /* has begun, if it is not NULL */
    struct err failure;        /* why it cannot be compared; code 0: it can, as is: */
    struct err complaint;      /* about the first table that cannot be read */
    bool has_changes;
    struct backup_changes changes; /* if known: since the backup before … */
    struct buf before;             /* … and that one's sizes, or empty */
};

static void pass_close(struct pass *pass)
{
    backup_changes_free(&pass->changes);
    buf_free(&pass->before);
    if (pass->database)
        database_end(pass->database);
    database_close(pass->database);
    snapshot_close(pass->snapshot);
}

static int pass_open(struct pass *pass, struct err *err)
{
    struct database *database = NULL;
    int code = snapshot_open(pass->service->repo, pass->id, &pass->snapshot, err);

    if (code != 0)
        return code;
    snapshot_give_way(pass->snapshot);
    code = database_open_snapshot(pass->snapshot, &database, err);
    if (code != 0)
        return code;
    database_limit(database, pass->cancel, 0);
    code = database_begin(database, err);
    if (code != 0)
        database_close(database);
    else
        pass->database = database;
    return code;
}

/* Views may never end, and are measured for who asks. */
static bool is_measured(const struct relation *relation)
{
    return relation->kind != RELATION_VIEW && !relation->broken;
}

static bool add_to(uint64_t *number, int64_t added)
{
    uint64_t distance = added < 0 ? -(uint64_t)added : (uint64_t)added;

    if (added < 0 ? distance > *number : distance > UINT64_MAX - *number)
        return false;
    *number += (uint64_t)added;
    return true;
}

/* From the backup before and what came and went; false: it has to be measured. */
static bool derive(const struct pass *pass, const struct relation *relation,
                   struct row_sizes *ret_sizes)
{
    const struct table_change *change = backup_changes_table(&pass->changes, relation->name);
    struct row_sizes sizes;

    if (!pass->has_changes || relation->kind == RELATION_INTERNAL ||
        (relation->kind == RELATION_VIRTUAL && pass->changes.count > 0) ||
        sizes_find(&pass->before, relation->name, &sizes) != 0)
        return false;
    if (change && (!change->counts.has_added || !add_to(&sizes.rows, change->counts.rows_added) ||
                   !add_to(&sizes.csv_bytes, change->counts.rows_csv_added) ||
                   !add_to(&sizes.ndjson_bytes, change->counts.rows_ndjson_added) ||
                   !add_to(&sizes.sql_bytes, change->counts.rows_sql_added)))
        return false;
    *ret_sizes = sizes;
    return true;
}

static int measure(struct pass *pass, const struct relation *relation, struct row_sizes *ret_sizes,
                   struct err *err)
{
    if (derive(pass, relation, ret_sizes))
        return 0;
    int64_t deadline_ns =
        relation->kind == RELATION_VIRTUAL ? clock_monotonic_ns() + VIRTUAL_NS : 0;

    database_limit(pass->database, pass->cancel, deadline_ns);
    return row_sizes_measure(pass->database, relation->name, ret_sizes, err);
}

/* Where all of it cannot be compared, tables fail for the same reason. */
static void complain(struct pass *pass, const char *place, const char *table, int code,
                     const char *why)
{
    if (pass->failure.code == 0 && pass->complaint.code == 0)
        (void)err_set(&pass->complaint, -code, "%s%s: %s", place, table, why);
}

/* The sizes of this backup. */
static int sizes_of_backup(struct pass *pass, struct buf *out, struct err *err)
{
    const struct schema *schema = NULL;
    int code = database_schema(pass->database, &schema, err);

    if (code != 0)
        return code;
    sizes_begin(out);
    for (size_t i = 0; i < schema->relation_count; i++) {
        const struct relation *relation = &schema->relations[i];
        struct row_sizes sizes;
        struct err reason = ERR_INIT;

        if (!is_measured(relation))
            continue;
        code = measure(pass, relation, &sizes, &reason);
        if (atomic_load(pass->cancel))
            return err_set(err, ECANCELED, "cancelled");
        if (code == 0)
            sizes_add(out, relation->name, &sizes);
        else
            complain(pass, "", relation->name, code, reason.text);
    }
    return buf_error(out) == 0 ? 0 : err_sys(err, ENOMEM, "sizes");
}

/* Where the two cannot be compared, each table is measured. */
static int changes_of_backup(struct pass *pass, struct err *err)
{
    struct repo *repo = pass->service->repo;
    struct err reason = ERR_INIT;
    int code = backup_changes_find(repo, pass->id, &pass->changes, NULL);

    if (code != 0)
        code = backup_changes_make(repo, pass->id, pass->cancel, true, &pass->changes, &reason);
    if (atomic_load(pass->cancel))
        return err_set(err, ECANCELED, "cancelled");
    if (code != 0) {
        (void)err_set(&pass->failure, -code, "changes: %s", reason.text);
        return 0;
    }
    for (size_t i = 0; i < pass->changes.count; i++)
        if (pass->changes.tables[i].unreadable)
            complain(pass, "changes: ", pass->changes.tables[i].name, -EBADMSG,
                     pass->changes.tables[i].unreadable);
    pass->has_changes = pass->changes.before_id != 0;
    if (pass->has_changes)
        (void)noted_find(repo, pass->changes.before_id, FACT_SIZES, &pass->before, NULL);
    return 0;
}

static int facts_run(struct service *service, uint64_t id, const char *name,
                     const atomic_bool *cancel, struct err *err)
{
    struct pass pass = {.service = service, .id = id, .cancel = cancel, .before = BUF_INIT};
    struct buf sizes = BUF_INIT;
    int code = pass_open(&pass, err);

    if (code == 0)
        code = changes_of_backup(&pass, err);
    if (code == 0)
        code = sizes_of_backup(&pass, &sizes, err);
    if (code == 0 && pass.complaint.code < 0)
        background_fail(service, facts_job.verb, name, &pass.complaint);
    if (code == 0)
        code = noted_put(service->repo, id, FACT_SIZES, &sizes, err);
    if (code == 0 && pass.failure.code < 0) {
        *err = pass.failure;
        code = err->code;
    }
    pass_close(&pass);
    buf_free(&sizes);
    return code;
}

int facts_find_sizes(struct repo *repo, uint64_t backup_id, const char *table,
                     struct row_sizes *ret_sizes, struct err *err)
{
    struct buf fact = BUF_INIT;
    int code = noted_find(repo, backup_id, FACT_SIZES, &fact, err);

    /* What cannot be understood is as good as not known. */
    if (code == 0 && sizes_find(&fact, table, ret_sizes) != 0)
        code = -ENOENT;
    buf_free(&fact);
    return code;
}

static bool facts_are_known(struct service *service, const struct backup_entry *entry)
{
    struct buf fact = BUF_INIT;
    struct backup_changes changes = {.before_id = 0};
    bool known = noted_find(service->repo, entry->id, FACT_SIZES, &fact, NULL) == 0 &&
                 sizes_are_current(&fact) &&
                 backup_changes_find(service->repo, entry->id, &changes, NULL) == 0;

    backup_changes_free(&changes);
    buf_free(&fact);
    return known;
}

const struct background_job facts_job = {
    .verb = "sizes",
    .is_done = facts_are_known,
    .run = facts_run,
};
