/*
 * The repository's bytes. dbsnapfs-format(5) is this page with every field explained; the
 * two say the same. All numbers are little-endian; a varint is LEB128, a signed one is
 * zigzag-coded first.
 *
 * A segment holds what one backup added, in the order in which it became known:
 *
 *     header | FRAM … MAPS … (interleaved) | INDX | MANI | MANI | footer
 *
 * Between header and footer stand records: type, length, checksum, body. Each is checked by
 * itself, so that damage stays where it happened, and whoever walks from record to record
 * needs nothing but this file.
 *
 * A FRAM body is a frame: up to 64 KiB of blocks, one slot a block. The slots of a full frame
 * are compressed together. The slots of a delta frame are compressed one by one, each with an
 * older full version of the same block as dictionary: (base frame, base slot). Every slot has
 * the hash of its block's content, so a read is checked end to end.
 *
 * A MAPS body says for one shard of 1024 blocks where this backup's blocks are: for all of the
 * shard's blocks (full), or for those that changed since the backup before (changed).
 *
 * INDX gives the place of each frame's record by frame id, and the map records; MANI is the
 * manifest as JSON, and stands there twice.
 */
#ifndef DBSNAPFS_STORE_FORMAT_H
#define DBSNAPFS_STORE_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;

#define FORMAT_VERSION 1u

#define FORMAT_MIN_BLOCK 4096u
#define FORMAT_FRAME_BYTES 65536u /* of blocks, at most; a block is at most that */
#define FORMAT_MAX_FRAME_BODY ((1u << 20) - 1)
#define FORMAT_MAX_OFFSET ((UINT64_C(1) << 44) - 1)
#define FORMAT_SHARD_BLOCKS 1024u
#define FORMAT_MAX_SLOTS (FORMAT_FRAME_BYTES / FORMAT_MIN_BLOCK)
#define FORMAT_MAX_CHAIN 16u /* map records to read for one shard */

#define FORMAT_HEADER_BYTES 64u
#define FORMAT_RECORD_BYTES 16u
#define FORMAT_FOOTER_BYTES 96u
#define FORMAT_FRAME_HEAD_BYTES 24u
#define FORMAT_MAP_HEAD_BYTES 24u
#define FORMAT_INDEX_HEAD_BYTES 24u
#define FORMAT_INDEX_MAP_BYTES 16u
#define FORMAT_MAX_RECORD_BYTES (1u << 30)

enum record_type {
    RECORD_FRAME = 0x4d415246,    /* "FRAM" */
    RECORD_MAP = 0x5350414d,      /* "MAPS" */
    RECORD_INDEX = 0x58444e49,    /* "INDX" */
    RECORD_MANIFEST = 0x494e414d, /* "MANI" */
};

enum frame_kind { FRAME_FULL = 0, FRAME_DELTA = 1 };
enum map_kind { MAP_CHANGED = 0, MAP_FULL = 1 };

struct segment_header {
    uint32_t version;
    uint8_t repo_id[16];
    uint64_t seed;
    uint64_t backup_id;
};

struct segment_footer {
    uint64_t backup_id;
    uint64_t index_offset, manifest_offset;
    uint64_t first_frame, frame_count;
    uint64_t file_bytes;
    uint8_t repo_id[16]; /* as in the header */
    uint64_t seed;
};

struct record_head {
    uint32_t type;
    uint32_t len;
    uint64_t checksum;
};

struct frame_slot {
    uint64_t block;
    uint64_t hash;
    uint64_t base_frame; /* delta frames only, like the rest */
    uint32_t base_slot;
    uint32_t offset, len; /* in the payload */
};

struct frame_head {
    uint64_t id;
    enum frame_kind kind;
    uint8_t codec;
    uint32_t slot_count;
    uint32_t block_size;
    uint32_t payload_offset; /* in the body */
    struct frame_slot slots[FORMAT_MAX_SLOTS];
};

/* Where a frame's record is in its segment, in one word of the index: the offset in the low 44
 * bits, the length of the body in the high 20, so that one read gets it. */
static inline uint64_t format_frame_place(uint64_t offset, size_t body_len)
{
    return offset | (uint64_t)body_len << 44;
}

/* Where a block is: frame id and slot in one word. 0 is nowhere: frame ids begin at 1. */
typedef uint64_t block_place;

static inline block_place place_make(uint64_t frame, uint32_t slot)
{
    return frame << 16 | slot;
}

static inline uint64_t place_frame(block_place place)
{
    return place >> 16;
}

static inline uint32_t place_slot(block_place place)
{
    return (uint32_t)(place & 0xffff);
}

struct map_head {
    uint32_t shard;
    uint64_t backup_id;
    enum map_kind kind;
    uint8_t codec;
    uint32_t entry_count;
    uint32_t raw_bytes; /* of the entries, decompressed */
};

struct map_entry {
    uint32_t block; /* in the shard */
    block_place place;
};

uint64_t format_get64(const uint8_t *from);
uint32_t format_get32(const uint8_t *from);
void format_put64(uint8_t *to, uint64_t value);
void format_put32(uint8_t *to, uint32_t value);
void format_add_varint(struct buf *out, uint64_t value);
void format_add_svarint(struct buf *out, int64_t value);

/* A place in bytes that are read; `failed` is set by the first read past the end. */
struct format_reader {
    const uint8_t *at, *end;
    bool failed;
};
uint64_t format_read_varint(struct format_reader *reader);
int64_t format_read_svarint(struct format_reader *reader);
uint64_t format_read64(struct format_reader *reader);

/* The hash of a block's content: the low half of its fingerprint. */
struct fingerprint {
    uint64_t low, high;
};
struct fingerprint format_fingerprint(const void *block, size_t len, uint64_t seed);
uint64_t format_content_hash(const void *block, size_t len, uint64_t seed);
/* Of a record: seeded with its offset, so that a record in another place is not taken. */
uint64_t format_record_checksum(uint32_t type, const void *body, size_t len, uint64_t offset);
uint64_t format_checksum(const void *bytes, size_t len);

void segment_header_encode(const struct segment_header *header, uint8_t out[FORMAT_HEADER_BYTES]);
int segment_header_decode(const uint8_t in[FORMAT_HEADER_BYTES], struct segment_header *ret_header,
                          struct err *err);
void segment_footer_encode(const struct segment_footer *footer, uint8_t out[FORMAT_FOOTER_BYTES]);
int segment_footer_decode(const uint8_t in[FORMAT_FOOTER_BYTES], struct segment_footer *ret_footer,
                          struct err *err);
void record_head_encode(const struct record_head *head, uint8_t out[FORMAT_RECORD_BYTES]);
void record_head_decode(const uint8_t in[FORMAT_RECORD_BYTES], struct record_head *ret_head);

/* Head and slot table of a frame, in front of its payload. */
void frame_head_encode(const struct frame_head *head, struct buf *out);
/* -EBADMSG for anything no encoder writes. */
int frame_head_decode(const uint8_t *body, size_t len, struct frame_head *ret_head,
                      struct err *err);

void map_head_encode(const struct map_head *head, uint8_t out[FORMAT_MAP_HEAD_BYTES]);
int map_head_decode(const uint8_t *body, size_t len, struct map_head *ret_head, struct err *err);
void map_entries_encode(const struct map_entry *entries, size_t count, struct buf *out);
/* `entries` has room for `count`. */
int map_entries_decode(const uint8_t *bytes, size_t len, struct map_entry *entries, size_t count,
                       struct err *err);

#endif
