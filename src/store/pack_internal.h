/*
 * The packer's inside, shared by pack.c (frames), pack_map.c (the map) and pack_end.c (what stands
 * behind them in the segment).
 */
#ifndef DBSNAPFS_STORE_PACK_INTERNAL_H
#define DBSNAPFS_STORE_PACK_INTERNAL_H

#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/pool.h"
#include "store/pack.h"

struct codec;
struct storage_upload;

#define PACK_RING 16u
#define PACK_KINDS 64u
#define PACK_FRAME_BYTES 32768u /* of blocks in a full frame, unless one block is larger */

/* A full frame on its way: gathered, then compressed by a worker, then written. */
struct full_frame {
    struct pool_job job; /* first: the job is the frame */
    struct packer *packer;
    struct full_frame *next; /* among the spare ones */
    struct frame_head head;
    struct buf body;  /* what is written */
    int code;         /* of the compression */
    uint8_t blocks[]; /* packer.frame_bytes */
};

/* The changed blocks of one shard so far. */
struct open_shard {
    uint32_t number;
    uint32_t count;
    struct map_entry entries[FORMAT_SHARD_BLOCKS];
};

struct packer {
    struct repo *repo;
    struct pack_geometry geometry;
    struct storage_upload *upload;
    struct codec *codec; /* for map records */
    uint64_t offset;     /* where the next record goes */
    uint64_t next_frame;
    uint64_t *frame_places; /* by id - first_frame: what the index holds */
    size_t frame_capacity;

    size_t frame_bytes;
    struct full_frame *open[PACK_KINDS]; /* being gathered, by kind; NULL: none */
    unsigned kinds;                      /* of open[] in use: 1, 2, 4, … */
    uint64_t full_blocks;
    struct full_frame *ring[PACK_RING];
    unsigned ring_first, ring_count; /* frames handed to the pool, oldest first */
    struct full_frame *spare;
    struct frame_head delta; /* slot_count 0 when no delta frame is open */
    struct buf delta_payload;

    struct open_shard first_shard, shard;
    struct catalog_map *maps;
    size_t map_count, map_capacity;
    struct buf scratch;
};

int packer_write(struct packer *packer, const void *bytes, size_t len, struct err *err);
/* A record with its head and checksum. */
int packer_record(struct packer *packer, uint32_t type, const struct buf *body, struct err *err);

/* pack_map.c: notes where a block is; writes the shard's map record when a block of another shard
 * comes, and those that are still open. */
int packer_placed(struct packer *packer, uint64_t block, uint64_t frame, uint32_t slot,
                  struct err *err);
int packer_close_maps(struct packer *packer, struct err *err);

/* pack_end.c: index, manifest, footer, commit. */
int packer_end(struct packer *packer, struct backup_entry *entry, struct catalog_segment *segment,
               struct err *err);

#endif
