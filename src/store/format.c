/*
 * Encoding and decoding of the format's pieces, from and to memory only. Decoders take any
 * bytes: whatever they return 0 for is within the bounds that the structures state.
 */
#include "store/format.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <xxhash.h>

#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"

static const char header_magic[8] = {'D', 'B', 'S', 'N', 'A', 'P', 'F', 'S'};
static const char footer_magic[8] = {'S', 'N', 'A', 'P', 'F', 'E', 'N', 'D'};

uint64_t format_get64(const uint8_t *from)
{
    uint64_t v;

    memcpy(&v, from, sizeof(v));
    return le64toh(v);
}

uint32_t format_get32(const uint8_t *from)
{
    uint32_t v;

    memcpy(&v, from, sizeof(v));
    return le32toh(v);
}

void format_put64(uint8_t *to, uint64_t value)
{
    value = htole64(value);
    memcpy(to, &value, sizeof(value));
}

void format_put32(uint8_t *to, uint32_t value)
{
    value = htole32(value);
    memcpy(to, &value, sizeof(value));
}

void format_add_varint(struct buf *out, uint64_t value)
{
    uint8_t bytes[10];
    size_t n = 0;

    while (value >= 0x80) {
        bytes[n++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    bytes[n++] = (uint8_t)value;
    buf_add(out, bytes, n);
}

void format_add_svarint(struct buf *out, int64_t value)
{
    uint64_t bits = (uint64_t)value;

    format_add_varint(out, bits << 1 ^ (value < 0 ? UINT64_MAX : 0));
}

uint64_t format_read_varint(struct format_reader *reader)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 64 && reader->at < reader->end; shift += 7) {
        uint8_t byte = *reader->at++;

        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return value;
    }
    reader->failed = true;
    return 0;
}

int64_t format_read_svarint(struct format_reader *reader)
{
    uint64_t bits = format_read_varint(reader);

    return (int64_t)(bits >> 1 ^ (bits & 1 ? UINT64_MAX : 0));
}

uint64_t format_read64(struct format_reader *reader)
{
    uint64_t value;

    if (reader->end - reader->at < 8) {
        reader->failed = true;
        return 0;
    }
    value = format_get64(reader->at);
    reader->at += 8;
    return value;
}

struct fingerprint format_fingerprint(const void *block, size_t len, uint64_t seed)
{
    XXH128_hash_t h = XXH3_128bits_withSeed(block, len, seed);

    return (struct fingerprint){h.low64, h.high64};
}

uint64_t format_content_hash(const void *block, size_t len, uint64_t seed)
{
    return XXH3_128bits_withSeed(block, len, seed).low64;
}

uint64_t format_record_checksum(uint32_t type, const void *body, size_t len, uint64_t offset)
{
    uint8_t head[16];

    format_put32(head, type);
    format_put32(head + 4, (uint32_t)len);
    format_put64(head + 8, offset);
    return XXH3_64bits_withSeed(body, len, XXH3_64bits(head, sizeof(head)));
}

uint64_t format_checksum(const void *bytes, size_t len)
{
    return XXH3_64bits(bytes, len);
}

void segment_header_encode(const struct segment_header *header, uint8_t out[FORMAT_HEADER_BYTES])
{
    memset(out, 0, FORMAT_HEADER_BYTES);
    memcpy(out, header_magic, 8);
    format_put32(out + 8, header->version);
    memcpy(out + 16, header->repo_id, 16);
    format_put64(out + 32, header->seed);
    format_put64(out + 40, header->backup_id);
    format_put64(out + 56, format_checksum(out, 56));
}

int segment_header_decode(const uint8_t in[FORMAT_HEADER_BYTES], struct segment_header *ret_header,
                          struct err *err)
{
    struct segment_header header = {.version = format_get32(in + 8),
                                    .seed = format_get64(in + 32),
                                    .backup_id = format_get64(in + 40)};

    if (memcmp(in, header_magic, 8) != 0)
        return err_set(err, EBADMSG, "the header does not begin with DBSNAPFS");
    if (format_checksum(in, 56) != format_get64(in + 56))
        return err_set(err, EBADMSG, "the header's checksum does not match");
    if (header.version > FORMAT_VERSION)
        return err_set(err, EPROTONOSUPPORT,
                       "format version %u is newer than this dbsnapfs knows (%u): upgrade it",
                       header.version, FORMAT_VERSION);
    memcpy(header.repo_id, in + 16, 16);
    *ret_header = header;
    return 0;
}

void segment_footer_encode(const struct segment_footer *footer, uint8_t out[FORMAT_FOOTER_BYTES])
{
    memcpy(out, footer_magic, 8);
    format_put64(out + 8, footer->backup_id);
    format_put64(out + 16, footer->index_offset);
    format_put64(out + 24, footer->manifest_offset);
    format_put64(out + 32, footer->first_frame);
    format_put64(out + 40, footer->frame_count);
    format_put64(out + 48, footer->file_bytes);
    memcpy(out + 56, footer->repo_id, 16);
    format_put64(out + 72, footer->seed);
    format_put64(out + 80, 0);
    format_put64(out + 88, format_checksum(out, 88));
}

int segment_footer_decode(const uint8_t in[FORMAT_FOOTER_BYTES], struct segment_footer *ret_footer,
                          struct err *err)
{
    if (memcmp(in, footer_magic, 8) != 0)
        return err_set(err, EBADMSG, "the footer is not where the file ends");
    if (format_checksum(in, 88) != format_get64(in + 88))
        return err_set(err, EBADMSG, "the footer's checksum does not match");
    *ret_footer = (struct segment_footer){
        .backup_id = format_get64(in + 8),
        .index_offset = format_get64(in + 16),
        .manifest_offset = format_get64(in + 24),
        .first_frame = format_get64(in + 32),
        .frame_count = format_get64(in + 40),
        .file_bytes = format_get64(in + 48),
        .seed = format_get64(in + 72),
    };
    memcpy(ret_footer->repo_id, in + 56, 16);
    return 0;
}

void record_head_encode(const struct record_head *head, uint8_t out[FORMAT_RECORD_BYTES])
{
    format_put32(out, head->type);
    format_put32(out + 4, head->len);
    format_put64(out + 8, head->checksum);
}

void record_head_decode(const uint8_t in[FORMAT_RECORD_BYTES], struct record_head *ret_head)
{
    *ret_head = (struct record_head){format_get32(in), format_get32(in + 4), format_get64(in + 8)};
}

void frame_head_encode(const struct frame_head *head, struct buf *out)
{
    uint8_t fixed[FORMAT_FRAME_HEAD_BYTES] = {0};
    size_t start = out->len;
    int64_t before = -1;

    format_put64(fixed, head->id);
    fixed[8] = (uint8_t)head->kind;
    fixed[9] = head->codec;
    fixed[10] = (uint8_t)head->slot_count;
    format_put32(fixed + 12, head->block_size);
    buf_add(out, fixed, sizeof(fixed));
    for (uint32_t i = 0; i < head->slot_count; i++) {
        const struct frame_slot *slot = &head->slots[i];
        uint8_t hash[8];

        format_add_svarint(out, (int64_t)slot->block - before - 1);
        before = (int64_t)slot->block;
        format_put64(hash, slot->hash);
        buf_add(out, hash, sizeof(hash));
        if (head->kind == FRAME_FULL)
            continue;
        format_add_varint(out, head->id - slot->base_frame);
        format_add_varint(out, slot->base_slot);
        format_add_varint(out, slot->len);
    }
    if (!out->failed)
        format_put32((uint8_t *)out->data + start + 16, (uint32_t)(out->len - start));
}

static int frame_slots_decode(struct format_reader *reader, struct frame_head *head)
{
    int64_t before = -1;
    uint64_t offset = 0;

    for (uint32_t i = 0; i < head->slot_count; i++) {
        struct frame_slot *slot = &head->slots[i];
        int64_t step = format_read_svarint(reader);
        uint64_t back, base_slot, len;

        if (__builtin_add_overflow(before + 1, step, &before) || before < 0 ||
            before >= INT64_MAX / FORMAT_FRAME_BYTES)
            return -EBADMSG;
        *slot = (struct frame_slot){.block = (uint64_t)before, .hash = format_read64(reader)};
        if (head->kind == FRAME_FULL)
            continue;
        back = format_read_varint(reader);
        base_slot = format_read_varint(reader);
        len = format_read_varint(reader);
        if (back == 0 || back >= head->id || base_slot >= FORMAT_MAX_SLOTS ||
            len > FORMAT_FRAME_BYTES)
            return -EBADMSG;
        slot->base_frame = head->id - back;
        slot->base_slot = (uint32_t)base_slot;
        slot->offset = (uint32_t)offset;
        slot->len = (uint32_t)len;
        offset += len;
    }
    return reader->failed ? -EBADMSG : 0;
}

/* The bytes that the slots claim are those that the body has. */
static bool frame_payload_fits(const struct frame_head *head, size_t body_len)
{
    const struct frame_slot *last = &head->slots[head->slot_count - 1];

    if (head->kind == FRAME_DELTA)
        return body_len - head->payload_offset == last->offset + last->len;
    return body_len > head->payload_offset;
}

int frame_head_decode(const uint8_t *body, size_t len, struct frame_head *ret_head, struct err *err)
{
    struct frame_head *head = ret_head;
    struct format_reader reader;

    if (len < FORMAT_FRAME_HEAD_BYTES)
        return err_set(err, EBADMSG, "the frame is too short");
    head->id = format_get64(body);
    head->kind = body[8];
    head->codec = body[9];
    head->slot_count = body[10];
    head->block_size = format_get32(body + 12);
    head->payload_offset = format_get32(body + 16);
    if (head->id == 0 || head->id >> 48 || body[8] > FRAME_DELTA || head->slot_count == 0 ||
        head->slot_count > FORMAT_MAX_SLOTS || head->block_size < FORMAT_MIN_BLOCK ||
        head->block_size > FORMAT_FRAME_BYTES || head->payload_offset < FORMAT_FRAME_HEAD_BYTES ||
        head->payload_offset > len ||
        (head->kind == FRAME_FULL && head->block_size > FORMAT_FRAME_BYTES / head->slot_count))
        return err_set(err, EBADMSG, "the frame's head makes no sense");
    reader =
        (struct format_reader){body + FORMAT_FRAME_HEAD_BYTES, body + head->payload_offset, false};
    if (frame_slots_decode(&reader, head) || reader.at != reader.end ||
        !frame_payload_fits(head, len))
        return err_set(err, EBADMSG, "the slots of frame %llu make no sense",
                       (unsigned long long)head->id);
    return 0;
}

void map_head_encode(const struct map_head *head, uint8_t out[FORMAT_MAP_HEAD_BYTES])
{
    memset(out, 0, FORMAT_MAP_HEAD_BYTES);
    format_put64(out, head->backup_id);
    format_put32(out + 8, head->shard);
    out[12] = (uint8_t)head->kind;
    out[13] = head->codec;
    format_put32(out + 16, head->entry_count);
    format_put32(out + 20, head->raw_bytes);
}

int map_head_decode(const uint8_t *body, size_t len, struct map_head *ret_head, struct err *err)
{
    if (len < FORMAT_MAP_HEAD_BYTES)
        return err_set(err, EBADMSG, "the map record is too short");
    *ret_head = (struct map_head){
        .backup_id = format_get64(body),
        .shard = format_get32(body + 8),
        .kind = body[12],
        .codec = body[13],
        .entry_count = format_get32(body + 16),
        .raw_bytes = format_get32(body + 20),
    };
    if (body[12] > MAP_FULL || ret_head->entry_count > FORMAT_SHARD_BLOCKS ||
        ret_head->raw_bytes > FORMAT_SHARD_BLOCKS * 30)
        return err_set(err, EBADMSG, "the map record's head makes no sense");
    return 0;
}

void map_entries_encode(const struct map_entry *entries, size_t count, struct buf *out)
{
    uint32_t block = 0;
    uint64_t frame = 0;

    for (size_t i = 0; i < count; i++) {
        format_add_varint(out, entries[i].block - block);
        format_add_svarint(out, (int64_t)(place_frame(entries[i].place) - frame));
        format_add_varint(out, place_slot(entries[i].place));
        block = entries[i].block + 1;
        frame = place_frame(entries[i].place);
    }
}

int map_entries_decode(const uint8_t *bytes, size_t len, struct map_entry *entries, size_t count,
                       struct err *err)
{
    struct format_reader reader = {bytes, bytes + len, false};
    uint64_t block = 0, frame = 0;

    for (size_t i = 0; i < count; i++) {
        uint64_t skip = format_read_varint(&reader);
        int64_t step = format_read_svarint(&reader);
        uint64_t slot = format_read_varint(&reader);

        frame += (uint64_t)step;
        if (reader.failed || skip >= FORMAT_SHARD_BLOCKS || block + skip >= FORMAT_SHARD_BLOCKS ||
            frame == 0 || frame >> 48 || slot >= FORMAT_MAX_SLOTS)
            return err_set(err, EBADMSG, "entry %zu of the map record makes no sense", i);
        block += skip;
        entries[i] = (struct map_entry){(uint32_t)block, place_make(frame, (uint32_t)slot)};
        block++;
    }
    if (reader.at != reader.end)
        return err_set(err, EBADMSG, "bytes are left behind the map record's entries");
    return 0;
}
