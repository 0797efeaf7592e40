/*
 * From a frame's id to its bytes takes two reads: the segment by its range of ids in memory, the
 * offset from the segment's index, then the record. An index entry that is damaged leads to a
 * record whose checksum, seeded with its offset, or whose id does not match.
 */
#include "store/record.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/storage.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"
#include "store/repo_internal.h"

/* Longer than any frame: before so much memory is asked for, the file is asked for its size. */
#define RECORD_PLAUSIBLE_BYTES (1u << 20)

void segment_name(uint64_t id, char ret_name[SEGMENT_NAME_BYTES])
{
    snprintf(ret_name, SEGMENT_NAME_BYTES, "%010llu.seg", (unsigned long long)id);
}

int segment_name_parse(const char *name, uint64_t *ret_id)
{
    uint64_t id = strtoull(name, NULL, 10);
    char again[SEGMENT_NAME_BYTES];

    if (id == 0)
        return -EINVAL;
    segment_name(id, again);
    for (size_t i = 0; i < sizeof(again); i++) {
        if (name[i] != again[i])
            return -EINVAL;
        if (!name[i])
            break;
    }
    *ret_id = id;
    return 0;
}

/* A segment that is not there is damage like any other. */
static int segment_read(struct repo *repo, const char *name, uint64_t offset, void *bytes,
                        size_t len, struct err *err)
{
    int code = storage_read(repo->storage, name, offset, bytes, len, err);

    return code == -ENOENT
               ? err_set(err, EBADMSG, "%s/segments/%s: the segment is missing", repo->path, name)
               : code;
}

/* Reads head and body; `likely_bytes` of them are read at once. `body` gets both. */
static int record_fetch(struct repo *repo, const char *name, uint64_t offset, size_t likely_bytes,
                        struct buf *bytes, struct record_head *ret_head, struct err *err)
{
    size_t first = likely_bytes > FORMAT_RECORD_BYTES ? likely_bytes : FORMAT_RECORD_BYTES, whole;
    uint8_t *to;
    int code;

    buf_clear(bytes);
    to = buf_reserve(bytes, first);
    if (!to)
        return -ENOMEM;
    code = segment_read(repo, name, offset, to, first, err);
    if (code)
        return code;
    record_head_decode(to, ret_head);
    if (ret_head->len > FORMAT_MAX_RECORD_BYTES)
        return err_set(err, EBADMSG, "%s/segments/%s: no record begins at byte %llu", repo->path,
                       name, (unsigned long long)offset);
    whole = FORMAT_RECORD_BYTES + ret_head->len;
    bytes->len = first < whole ? first : whole;
    if (first >= whole)
        return 0;
    to = buf_reserve(bytes, whole - first);
    if (!to)
        return -ENOMEM;
    code = segment_read(repo, name, offset + first, to, whole - first, err);
    if (code == 0)
        bytes->len = whole;
    return code;
}

/* Reads a record, checks it, and leaves its body in `body`. */
static int record_read_likely(struct repo *repo, const struct record_place *place, uint32_t type,
                              struct buf *body, uint32_t *ret_type, struct err *err)
{
    char name[SEGMENT_NAME_BYTES];
    struct record_head head;
    int code;

    segment_name(place->segment, name);
    code = record_fetch(repo, name, place->offset, place->likely_bytes, body, &head, err);
    if (code == -ENOMEM)
        return err_set(err, ENOMEM, "%s/segments/%s: out of memory for a record", repo->path, name);
    if (code)
        return code;
    if (type && head.type != type)
        return err_set(err, EBADMSG, "%s/segments/%s: no record begins at byte %llu", repo->path,
                       name, (unsigned long long)place->offset);
    if (format_record_checksum(head.type, body->data + FORMAT_RECORD_BYTES, head.len,
                               place->offset) != head.checksum)
        return err_set(err, EBADMSG,
                       "%s/segments/%s: the checksum of the record at byte %llu does not match",
                       repo->path, name, (unsigned long long)place->offset);
    memmove(body->data, body->data + FORMAT_RECORD_BYTES, head.len);
    body->len = head.len;
    if (ret_type)
        *ret_type = head.type;
    return 0;
}

int record_read(struct repo *repo, uint64_t id, uint64_t offset, uint32_t type, struct buf *body,
                uint32_t *ret_type, struct err *err)
{
    struct record_place place = {id, offset, 0};

    return record_read_likely(repo, &place, type, body, ret_type, err);
}

int record_read_frame(struct repo *repo, const struct record_place *place, struct buf *body,
                      struct err *err)
{
    return record_read_likely(repo, place, RECORD_FRAME, body, NULL, err);
}

/* The segment whose range of ids holds the frame. */
static int record_find_segment(struct repo *repo, uint64_t frame,
                               struct catalog_segment *ret_segment)
{
    size_t low = 0, high;
    int code = -ENOENT;

    pthread_rwlock_rdlock(&repo->segments_lock);
    high = repo->segment_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct catalog_segment *s = &repo->segments[middle];

        if (s->first_frame + s->frame_count <= frame)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < repo->segment_count && repo->segments[low].first_frame <= frame) {
        *ret_segment = repo->segments[low];
        code = 0;
    }
    pthread_rwlock_unlock(&repo->segments_lock);
    return code;
}

int record_locate_frame(struct repo *repo, uint64_t frame, struct record_place *ret_place,
                        struct err *err)
{
    struct catalog_segment segment;
    char name[SEGMENT_NAME_BYTES];
    uint8_t bytes[8];
    uint64_t at, word, offset, end;
    int code = record_find_segment(repo, frame, &segment);

    if (code) { /* of a backup that another process made since? */
        code = repo_refresh_segments(repo, err);
        if (code)
            return code;
        code = record_find_segment(repo, frame, &segment);
    }
    if (code)
        return err_set(err, EBADMSG, "%s: no segment has frame %llu", repo->path,
                       (unsigned long long)frame);
    segment_name(segment.id, name);
    at = segment.index_offset + FORMAT_RECORD_BYTES + FORMAT_INDEX_HEAD_BYTES +
         8 * (frame - segment.first_frame);
    code = segment_read(repo, name, at, bytes, sizeof(bytes), err);
    if (code)
        return code;
    word = format_get64(bytes);
    offset = word & FORMAT_MAX_OFFSET;
    end = offset + FORMAT_RECORD_BYTES + (word >> 44);
    if (offset < FORMAT_HEADER_BYTES || end > segment.index_offset)
        return err_set(err, EBADMSG,
                       "%s/segments/%s: the index entry of frame %llu at byte %llu is damaged",
                       repo->path, name, (unsigned long long)frame, (unsigned long long)at);
    *ret_place = (struct record_place){segment.id, offset, (size_t)(end - offset)};
    return 0;
}

int segment_header_read(struct repo *repo, uint64_t id, struct segment_header *ret_header,
                        struct err *err)
{
    uint8_t bytes[FORMAT_HEADER_BYTES];
    char name[SEGMENT_NAME_BYTES];
    int code;

    segment_name(id, name);
    code = segment_read(repo, name, 0, bytes, sizeof(bytes), err);
    if (code)
        return code;
    code = segment_header_decode(bytes, ret_header, err);
    if (code == 0 && ret_header->backup_id != id)
        code = err_set(err, EBADMSG, "it is the segment of another backup");
    if (code)
        err_at(err, "%s/segments/%s", repo->path, name);
    return code;
}

int segment_footer_read(struct repo *repo, uint64_t id, struct segment_footer *ret_footer,
                        struct err *err)
{
    uint8_t bytes[FORMAT_FOOTER_BYTES];
    char name[SEGMENT_NAME_BYTES];
    uint64_t size;
    int code;

    segment_name(id, name);
    code = storage_size(repo->storage, name, &size, err);
    if (code)
        return code;
    if (size < FORMAT_HEADER_BYTES + sizeof(bytes))
        return err_set(err, EBADMSG, "%s/segments/%s: too short for a segment", repo->path, name);
    code = segment_read(repo, name, size - sizeof(bytes), bytes, sizeof(bytes), err);
    if (code)
        return code;
    code = segment_footer_decode(bytes, ret_footer, err);
    if (code == 0 && ret_footer->backup_id != id)
        code = err_set(err, EBADMSG, "it is the footer of another backup");
    if (code == 0 && (ret_footer->file_bytes != size || ret_footer->index_offset >= size ||
                      ret_footer->manifest_offset >= size))
        code = err_set(err, EBADMSG, "the footer does not fit the file's size");
    if (code)
        err_at(err, "%s/segments/%s", repo->path, name);
    return code;
}
