/*
 * The map: where each block of a backup is.
 *
 * A shard of the map is read through the shard cache by (backup id, shard). It is put together
 * from the newest full record at or before the backup and the changed records after that one.
 */
#ifndef DBSNAPFS_STORE_MAP_H
#define DBSNAPFS_STORE_MAP_H

#include "dbsnapfs/util/cache.h"
#include "store/format.h"

struct buf;
struct codec;
struct err;
struct repo;

struct shard {
    block_place places[FORMAT_SHARD_BLOCKS]; /* 0: the backup has no such block */
};

extern const struct cache_ops shard_cache_ops;

/* A shard through the cache; release with cache_release(repo->shards, ref). */
int shard_get(struct repo *repo, uint64_t backup_id, uint32_t shard, struct cache_ref **ret_ref,
              const struct shard **ret_shard, struct err *err);

/* The body of a map record, appended to `out`. */
int map_record_encode(struct codec *codec, uint64_t backup_id, uint32_t shard, enum map_kind kind,
                      const struct map_entry *entries, size_t count, struct buf *out,
                      struct err *err);

/* `entries` has room for FORMAT_SHARD_BLOCKS. */
int map_record_decode(struct repo *repo, const struct buf *body, struct map_head *ret_head,
                      struct map_entry *entries, struct err *err);

#endif
