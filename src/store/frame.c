/*
 * A full frame is decoded when it enters the cache, and its blocks are checked then. Who wants one
 * block far from others gets the frame decoded up to that block only, half of the work on average;
 * who comes back for more gets all of it. So the cache may hold a frame whole and by its beginning:
 * the second half of the key is the number of slots, in pairs, 0 for the whole.
 *
 * A
 * delta frame stays as it is stored, some kilobytes for sixteen blocks; each of its blocks is
 * decoded when it is asked for, from its base frame, which comes through the cache too.
 */
#include "store/frame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/codec.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"
#include "store/record.h"
#include "store/repo_internal.h"

#define FRAME_STEP 2u /* slots; beginnings are decoded and cached in such steps */

static int frame_blocks_check(struct repo *repo, const struct frame *frame, struct err *err)
{
    const struct frame_head *head = &frame->head;

    for (uint32_t i = 0; i < frame->ready_slots; i++) {
        if (format_content_hash(frame->bytes + (size_t)i * head->block_size, head->block_size,
                                repo->identity.seed) != head->slots[i].hash)
            return err_set(err, EBADMSG, "block %llu in frame %llu is not what was stored",
                           (unsigned long long)head->slots[i].block, (unsigned long long)head->id);
    }
    return 0;
}

static int frame_decode_full(struct repo *repo, struct frame *frame, const uint8_t *payload,
                             size_t len, struct err *err)
{
    const struct frame_head *head = &frame->head;
    size_t bytes = (size_t)frame->ready_slots * head->block_size;
    struct codec *codec = NULL;
    int code = repo_codec_borrow(repo, &codec, err);

    if (code)
        return code;
    if (frame->ready_slots < head->slot_count)
        code = codec_decompress_start(codec, head->codec, payload, len, frame->bytes, bytes);
    else
        code = codec_decompress(codec, head->codec, NULL, 0, payload, len, frame->bytes, bytes);
    repo_codec_return(repo, codec);
    if (code == -ENOTSUP)
        return err_set(err, ENOTSUP,
                       "frame %llu is compressed with codec %u (%s), which this "
                       "dbsnapfs was built without",
                       (unsigned long long)head->id, head->codec,
                       codec_name(head->codec) ? codec_name(head->codec) : "unknown");
    if (code)
        return err_set(err, -code, "frame %llu does not decompress", (unsigned long long)head->id);
    return frame_blocks_check(repo, frame, err);
}

/* With `slots` decoded, or the whole frame. */
static int frame_decode_slots(struct repo *repo, const struct frame_head *head, const uint8_t *body,
                              size_t len, uint32_t slots, struct frame **ret_frame, struct err *err)
{
    size_t payload = len - head->payload_offset, bytes = payload;
    struct frame *frame;
    int code = 0;

    if (head->kind == FRAME_FULL)
        bytes = (size_t)slots * head->block_size + CODEC_START_SLACK;
    frame = malloc(sizeof(*frame) + bytes);
    if (!frame)
        return err_set(err, ENOMEM, "out of memory for a frame");
    frame->head = *head;
    frame->segment = frame->offset = 0;
    frame->stored_bytes = (uint32_t)payload;
    frame->ready_slots = slots;
    if (head->kind == FRAME_FULL)
        code = frame_decode_full(repo, frame, body + head->payload_offset, payload, err);
    else
        memcpy(frame->bytes, body + head->payload_offset, payload);
    if (code) {
        free(frame);
        return code;
    }
    *ret_frame = frame;
    return 0;
}

int frame_decode(struct repo *repo, const uint8_t *body, size_t len, uint32_t slots,
                 struct frame **ret_frame, struct err *err)
{
    struct frame_head head;
    int code = frame_head_decode(body, len, &head, err);

    if (code)
        return code;
    if (head.kind == FRAME_FULL && slots < head.slot_count &&
        frame_decode_slots(repo, &head, body, len, slots, ret_frame, NULL) == 0)
        return 0;
    return frame_decode_slots(repo, &head, body, len, head.slot_count, ret_frame, err);
}

static int frame_load(void *context, struct cache_key key, void **ret_value, size_t *ret_bytes,
                      struct err *err)
{
    struct repo *repo = context;
    struct buf body = BUF_INIT;
    struct frame *frame = NULL;
    struct record_place place = {0};
    int code = record_locate_frame(repo, key.a, &place, err);

    if (code == 0)
        code = record_read_frame(repo, &place, &body, err);
    if (code)
        goto out;
    code = frame_decode(repo, (const uint8_t *)body.data, body.len,
                        key.b ? (uint32_t)key.b * FRAME_STEP : FRAME_WHOLE, &frame, err);
    if (code == 0 && frame->head.id != key.a) {
        code = err_set(err, EBADMSG, "frame %llu stands where frame %llu should be",
                       (unsigned long long)frame->head.id, (unsigned long long)key.a);
        free(frame);
    }
    if (code) {
        err_at(err, "%s/segments/%010llu.seg: byte %llu", repo->path,
               (unsigned long long)place.segment, (unsigned long long)place.offset);
        goto out;
    }
    frame->segment = place.segment;
    frame->offset = place.offset;
    *ret_value = frame;
    *ret_bytes = sizeof(*frame) + (frame->head.kind == FRAME_FULL
                                       ? (size_t)frame->ready_slots * frame->head.block_size
                                       : frame->stored_bytes);
out:
    buf_free(&body);
    return code;
}

const struct cache_ops frame_cache_ops = {frame_load, free};

/* A frame that is in the cache with enough slots, or NULL; `ret_less` if only with fewer. */
static struct cache_ref *frame_peek(struct repo *repo, uint64_t id, uint64_t step, bool *ret_less)
{
    struct cache_ref *ref = cache_peek(repo->frames, (struct cache_key){id, 0});

    *ret_less = false;
    for (uint64_t i = step; !ref && step && i < FRAME_WHOLE / FRAME_STEP; i++)
        ref = cache_peek(repo->frames, (struct cache_key){id, i});
    for (uint64_t i = 1; !ref && !*ret_less && i < step; i++) {
        struct cache_ref *less = cache_peek(repo->frames, (struct cache_key){id, i});

        *ret_less = less != NULL;
        cache_release(repo->frames, less);
    }
    return ref;
}

int frame_get(struct repo *repo, uint64_t id, uint32_t slots, struct cache_ref **ref,
              const struct frame **ret_frame, struct err *err)
{
    uint64_t step = slots + FRAME_STEP > FRAME_WHOLE ? 0 : (slots + FRAME_STEP - 1) / FRAME_STEP;
    bool less = false;
    int code = 0;

    *ref = step ? frame_peek(repo, id, step, &less) : NULL;
    if (!*ref)
        code = cache_get(repo->frames, (struct cache_key){id, less ? 0 : step}, repo, ref, err);
    if (code == 0)
        *ret_frame = cache_value(*ref);
    return code;
}

static int frame_damaged(struct repo *repo, const struct frame *frame, uint32_t slot,
                         const char *what, struct err *err)
{
    return err_set(err, EBADMSG, "%s/segments/%010llu.seg: byte %llu: slot %u of frame %llu %s",
                   repo->path, (unsigned long long)frame->segment,
                   (unsigned long long)frame->offset, slot, (unsigned long long)frame->head.id,
                   what);
}

static int frame_delta_block(struct repo *repo, const struct frame *frame, uint32_t slot, void *to,
                             struct err *err)
{
    const struct frame_slot *s = &frame->head.slots[slot];
    uint32_t size = frame->head.block_size;
    struct cache_ref *ref = NULL;
    const struct frame *base;
    struct codec *codec;
    int code = frame_get(repo, s->base_frame, s->base_slot + 1, &ref, &base, err);

    if (code)
        return code;
    if (base->head.kind != FRAME_FULL || s->base_slot >= base->ready_slots ||
        base->head.block_size != size) {
        code = frame_damaged(repo, frame, slot, "names a base that is none", err);
        goto out;
    }
    code = repo_codec_borrow(repo, &codec, err);
    if (code)
        goto out;
    code = codec_decompress(codec, frame->head.codec, base->bytes + (size_t)s->base_slot * size,
                            size, frame->bytes + s->offset, s->len, to, size);
    repo_codec_return(repo, codec);
    if (code)
        code = frame_damaged(repo, frame, slot, "does not decompress", err);
    else if (format_content_hash(to, size, repo->identity.seed) != s->hash)
        code = frame_damaged(repo, frame, slot, "is not what was stored", err);
out:
    cache_release(repo->frames, ref);
    return code;
}

int frame_block(struct repo *repo, const struct frame *frame, uint32_t slot, uint64_t block,
                void *to, struct err *err)
{
    uint32_t size = frame->head.block_size;

    if (slot >= frame->ready_slots || frame->head.slots[slot].block != block)
        return frame_damaged(repo, frame, slot, "does not hold the block that is looked for", err);
    if (frame->head.kind == FRAME_DELTA)
        return frame_delta_block(repo, frame, slot, to, err);
    memcpy(to, frame->bytes + (size_t)slot * size, size);
    return 0;
}
