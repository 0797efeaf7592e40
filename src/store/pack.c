/*
 * Frames of full blocks are gathered by kind: blocks that look alike, such as the leaves of one
 * index, compress better together (by a tenth, on a shop's database), and who scans an index later
 * finds its pages side by side. A frame gets its id when its first block comes, so that a block's
 * place is known at once, and is compressed by the pool when it is full. Frames in the ring of jobs
 * are written oldest first, so memory is bounded. Their order in the file does not matter: the
 * index leads to them by id.
 *
 * Each kind's last frame stays partly filled, which a small backup cannot afford: the number of
 * kinds that are told apart grows with the number of blocks.
 */
#include "store/pack_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/storage.h"
#include "dbsnapfs/util/err.h"
#include "store/repo_internal.h"

int packer_write(struct packer *p, const void *bytes, size_t len, struct err *err)
{
    int code = storage_write(p->upload, bytes, len, err);

    if (code == 0)
        p->offset += len;
    return code;
}

int packer_record(struct packer *p, uint32_t type, const struct buf *body, struct err *err)
{
    uint8_t bytes[FORMAT_RECORD_BYTES];
    struct record_head head = {type, (uint32_t)body->len, 0};
    int code = buf_error(body);

    if (code)
        return err_set(err, ENOMEM, "out of memory for a record");
    if (body->len > FORMAT_MAX_RECORD_BYTES)
        return err_set(err, EFBIG, "the backup has more frames than its index can hold");
    head.checksum = format_record_checksum(type, body->data, body->len, p->offset);
    record_head_encode(&head, bytes);
    code = packer_write(p, bytes, sizeof(bytes), err);
    return code ? code : packer_write(p, body->data, body->len, err);
}

static int packer_frame_record(struct packer *p, uint64_t id, const struct buf *body,
                               struct err *err)
{
    if (p->offset > FORMAT_MAX_OFFSET)
        return err_set(err, EFBIG, "the backup's segment would get larger than 16 TiB");
    p->frame_places[id - p->geometry.first_frame] = format_frame_place(p->offset, body->len);
    return packer_record(p, RECORD_FRAME, body, err);
}

/* The next frame id, with room for its offset. */
static int packer_new_frame(struct packer *p, struct frame_head *head, enum frame_kind kind,
                            struct err *err)
{
    size_t at = p->next_frame - p->geometry.first_frame;

    if (at == p->frame_capacity) {
        size_t capacity = p->frame_capacity ? p->frame_capacity * 2 : 1024;
        uint64_t *places = realloc(p->frame_places, capacity * sizeof(*places));

        if (!places)
            return err_set(err, ENOMEM, "out of memory for the index of frames");
        p->frame_places = places;
        p->frame_capacity = capacity;
    }
    p->frame_places[at] = 0;
    head->id = p->next_frame++;
    head->kind = kind;
    /* what batch.c makes deltas with: they need a dictionary, so "none" is not for them */
    head->codec = kind == FRAME_DELTA && p->repo->compress.id == CODEC_NONE
                      ? (uint8_t)CODEC_DEFLATE
                      : (uint8_t)p->repo->compress.id;
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
    f->next = p->spare;
    p->spare = f;
    code = f->code ? err_set(err, -f->code, "cannot compress frame %llu",
                             (unsigned long long)f->head.id)
                   : packer_frame_record(p, f->head.id, &f->body, err);
    return code;
}

/* Hands an open frame to the pool. */
static int packer_close_full(struct packer *p, struct full_frame **open, struct err *err)
{
    struct full_frame *f = *open;

    if (!f)
        return 0;
    *open = NULL;
    p->ring[(p->ring_first + p->ring_count++) % PACK_RING] = f;
    pool_submit(p->repo->pool, &f->job);
    return p->ring_count == PACK_RING ? packer_write_oldest(p, err) : 0;
}

static int packer_open_full(struct packer *p, struct full_frame **open, struct err *err)
{
    struct full_frame *f = p->spare;

    if (f) {
        p->spare = f->next;
    } else {
        f = calloc(1, sizeof(*f) + p->frame_bytes);
        if (!f)
            return err_set(err, ENOMEM, "out of memory for a frame");
        f->packer = p;
        f->job.run = full_frame_run;
    }
    *open = f;
    return packer_new_frame(p, &f->head, FRAME_FULL, err);
}

/* The open frame for a kind. Kinds are spread by a multiplicative hash. */
static struct full_frame **packer_kind(struct packer *p, uint32_t kind)
{
    if (p->kinds < PACK_KINDS && p->full_blocks >= p->kinds * (uint64_t)PACK_KINDS)
        p->kinds *= 2;
    return &p->open[((kind * 2654435761u) >> 16) % p->kinds];
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

int packer_add_full(struct packer *p, uint64_t block, uint64_t hash, uint32_t kind,
                    const void *bytes, struct err *err)
{
    struct full_frame **open = packer_kind(p, kind);
    uint32_t size = p->geometry.block_size;
    struct frame_head *head;
    int code = *open ? 0 : packer_open_full(p, open, err);

    if (code)
        return code;
    p->full_blocks++;
    head = &(*open)->head;
    memcpy((*open)->blocks + (size_t)head->slot_count * size, bytes, size);
    head->slots[head->slot_count] = (struct frame_slot){.block = block, .hash = hash};
    code = packer_placed(p, block, head->id, head->slot_count, err);
    head->slot_count++;
    if (code == 0 && (head->slot_count + 1) * size > p->frame_bytes)
        code = packer_close_full(p, open, err);
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
    p->frame_bytes =
        geometry->block_size > PACK_FRAME_BYTES ? geometry->block_size : PACK_FRAME_BYTES;
    p->kinds = 1;
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

static void full_frame_free(struct full_frame *f)
{
    if (f)
        buf_free(&f->body);
    free(f);
}

void packer_abort(struct packer *p)
{
    if (!p)
        return;
    for (; p->ring_count; p->ring_count--) {
        pool_wait(p->repo->pool, &p->ring[p->ring_first]->job);
        full_frame_free(p->ring[p->ring_first]);
        p->ring_first = (p->ring_first + 1) % PACK_RING;
    }
    storage_abort(p->upload);
    for (unsigned i = 0; i < PACK_KINDS; i++)
        full_frame_free(p->open[i]);
    while (p->spare) {
        struct full_frame *next = p->spare->next;

        full_frame_free(p->spare);
        p->spare = next;
    }
    if (p->codec)
        repo_codec_return(p->repo, p->codec);
    buf_free(&p->delta_payload);
    buf_free(&p->scratch);
    free(p->frame_places);
    free(p->maps);
    free(p);
}

int packer_finish(struct packer *p, struct backup_entry *entry, struct catalog_segment *ret_segment,
                  struct catalog_map **ret_maps, size_t *ret_map_count, struct err *err)
{
    struct catalog_segment segment = {0};
    int code = 0;

    for (unsigned i = 0; i < PACK_KINDS && code == 0; i++)
        code = packer_close_full(p, &p->open[i], err);
    while (code == 0 && p->ring_count)
        code = packer_write_oldest(p, err);
    if (code == 0)
        code = packer_close_delta(p, err);
    if (code == 0)
        code = packer_close_maps(p, err);
    if (code == 0)
        code = packer_end(p, entry, &segment, err);
    if (code == 0) {
        *ret_segment = segment;
        *ret_maps = p->maps;
        *ret_map_count = p->map_count;
        p->maps = NULL;
    }
    packer_abort(p);
    return code;
}
