/*
 * Bytes of a segment, from a hostile hand: the first byte says what the rest is given to.
 *
 * What a decoder takes must keep the promises that its callers build on, so each is used as they
 * use it: blocks are decoded, entries are encoded again and must come back the same.
 */
#include "fuzz.h"

#include <string.h>

#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/cache.h"
#include "dbsnapfs/util/err.h"
#include "store/frame.h"
#include "store/map.h"
#include "store/repo_internal.h"

static void must(int condition, const char *what)
{
    if (!condition) {
        (void)fprintf(stderr, "segment: %s\n", what);
        abort();
    }
}

/* Any frame that a delta names: sixteen blocks of zeros. */
static int any_frame(void *context, struct cache_key key, void **ret_value, size_t *ret_bytes,
                     struct err *err)
{
    struct frame *frame = calloc(1, sizeof(*frame) + FORMAT_FRAME_BYTES);

    (void)context;
    (void)err;
    must(frame != NULL, "out of memory");
    frame->ready_slots = FORMAT_MAX_SLOTS;
    frame->head.id = key.a;
    frame->head.slot_count = FORMAT_MAX_SLOTS;
    frame->head.block_size = FORMAT_MIN_BLOCK;
    *ret_value = frame;
    *ret_bytes = sizeof(*frame) + FORMAT_FRAME_BYTES;
    return 0;
}

/* A repository of which only what decoders touch is there. */
static struct repo *fuzz_repo(void)
{
    static const struct cache_ops ops = {any_frame, free};
    static char path[] = "REPO";
    static struct repo repo = {.path = path,
                               .identity.seed = 1,
                               .codecs_lock = PTHREAD_MUTEX_INITIALIZER,
                               .segments_lock = PTHREAD_RWLOCK_INITIALIZER};

    if (!repo.frames)
        must(cache_new(1u << 20, &ops, &repo.frames, NULL) == 0, "out of memory");
    return &repo;
}

static void fuzz_frame(const uint8_t *bytes, size_t len)
{
    struct repo *repo = fuzz_repo();
    uint8_t block[FORMAT_FRAME_BYTES];
    struct frame *frame = NULL;
    struct err err = ERR_INIT;
    uint32_t slots = FRAME_WHOLE;

    /* sometimes only the beginning, as a read of one block asks for */
    if (len > FORMAT_FRAME_HEAD_BYTES && bytes[FORMAT_FRAME_HEAD_BYTES - 1])
        slots = bytes[FORMAT_FRAME_HEAD_BYTES - 1] % FRAME_WHOLE;
    if (frame_decode(repo, bytes, len, slots, &frame, &err)) {
        must(err.text[0] != '\0', "a refusal without a message");
        return;
    }
    for (uint32_t i = 0; i <= frame->head.slot_count; i++)
        (void)frame_block(repo, frame, i, frame->head.slots[i % FORMAT_MAX_SLOTS].block, block,
                          &err);
    free(frame);
}

static void fuzz_frame_head(const uint8_t *bytes, size_t len)
{
    struct frame_head head, again;
    struct buf body = BUF_INIT;

    if (frame_head_decode(bytes, len, &head, NULL))
        return;
    frame_head_encode(&head, &body);
    buf_add(&body, bytes + head.payload_offset, len - head.payload_offset);
    must(frame_head_decode((const uint8_t *)body.data, body.len, &again, NULL) == 0,
         "a frame's head is refused when it is encoded again");
    for (uint32_t i = 0; i < head.slot_count; i++)
        must(head.slots[i].block == again.slots[i].block &&
                 head.slots[i].hash == again.slots[i].hash &&
                 head.slots[i].len == again.slots[i].len,
             "a slot differs when it is encoded again");
    buf_free(&body);
}

static void fuzz_map(const uint8_t *bytes, size_t len)
{
    struct map_entry entries[FORMAT_SHARD_BLOCKS];
    struct buf body = BUF_INIT;
    struct map_head head;

    buf_add(&body, bytes, len);
    if (map_record_decode(fuzz_repo(), &body, &head, entries, NULL) == 0) {
        for (uint32_t i = 0; i < head.entry_count; i++)
            must(entries[i].block < FORMAT_SHARD_BLOCKS && entries[i].place != 0,
                 "an entry out of bounds");
    }
    buf_free(&body);
}

static void fuzz_map_entries(const uint8_t *bytes, size_t len)
{
    struct map_entry entries[FORMAT_SHARD_BLOCKS], again[FORMAT_SHARD_BLOCKS];
    size_t count = len ? bytes[0] : 0;
    struct buf body = BUF_INIT;

    if (len == 0 || map_entries_decode(bytes + 1, len - 1, entries, count, NULL))
        return;
    map_entries_encode(entries, count, &body);
    must(map_entries_decode((const uint8_t *)buf_text(&body), body.len, again, count, NULL) == 0,
         "entries are refused when they are encoded again");
    for (size_t i = 0; i < count; i++)
        must(entries[i].block == again[i].block && entries[i].place == again[i].place,
             "an entry differs when it is encoded again");
    buf_free(&body);
}

static void fuzz_ends(const uint8_t *bytes, size_t len)
{
    uint8_t header[FORMAT_HEADER_BYTES] = {0}, footer[FORMAT_FOOTER_BYTES] = {0};
    struct segment_header h;
    struct segment_footer f;

    memcpy(header, bytes, len < sizeof(header) ? len : sizeof(header));
    memcpy(footer, bytes, len < sizeof(footer) ? len : sizeof(footer));
    (void)segment_header_decode(header, &h, NULL);
    (void)segment_footer_decode(footer, &f, NULL);
    /* and as if the checksum were right */
    format_put64(header + 56, format_checksum(header, 56));
    format_put64(footer + 88, format_checksum(footer, 88));
    if (segment_header_decode(header, &h, NULL) == 0)
        must(h.version <= FORMAT_VERSION, "a newer format is taken");
    (void)segment_footer_decode(footer, &f, NULL);
}

static void fuzz_manifest(const uint8_t *bytes, size_t len)
{
    struct backup_entry entry;
    struct buf json = BUF_INIT;

    if (backup_entry_parse((const char *)bytes, len, &entry, NULL))
        return;
    must(entry.block_size >= FORMAT_MIN_BLOCK && entry.block_size <= FORMAT_FRAME_BYTES,
         "a block size that no reader takes");
    must(!strchr(entry.name, '/'), "a name that is a path");
    (void)backup_entry_json(&entry, &json);
    buf_free(&json);
    backup_entry_free(&entry);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static void (*const targets[])(const uint8_t *bytes, size_t len) = {
        fuzz_frame, fuzz_frame_head, fuzz_map, fuzz_map_entries, fuzz_ends, fuzz_manifest};

    if (len)
        targets[bytes[0] % (sizeof(targets) / sizeof(targets[0]))](bytes + 1, len - 1);
    return 0;
}
