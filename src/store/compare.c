/*
 * Two backups compared by their maps, a shard at a time.
 *
 * A shard that no backup between the two has touched has the same newest record in both, and with
 * it the same chain: the catalog tells that, and nothing is read. Otherwise the two shards are held
 * against each other place by place. A block whose place is not known (its segment is missing)
 * counts as different.
 */
#include <errno.h>

#include "dbsnapfs/store/snapshot.h"
#include "dbsnapfs/util/cache.h"
#include "dbsnapfs/util/err.h"
#include "store/adopt.h"
#include "store/catalog.h"
#include "store/map.h"
#include "store/repo_internal.h"
#include "store/snapshot_internal.h"

/* A run that may go on in the next shard. */
struct run {
    uint64_t first, count;
    int (*each)(void *arg, uint64_t first, uint64_t count);
    void *arg;
};

static int run_end(struct run *run)
{
    uint64_t count = run->count;

    run->count = 0;
    return count ? run->each(run->arg, run->first, count) : 0;
}

static int run_add(struct run *run, uint64_t block)
{
    int code = 0;

    if (run->count && run->first + run->count != block)
        code = run_end(run);
    if (code == 0 && run->count++ == 0)
        run->first = block;
    return code;
}

/* Its newest record, the backup of which is 0 if there is none or it is not known to be that. */
static int shard_newest(const struct snapshot *snapshot, uint32_t number,
                        struct catalog_map_place *ret_newest, struct err *err)
{
    struct catalog_map_place places[FORMAT_MAX_CHAIN];
    size_t count = 0;
    int code = catalog_map_chain(snapshot->repo->catalog, snapshot->id, number, places,
                                 FORMAT_MAX_CHAIN, &count, err);

    if (code)
        return code;
    *ret_newest = (struct catalog_map_place){0, 0, 0};
    if (count && !repo_segment_missing(snapshot->repo, places[0].backup_id, snapshot->id))
        *ret_newest = places[0];
    return 0;
}

static int shard_untouched(const struct snapshot *before, const struct snapshot *after,
                           uint32_t number, bool *ret_untouched, struct err *err)
{
    struct catalog_map_place a, b;
    int code = shard_newest(before, number, &a, err);

    if (code == 0)
        code = shard_newest(after, number, &b, err);
    if (code == 0)
        *ret_untouched = a.backup_id && a.backup_id == b.backup_id && a.offset == b.offset;
    return code;
}

/* `common` and `all` are numbers of blocks in the shard: what both have, what either has. */
static int shard_compare(const struct snapshot *before, const struct snapshot *after,
                         uint32_t number, uint64_t common, uint64_t all, struct run *run,
                         struct err *err)
{
    uint64_t start = (uint64_t)number * FORMAT_SHARD_BLOCKS;
    struct cache_ref *before_ref = NULL, *after_ref = NULL;
    const struct shard *a = NULL, *b = NULL;
    int code = 0;

    if (common)
        code = shard_get(before->repo, before->id, number, &before_ref, &a, err);
    if (common && code == 0)
        code = shard_get(after->repo, after->id, number, &after_ref, &b, err);
    for (uint64_t i = 0; i < all && code == 0; i++) {
        if (i >= common || !a->places[i] || a->places[i] != b->places[i])
            code = run_add(run, start + i);
    }
    cache_release(before->repo->shards, before_ref);
    cache_release(after->repo->shards, after_ref);
    return code;
}

/* How many of `blocks` are in the shard. */
static uint64_t shard_part(uint64_t blocks, uint32_t number)
{
    uint64_t start = (uint64_t)number * FORMAT_SHARD_BLOCKS;
    uint64_t rest = blocks > start ? blocks - start : 0;

    return rest < FORMAT_SHARD_BLOCKS ? rest : FORMAT_SHARD_BLOCKS;
}

int snapshot_compare(struct snapshot *before, struct snapshot *after,
                     int (*each)(void *arg, uint64_t first, uint64_t count), void *arg,
                     struct err *err)
{
    uint64_t all =
        before->block_count > after->block_count ? before->block_count : after->block_count;
    struct run run = {0, 0, each, arg};
    int code = 0;

    if (before->block_size != after->block_size)
        return err_set(err, ENOTSUP, "backups %s and %s have blocks of different sizes",
                       before->name, after->name);
    for (uint32_t number = 0; (uint64_t)number * FORMAT_SHARD_BLOCKS < all && code == 0; number++) {
        uint64_t a = shard_part(before->block_count, number);
        uint64_t b = shard_part(after->block_count, number);
        bool untouched = false;

        if (a == b)
            code = shard_untouched(before, after, number, &untouched, err);
        if (code == 0 && !untouched)
            code = shard_compare(before, after, number, a < b ? a : b, a < b ? b : a, &run, err);
    }
    return code ? code : run_end(&run);
}
