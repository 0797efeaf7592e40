/*
 * The map of a backup, a shard at a time. Blocks come in ascending order, so a shard's record is
 * written when the first block of another shard comes. Shard 0 stays open until the end, since
 * block 0 comes last.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/util/err.h"
#include "store/map.h"
#include "store/pack_internal.h"
#include "store/repo_internal.h"

static int packer_add_map(struct packer *p, const struct catalog_map *map, struct err *err)
{
    if (p->map_count == p->map_capacity) {
        size_t capacity = p->map_capacity ? p->map_capacity * 2 : 256;
        struct catalog_map *maps = realloc(p->maps, capacity * sizeof(*maps));

        if (!maps)
            return err_set(err, ENOMEM, "out of memory for the map");
        p->maps = maps;
        p->map_capacity = capacity;
    }
    p->maps[p->map_count++] = *map;
    return 0;
}

/* All entries of the shard: the changed ones over those of the backup before. */
static int packer_whole_shard(struct packer *p, struct open_shard *s, struct err *err)
{
    struct cache_ref *ref = NULL;
    const struct shard *before;
    block_place places[FORMAT_SHARD_BLOCKS];
    int code = shard_get(p->repo, p->geometry.base_id, s->number, &ref, &before, err);

    if (code)
        return code;
    memcpy(places, before->places, sizeof(places));
    cache_release(p->repo->shards, ref);
    for (uint32_t i = 0; i < s->count; i++)
        places[s->entries[i].block] = s->entries[i].place;
    s->count = 0;
    for (uint32_t i = 0; i < FORMAT_SHARD_BLOCKS; i++) {
        if (places[i])
            s->entries[s->count++] = (struct map_entry){i, places[i]};
    }
    return 0;
}

/* Is it time for a full record? When there is nothing to build on, or the chain is long. */
static int packer_map_kind(struct packer *p, const struct open_shard *s, enum map_kind *ret_kind,
                           bool *ret_merge, struct err *err)
{
    struct catalog_map_place places[FORMAT_MAX_CHAIN];
    size_t count = 0;
    int code = 0;

    *ret_merge = false;
    *ret_kind = MAP_FULL;
    if ((uint64_t)s->number * FORMAT_SHARD_BLOCKS >= p->geometry.base_blocks)
        return 0;
    code = catalog_map_chain(p->repo->catalog, p->geometry.base_id, s->number, places,
                             FORMAT_MAX_CHAIN, &count, err);
    if (count + 1 < FORMAT_MAX_CHAIN && count > 0)
        *ret_kind = MAP_CHANGED;
    else
        *ret_merge = true;
    return code;
}

static int map_entry_compare(const void *a, const void *b)
{
    uint32_t x = ((const struct map_entry *)a)->block, y = ((const struct map_entry *)b)->block;

    return x < y ? -1 : x > y;
}

static int packer_close_shard(struct packer *p, struct open_shard *s, struct err *err)
{
    enum map_kind kind = MAP_FULL;
    bool merge = false;
    int code;

    if (s->count == 0)
        return 0;
    /* block 0 came last, and belongs first */
    qsort(s->entries, s->count, sizeof(s->entries[0]), map_entry_compare);
    code = packer_map_kind(p, s, &kind, &merge, err);
    if (code == 0 && merge)
        code = packer_whole_shard(p, s, err);
    if (code == 0)
        code = packer_add_map(p, &(struct catalog_map){s->number, kind, p->offset}, err);
    buf_clear(&p->scratch);
    if (code == 0)
        code = map_record_encode(p->codec, p->geometry.backup_id, s->number, kind, s->entries,
                                 s->count, &p->scratch, err);
    if (code == 0)
        code = packer_record(p, RECORD_MAP, &p->scratch, err);
    s->count = 0;
    return code;
}

int packer_placed(struct packer *p, uint64_t block, uint64_t frame, uint32_t slot, struct err *err)
{
    uint32_t number = (uint32_t)(block / FORMAT_SHARD_BLOCKS);
    struct open_shard *s = number == 0 ? &p->first_shard : &p->shard;
    int code = 0;

    if (number != s->number) {
        code = packer_close_shard(p, s, err);
        s->number = number;
    }
    s->entries[s->count++] =
        (struct map_entry){(uint32_t)(block % FORMAT_SHARD_BLOCKS), place_make(frame, slot)};
    return code;
}

int packer_passed(struct packer *p, uint64_t block, struct err *err)
{
    return p->shard.number < block / FORMAT_SHARD_BLOCKS ? packer_close_shard(p, &p->shard, err)
                                                         : 0;
}

int packer_close_maps(struct packer *p, struct err *err)
{
    int code = packer_close_shard(p, &p->shard, err);

    return code ? code : packer_close_shard(p, &p->first_shard, err);
}
