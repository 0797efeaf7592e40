/*
 * The packer: takes the blocks that a backup stores, in order, and writes its segment.
 *
 * It gathers full blocks and deltas into frames, has full frames compressed by the pool, and
 * writes records in the order in which they are ready. It knows each block's place as soon as it
 * is given one, so the map of a shard is written when the blocks have passed it. One thread.
 */
#ifndef DBSNAPFS_STORE_PACK_H
#define DBSNAPFS_STORE_PACK_H

#include "store/catalog.h"
#include "store/format.h"

struct backup_entry;
struct err;
struct packer;
struct repo;

struct pack_geometry {
    uint64_t backup_id;
    uint64_t base_id;     /* the backup before, 0: none */
    uint64_t base_blocks; /* its block count; 0 when its blocks have another size */
    uint64_t first_frame;
    uint32_t block_size;
};

int packer_new(struct repo *repo, const struct pack_geometry *geometry, struct packer **ret_packer,
               struct err *err);
void packer_abort(struct packer *packer); /* NULL is fine */

/* A delta as the workers make it. */
struct packed_delta {
    uint64_t base_frame;
    uint32_t base_slot;
    const void *bytes;
    size_t len;
};

/* Blocks come with ascending numbers from 1; block 0 last. `hash` is of its content; blocks of the
 * same kind are put together. */
int packer_add_full(struct packer *packer, uint64_t block, uint64_t hash, uint32_t kind,
                    const void *bytes, struct err *err);
int packer_add_delta(struct packer *packer, uint64_t block, uint64_t hash,
                     const struct packed_delta *delta, struct err *err);
/* The map records of the shards before `block` can be written. */
int packer_passed(struct packer *packer, uint64_t block, struct err *err);

/* Writes what is left, index, manifest and footer, and commits the segment: it is on disk then.
 * `entry` gets its stored_bytes. `maps` is the caller's to free. Packer gone in any case. */
int packer_finish(struct packer *packer, struct backup_entry *entry,
                  struct catalog_segment *ret_segment, struct catalog_map **ret_maps,
                  size_t *ret_map_count, struct err *err);

#endif
