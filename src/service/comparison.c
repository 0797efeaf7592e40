/* Two backups side by side: a snapshot and a database for each, which begin together. */
#include <errno.h>
#include <stdlib.h>

#include "dbsnapfs/service/changes.h"
#include "dbsnapfs/source/database.h"
#include "dbsnapfs/store/snapshot.h"
#include "dbsnapfs/util/err.h"

struct comparison {
    struct comparison_side {
        struct snapshot *snapshot;
        struct database *database; /* has begun, if it is not NULL */
    } before, after;
    struct changes *changes;
};

static void side_close(struct comparison_side *side)
{
    if (side->database)
        database_end(side->database);
    database_close(side->database);
    snapshot_close(side->snapshot);
}

void comparison_close(struct comparison *comparison)
{
    if (!comparison)
        return;
    changes_free(comparison->changes);
    side_close(&comparison->before);
    side_close(&comparison->after);
    free(comparison);
}

static int side_open(struct comparison_side *side, struct repo *repo, uint64_t id,
                     const atomic_bool *cancel, bool gives_way, struct err *err)
{
    struct database *database = NULL;
    int code = snapshot_open(repo, id, &side->snapshot, err);

    if (code != 0)
        return code;
    if (gives_way)
        snapshot_give_way(side->snapshot);
    code = database_open_snapshot(side->snapshot, &database, err);
    if (code != 0)
        return code;
    database_limit(database, cancel, 0);
    code = database_begin(database, err);
    if (code != 0)
        database_close(database);
    else
        side->database = database;
    return code;
}

int comparison_open(struct repo *repo, uint64_t before_id, uint64_t after_id,
                    const atomic_bool *cancel, bool gives_way, struct comparison **ret_comparison,
                    struct err *err)
{
    struct comparison *comparison = calloc(1, sizeof *comparison);
    struct change_side before, after;
    int code;

    if (!comparison)
        return err_sys(err, ENOMEM, "changes");
    code = side_open(&comparison->before, repo, before_id, cancel, gives_way, err);
    if (code == 0)
        code = side_open(&comparison->after, repo, after_id, cancel, gives_way, err);
    if (code == 0) {
        before = (struct change_side){comparison->before.database, comparison->before.snapshot};
        after = (struct change_side){comparison->after.database, comparison->after.snapshot};
        code = changes_new(&before, &after, &comparison->changes, err);
    }
    if (code != 0)
        comparison_close(comparison);
    else
        *ret_comparison = comparison;
    return code;
}

struct changes *comparison_changes(const struct comparison *comparison)
{
    return comparison->changes;
}
