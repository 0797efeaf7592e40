/*
 * Two frames are open at a time, one of full blocks and one of deltas; each got its id when its
 * first block came. Full ones are compressed in a ring of jobs; the oldest is written when the
 * ring is full, so memory is bounded and the order in the file is that of the ids' birth, nearly.
 * (The index maps ids to offsets, so order does not matter.)
 *
 * Shard 0 stays open until the end, since block 0 comes last.
 */
#include "store/pack.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/storage.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"
#include "dbsnapfs/util/pool.h"
#include "dbsnapfs/util/probe.h"
#include "store/map.h"
#include "store/repo_internal.h"

#define PACK_RING 16u

/* A full frame on its way: gathered, then compressed by a worker, then written. */
struct full_frame {
    struct pool_job job; /* first: the job is the frame */
    struct packer *packer;
    struct frame_head head;
    struct buf body; /* what is written */
    int code;        /* of the compression */
    uint8_t blocks[FORMAT_FRAME_BYTES];
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
    uint64_t *frame_offsets; /* by id - first_frame */
    size_t frame_capacity;

    struct full_frame *ring[PACK_RING];
    unsigned ring_first, ring_count; /* frames handed to the pool, oldest first */
    struct full_frame *filling;      /* NULL when no full frame is open */
    struct frame_head delta;         /* slot_count 0 when no delta frame is open */
    struct buf delta_payload;

    struct open_shard first_shard, shard;
    struct catalog_map *maps;
    size_t map_count, map_capacity;
    struct buf scratch;
};

static int packer_write(struct packer *p, const void *bytes, size_t len, struct err *err)
{
    int code = storage_write(p->upload, bytes, len, err);

    if (code == 0)
        p->offset += len;
    return code;
}

static int packer_record(struct packer *p, uint32_t type, const struct buf *body, struct err *err)
{
    uint8_t bytes[FORMAT_RECORD_BYTES];
    struct record_head head = {type, (uint32_t)body->len, 0};
    int code = buf_error(body);

    if (code)
        return err_set(err, ENOMEM, "out of memory for a record");
    head.checksum = format_record_checksum(type, body->data, body->len, p->offset);
    record_head_encode(&head, bytes);
    code = packer_write(p, bytes, sizeof(bytes), err);
    return code ? code : packer_write(p, body->data, body->len, err);
}

static int packer_frame_record(struct packer *p, uint64_t id, const struct buf *body,
                               struct err *err)
{
    p->frame_offsets[id - p->geometry.first_frame] = p->offset;
    return packer_record(p, RECORD_FRAME, body, err);
}

/* The next frame id, with room for its offset. */
static int packer_new_frame(struct packer *p, struct frame_head *head, enum frame_kind kind,
                            struct err *err)
{
    size_t at = p->next_frame - p->geometry.first_frame;

    if (at == p->frame_capacity) {
        size_t capacity = p->frame_capacity ? p->frame_capacity * 2 : 1024;
        uint64_t *offsets = realloc(p->frame_offsets, capacity * sizeof(*offsets));

        if (!offsets)
            return err_set(err, ENOMEM, "out of memory for the index of frames");
        p->frame_offsets = offsets;
        p->frame_capacity = capacity;
    }
    p->frame_offsets[at] = 0;
    head->id = p->next_frame++;
    head->kind = kind;
    head->codec = (uint8_t)p->repo->compress.id;
    head->slot_count = 0;
    head->block_size = p->geometry.block_size;
    return 0;
}

/* A worker: head and payload of a full frame. What does not become smaller is kept as it is. */
static void full_frame_run(struct pool_job *job)
{
    struct full_frame *f = (struct full_frame *)job;
    struct repo *repo = f->packer->repo;
    size_t len = (size_t)f->head.slot_count * f->head.block_size, got = 0;
    struct codec *codec = NULL;
    uint8_t *to;

    buf_clear(&f->body);
    frame_head_encode(&f->head, &f->body);
    to = buf_reserve(&f->body, len);
    f->code = to ? repo_codec_borrow(repo, &codec, NULL) : -ENOMEM;
    if (f->code)
        return;
    f->code = codec_compress(codec, repo->compress, NULL, 0, f->blocks, len, to, len - 1, &got);
    repo_codec_return(repo, codec);
    if (f->code == -ENOSPC) {
        f->code = 0;
        f->body.data[9] = CODEC_NONE;
        memcpy(to, f->blocks, len);
        got = len;
    }
    f->body.len += got;
}

static int packer_write_oldest(struct packer *p, struct err *err)
{
    struct full_frame *f = p->ring[p->ring_first];
    int code;

    pool_wait(p->repo->pool, &f->job);
    p->ring_first = (p->ring_first + 1) % PACK_RING;
    p->ring_count--;
    code = f->code ? err_set(err, -f->code, "cannot compress frame %llu",
                             (unsigned long long)f->head.id)
                   : packer_frame_record(p, f->head.id, &f->body, err);
    return code;
}

static int packer_close_full(struct packer *p, struct err *err)
{
    struct full_frame *f = p->filling;

    if (!f)
        return 0;
    p->filling = NULL;
    f->job.run = full_frame_run;
    p->ring_count++;
    pool_submit(p->repo->pool, &f->job);
    return p->ring_count == PACK_RING ? packer_write_oldest(p, err) : 0;
}

static int packer_open_full(struct packer *p, struct err *err)
{
    unsigned at = (p->ring_first + p->ring_count) % PACK_RING;

    if (!p->ring[at]) {
        p->ring[at] = calloc(1, sizeof(*p->ring[at]));
        if (!p->ring[at])
            return err_set(err, ENOMEM, "out of memory for a frame");
        p->ring[at]->packer = p;
    }
    p->filling = p->ring[at];
    return packer_new_frame(p, &p->filling->head, FRAME_FULL, err);
}

static int packer_close_delta(struct packer *p, struct err *err)
{
    if (p->delta.slot_count == 0)
        return 0;
    buf_clear(&p->scratch);
    frame_head_encode(&p->delta, &p->scratch);
    buf_add(&p->scratch, p->delta_payload.data, p->delta_payload.len);
    buf_clear(&p->delta_payload);
    p->delta.slot_count = 0;
    return packer_frame_record(p, p->delta.id, &p->scratch, err);
}

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

static int packer_placed(struct packer *p, uint64_t block, uint64_t frame, uint32_t slot,
                         struct err *err)
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

int packer_add_full(struct packer *p, uint64_t block, uint64_t hash, const void *bytes,
                    struct err *err)
{
    uint32_t size = p->geometry.block_size;
    struct frame_head *head;
    int code = p->filling ? 0 : packer_open_full(p, err);

    if (code)
        return code;
    head = &p->filling->head;
    memcpy(p->filling->blocks + (size_t)head->slot_count * size, bytes, size);
    head->slots[head->slot_count] = (struct frame_slot){.block = block, .hash = hash};
    code = packer_placed(p, block, head->id, head->slot_count, err);
    head->slot_count++;
    if (code == 0 && (head->slot_count + 1) * size > FORMAT_FRAME_BYTES)
        code = packer_close_full(p, err);
    return code;
}

int packer_add_delta(struct packer *p, uint64_t block, uint64_t hash,
                     const struct packed_delta *delta, struct err *err)
{
    struct frame_head *head = &p->delta;
    int code = head->slot_count ? 0 : packer_new_frame(p, head, FRAME_DELTA, err);

    if (code)
        return code;
    head->slots[head->slot_count] = (struct frame_slot){
        .block = block,
        .hash = hash,
        .base_frame = delta->base_frame,
        .base_slot = delta->base_slot,
        .len = (uint32_t)delta->len,
    };
    buf_add(&p->delta_payload, delta->bytes, delta->len);
    code = packer_placed(p, block, head->id, head->slot_count, err);
    head->slot_count++;
    if (code == 0 && head->slot_count == FORMAT_MAX_SLOTS)
        code = packer_close_delta(p, err);
    return code;
}

int packer_passed(struct packer *p, uint64_t block, struct err *err)
{
    return p->shard.number < block / FORMAT_SHARD_BLOCKS ? packer_close_shard(p, &p->shard, err)
                                                         : 0;
}

int packer_new(struct repo *repo, const struct pack_geometry *geometry, struct packer **ret_packer,
               struct err *err)
{
    struct segment_header header = {FORMAT_VERSION, {0}, repo->identity.seed, geometry->backup_id};
    struct packer *p = calloc(1, sizeof(*p));
    uint8_t bytes[FORMAT_HEADER_BYTES];
    char name[SEGMENT_NAME_BYTES];
    int code;

    if (!p)
        return err_set(err, ENOMEM, "out of memory for a backup");
    p->repo = repo;
    p->geometry = *geometry;
    p->next_frame = geometry->first_frame;
    p->shard.number = 1;
    segment_name(geometry->backup_id, name);
    memcpy(header.repo_id, repo->identity.repo_id, sizeof(header.repo_id));
    segment_header_encode(&header, bytes);
    code = repo_codec_borrow(repo, &p->codec, err);
    if (code == 0)
        code = storage_begin(repo->storage, name, &p->upload, err);
    if (code == 0)
        code = packer_write(p, bytes, sizeof(bytes), err);
    if (code) {
        packer_abort(p);
        return code;
    }
    *ret_packer = p;
    return 0;
}

void packer_abort(struct packer *p)
{
    if (!p)
        return;
    for (; p->ring_count; p->ring_count--) {
        pool_wait(p->repo->pool, &p->ring[p->ring_first]->job);
        p->ring_first = (p->ring_first + 1) % PACK_RING;
    }
    storage_abort(p->upload);
    for (unsigned i = 0; i < PACK_RING; i++) {
        if (p->ring[i])
            buf_free(&p->ring[i]->body);
        free(p->ring[i]);
    }
    if (p->codec)
        repo_codec_return(p->repo, p->codec);
    buf_free(&p->delta_payload);
    buf_free(&p->scratch);
    free(p->frame_offsets);
    free(p->maps);
    free(p);
}

static int packer_index(struct packer *p, struct catalog_segment *segment, struct err *err)
{
    uint8_t bytes[FORMAT_INDEX_HEAD_BYTES];

    segment->first_frame = p->geometry.first_frame;
    segment->frame_count = p->next_frame - p->geometry.first_frame;
    segment->index_offset = p->offset;
    format_put64(bytes, segment->first_frame);
    format_put64(bytes + 8, segment->frame_count);
    buf_clear(&p->scratch);
    buf_add(&p->scratch, bytes, sizeof(bytes));
    for (size_t i = 0; i < segment->frame_count; i++) {
        format_put64(bytes, p->frame_offsets[i]);
        buf_add(&p->scratch, bytes, 8);
    }
    return packer_record(p, RECORD_INDEX, &p->scratch, err);
}

/* The manifest states the size of the file that it stands in, so it is rendered until the two
 * agree; digits rarely change twice. */
static int packer_manifest(struct packer *p, struct backup_entry *entry,
                           struct segment_footer *footer, struct err *err)
{
    int code;

    footer->manifest_offset = p->offset;
    entry->stored_bytes = 0;
    for (;;) {
        uint64_t bytes;

        buf_clear(&p->scratch);
        code = backup_entry_json(entry, &p->scratch);
        if (code)
            return err_set(err, -code, "cannot write the manifest");
        bytes = p->offset + FORMAT_RECORD_BYTES + p->scratch.len + FORMAT_FOOTER_BYTES;
        if (bytes == entry->stored_bytes)
            break;
        entry->stored_bytes = bytes;
    }
    return packer_record(p, RECORD_MANIFEST, &p->scratch, err);
}

static int packer_footer(struct packer *p, struct backup_entry *entry,
                         struct catalog_segment *segment, struct err *err)
{
    struct segment_footer footer = {.backup_id = entry->id,
                                    .index_offset = segment->index_offset,
                                    .first_frame = segment->first_frame,
                                    .frame_count = segment->frame_count};
    uint8_t bytes[FORMAT_FOOTER_BYTES];
    int code = packer_manifest(p, entry, &footer, err);

    if (code)
        return code;
    footer.file_bytes = entry->stored_bytes;
    segment->id = entry->id;
    segment->bytes = entry->stored_bytes;
    segment_footer_encode(&footer, bytes);
    code = packer_write(p, bytes, sizeof(bytes), err);
    if (code == 0 && (code = probe_hit("segment-commit")) != 0)
        err_sys(err, -code, "cannot commit the segment");
    if (code == 0) {
        code = storage_commit(p->upload, err);
        p->upload = NULL;
    }
    return code;
}

int packer_finish(struct packer *p, struct backup_entry *entry, struct catalog_segment *ret_segment,
                  struct catalog_map **ret_maps, size_t *ret_map_count, struct err *err)
{
    struct catalog_segment segment = {0};
    int code = packer_close_full(p, err);

    while (code == 0 && p->ring_count)
        code = packer_write_oldest(p, err);
    if (code == 0)
        code = packer_close_delta(p, err);
    if (code == 0)
        code = packer_close_shard(p, &p->shard, err);
    if (code == 0)
        code = packer_close_shard(p, &p->first_shard, err);
    if (code == 0)
        code = packer_index(p, &segment, err);
    if (code == 0)
        code = packer_footer(p, entry, &segment, err);
    if (code == 0) {
        *ret_segment = segment;
        *ret_maps = p->maps;
        *ret_map_count = p->map_count;
        p->maps = NULL;
    }
    packer_abort(p);
    return code;
}
