/*
 * Checking goes over the segments from first to last byte: header, every record with its
 * checksum, every frame decoded with every block held against its hash, every map record, the
 * index against where frames really stand, the footer. Then over the backups: the map of each must
 * lead to slots that hold the right block, and the hashes of those, in order, must give the digest
 * that was taken when the backup was made. So no block has to be decoded twice.
 *
 * The catalog is held against the segments: what it says of each must be what the segment says.
 */
#include "dbsnapfs/store/verify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/storage.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/clock.h"
#include "dbsnapfs/util/err.h"
#include "store/fingerprints.h"
#include "store/frame.h"
#include "store/map.h"
#include "store/record.h"
#include "store/repo_internal.h"
#include "store/snapshot_internal.h"
#include "store/walk.h"

struct verification {
    struct repo *repo;
    const struct verify_report *report;
    struct verify_result result;
    uint64_t total_bytes;
    /* of the segment that is being walked */
    struct catalog_segment segment;
};

__attribute__((format(printf, 2, 3))) static void verify_damage(struct verification *v,
                                                                const char *fmt, ...)
{
    char text[1024];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    v->result.damages++;
    if (v->report->damage)
        v->report->damage(v->report->arg, text);
}

static int verify_progress(struct verification *v, uint64_t bytes, struct err *err)
{
    v->result.bytes += bytes;
    if (v->report->progress &&
        v->report->progress(v->report->arg, v->result.bytes, v->total_bytes) != 0)
        return err_set(err, ECANCELED, "cancelled");
    return 0;
}

/* Damage is noted and the work goes on; anything else (memory, cancel, the disk) ends it. */
static int verify_note(struct verification *v, int code, struct err *why, struct err *err)
{
    if (code == -EBADMSG || code == -ENOENT || code == -EIO || code == -ENOTSUP) {
        verify_damage(v, "%s", why->text);
        return 0;
    }
    if (code && err)
        *err = *why;
    return code;
}

/* "blocks 17-32" of a frame's slots. */
static void verify_frame_blocks(const struct frame_head *head, char *text, size_t size)
{
    uint64_t low = head->slots[0].block, high = low;

    for (uint32_t i = 1; i < head->slot_count; i++) {
        low = head->slots[i].block < low ? head->slots[i].block : low;
        high = head->slots[i].block > high ? head->slots[i].block : high;
    }
    snprintf(text, size, "blocks %" PRIu64 " to %" PRIu64, low, high);
}

/* Decodes every block of a frame that was read from `offset`. */
static int verify_frame(struct verification *v, uint64_t offset, const struct buf *body,
                        struct err *err)
{
    struct repo *repo = v->repo;
    uint8_t block[FORMAT_FRAME_BYTES];
    struct frame *frame = NULL;
    int code = frame_decode(repo, (const uint8_t *)body->data, body->len, FRAME_WHOLE, &frame, err);

    if (code) {
        err_at(err, "%s/segments/%010" PRIu64 ".seg: byte %" PRIu64, repo->path, v->segment.id,
               offset);
        return code;
    }
    frame->segment = v->segment.id;
    frame->offset = offset;
    for (uint32_t i = 0; i < frame->head.slot_count && code == 0; i++) {
        if (frame->head.kind == FRAME_DELTA)
            code = frame_block(repo, frame, i, frame->head.slots[i].block, block, err);
        v->result.blocks++;
    }
    v->result.frames++;
    if (code) {
        char blocks[64];

        verify_frame_blocks(&frame->head, blocks, sizeof(blocks));
        err_at(err, "%s", blocks);
    }
    free(frame);
    return code;
}

/* Is the frame where the index says? */
static int verify_index_entry(struct verification *v, uint64_t offset, const struct buf *body,
                              struct err *err)
{
    uint64_t id = format_get64((const uint8_t *)body->data);
    struct record_place place;
    int code = record_locate_frame(v->repo, id, &place, err);

    if (code == 0 && (place.segment != v->segment.id || place.offset != offset))
        code = err_set(err, EBADMSG,
                       "%s/segments/%010" PRIu64 ".seg: the index does not lead to frame %" PRIu64
                       " at byte %" PRIu64,
                       v->repo->path, v->segment.id, id, offset);
    return code;
}

static int verify_map(struct verification *v, uint64_t offset, const struct buf *body,
                      struct err *err)
{
    struct map_entry entries[FORMAT_SHARD_BLOCKS];
    struct catalog_map_place places[FORMAT_MAX_CHAIN];
    struct map_head head;
    size_t count = 0;
    int code = map_record_decode(v->repo, body, &head, entries, err);

    if (code == 0)
        code = catalog_map_chain(v->repo->catalog, v->segment.id, head.shard, places,
                                 FORMAT_MAX_CHAIN, &count, err);
    if (code == 0 && (count == 0 || places[0].backup_id != v->segment.id ||
                      places[0].offset != offset || places[0].kind != head.kind))
        code = err_set(err, EBADMSG, "the catalog does not lead to the map record of shard %u",
                       head.shard);
    if (code)
        err_at(err, "%s/segments/%010" PRIu64 ".seg: byte %" PRIu64, v->repo->path, v->segment.id,
               offset);
    return code;
}

/* What the catalog says of a backup, against its manifest. Both are rendered here: the manifest's
 * text is that of the version that wrote it. */
static int verify_manifest(struct verification *v, const struct buf *body, struct err *err)
{
    struct backup_entry entry = {0}, written = {0};
    struct buf text = BUF_INIT, manifest = BUF_INIT;
    int code = catalog_find(v->repo->catalog, NULL, v->segment.id, &entry, err);

    if (code == -ENOENT)
        err_set(err, ENOENT, "%s/catalog.sqlite: backup %" PRIu64 " is missing", v->repo->path,
                v->segment.id);
    if (code == 0)
        code = backup_entry_parse(body->data, body->len, &written, err);
    if (code == 0) {
        entry.checked_ns = 0;
        if (entry.check_result)
            entry.check_result[0] = '\0';
        code = backup_entry_json(&entry, &text);
    }
    if (code == 0)
        code = backup_entry_json(&written, &manifest);
    if (code == 0 && strcmp(buf_text(&text), buf_text(&manifest)) != 0)
        code = err_set(err, EBADMSG,
                       "%s/catalog.sqlite: what it says of backup %s is not what its segment says",
                       v->repo->path, entry.name);
    backup_entry_free(&entry);
    backup_entry_free(&written);
    buf_free(&text);
    buf_free(&manifest);
    return code;
}

static int verify_record(void *arg, uint64_t offset, uint32_t type, const struct buf *body,
                         struct err *err)
{
    struct verification *v = arg;
    struct err why = ERR_INIT;
    int code = 0;

    if (type == RECORD_FRAME) {
        code = verify_frame(v, offset, body, &why);
        if (code == 0)
            code = verify_index_entry(v, offset, body, &why);
    } else if (type == RECORD_MAP) {
        code = verify_map(v, offset, body, &why);
    } else if (type == RECORD_MANIFEST) {
        code = verify_manifest(v, body, &why);
    }
    code = verify_note(v, code, &why, err);
    return code ? code : verify_progress(v, body->len + FORMAT_RECORD_BYTES, err);
}

/* Tells which frames a damaged stretch held, by the index. */
static int verify_stretch(void *arg, uint64_t offset, uint64_t end, const char *text)
{
    struct verification *v = arg;

    (void)end;
    (void)offset;
    verify_damage(v, "%s", text);
    return 0;
}

static int verify_header(struct verification *v, const struct catalog_segment *segment,
                         struct err *err)
{
    struct segment_header header;
    int code = segment_header_read(v->repo, segment->id, &header, err);

    if (code == 0 && (header.seed != v->repo->identity.seed ||
                      memcmp(header.repo_id, v->repo->identity.repo_id, 16) != 0))
        code = err_set(err, EBADMSG,
                       "%s/segments/%010" PRIu64 ".seg: it belongs to another repository",
                       v->repo->path, segment->id);
    return code;
}

static int verify_footer(struct verification *v, const struct catalog_segment *segment,
                         struct err *err)
{
    struct segment_footer footer;
    int code = segment_footer_read(v->repo, segment->id, &footer, err);

    if (code == 0 &&
        (footer.first_frame != segment->first_frame || footer.frame_count != segment->frame_count ||
         footer.index_offset != segment->index_offset || footer.file_bytes != segment->bytes))
        code = err_set(err, EBADMSG,
                       "%s/catalog.sqlite: what it says of segment %" PRIu64
                       " is not what its footer says",
                       v->repo->path, segment->id);
    return code;
}

static int verify_segment(struct verification *v, const struct catalog_segment *segment,
                          struct err *err)
{
    struct segment_walk walk = {.arg = v, .record = verify_record, .damage = verify_stretch};
    struct err why = ERR_INIT;
    char name[SEGMENT_NAME_BYTES];
    uint64_t bytes = 0;
    int code;

    v->segment = *segment;
    v->result.segments++;
    segment_name(segment->id, name);
    code = storage_size(v->repo->storage, name, &bytes, &why);
    if (code)
        return verify_note(v, code, &why, err);
    code = verify_header(v, segment, &why);
    code = verify_note(v, code, &why, err);
    if (code)
        return code;
    code = verify_footer(v, segment, &why);
    code = verify_note(v, code, &why, err);
    if (code)
        return code;
    if (bytes < FORMAT_HEADER_BYTES + FORMAT_FOOTER_BYTES)
        return 0;
    code = segment_walk(v->repo, segment->id, FORMAT_HEADER_BYTES, bytes - FORMAT_FOOTER_BYTES,
                        &walk, &why);
    code = verify_note(v, code, &why, err);
    return code ? code : verify_progress(v, FORMAT_HEADER_BYTES + FORMAT_FOOTER_BYTES, err);
}

static int verify_each_segment(void *arg, const struct catalog_segment *segment)
{
    uint64_t *total = arg;

    *total += segment->bytes;
    return 0;
}

/* A copy of the table of segments, so that no lock is held while they are read. */
static int verify_segments(struct verification *v, struct err *err)
{
    struct catalog_segment *segments;
    size_t count;
    int code = 0;

    pthread_rwlock_rdlock(&v->repo->segments_lock);
    count = v->repo->segment_count;
    segments = malloc((count + 1) * sizeof(*segments));
    if (segments && count)
        memcpy(segments, v->repo->segments, count * sizeof(*segments));
    pthread_rwlock_unlock(&v->repo->segments_lock);
    if (!segments)
        return err_set(err, ENOMEM, "out of memory for the list of segments");
    for (size_t i = 0; i < count && code == 0; i++)
        code = verify_segment(v, &segments[i], err);
    free(segments);
    return code;
}

/* Follows the map of a backup, block by block; with `decode`, reads each block too. */
static int verify_image(struct verification *v, struct snapshot *snapshot, bool decode,
                        struct image_digest *digest, struct err *err)
{
    struct snapshot_cursor cursor = {.snapshot = snapshot, .whole_frames = true};
    uint8_t block[FORMAT_FRAME_BYTES];
    int code = 0;

    for (uint64_t i = 1; i <= snapshot->block_count && code == 0; i++) {
        uint64_t n = i == snapshot->block_count ? 0 : i;
        uint32_t slot = 0;

        code = snapshot_frame(&cursor, n, &slot, err);
        if (code == 0 &&
            (slot >= cursor.frame->head.slot_count || cursor.frame->head.slots[slot].block != n))
            code = err_set(err, EBADMSG, "the map leads to another block for block %" PRIu64, n);
        if (code == 0 && decode) {
            code = frame_block(snapshot->repo, cursor.frame, slot, n, block, err);
            v->result.blocks++;
            if (code == 0)
                code = verify_progress(v, snapshot->block_size, err);
        }
        if (code == 0)
            image_digest_add(digest, cursor.frame->head.slots[slot].hash);
    }
    snapshot_cursor_release(&cursor);
    return code;
}

static int verify_digest(struct verification *v, const struct backup_entry *entry, bool decode,
                         struct err *err)
{
    struct image_digest *digest = NULL;
    struct snapshot *snapshot = NULL;
    uint8_t found[16];
    int code = image_digest_new(&digest, err);

    if (code == 0)
        code = snapshot_open(v->repo, entry->id, &snapshot, err);
    if (code == 0)
        code = verify_image(v, snapshot, decode, digest, err);
    if (code == 0) {
        image_digest_finish(digest, found);
        if (memcmp(found, entry->digest, sizeof(found)) != 0)
            code = err_set(err, EBADMSG, "the map does not lead to the blocks that were stored");
    }
    if (code == -EBADMSG)
        err_at(err, "backup %s", entry->name);
    snapshot_close(snapshot);
    image_digest_free(digest);
    return code;
}

/* That every byte is as it was stored says nothing new of the database: a result that is the
 * database's stays, and what was damaged and is not any more has not been looked over since. */
static void note_whole(struct verification *v, const struct backup_entry *entry)
{
    if (backup_entry_is_damaged(entry))
        repo_note_check(v->repo, entry->id, 0, "", NULL);
    else if (strcmp(entry->check_result, "ok") == 0)
        repo_note_check(v->repo, entry->id, clock_now_ns(), "ok", NULL);
}

static int verify_backup(struct verification *v, const struct backup_entry *entry, bool decode,
                         struct err *err)
{
    struct err why = ERR_INIT;
    int code = verify_digest(v, entry, decode, &why);
    bool damaged = code == -EBADMSG || code == -ENOENT || code == -EIO;

    v->result.backups++;
    if (damaged)
        repo_note_check(v->repo, entry->id, clock_now_ns(), why.text, NULL);
    else if (code == 0)
        note_whole(v, entry);
    return verify_note(v, code, &why, err);
}

struct verify_each {
    struct verification *v;
    struct err *err;
};

static int verify_each_backup(void *arg, const struct backup_entry *entry)
{
    struct verify_each *each = arg;
    int code = verify_backup(each->v, entry, false, each->err);

    return code ? code : verify_progress(each->v, 0, each->err);
}

/* A catalog that cannot be read ends this part of the check, not the check. */
static int verify_all(struct verification *v, struct err *err)
{
    struct err why = ERR_INIT, listing = ERR_INIT;
    struct verify_each each = {v, &listing};
    int code = verify_note(v, catalog_check(v->repo->catalog, &why), &why, err);
    bool damaged = v->result.damages > 0;

    if (code == 0)
        code = catalog_segments(v->repo->catalog, verify_each_segment, &v->total_bytes, &listing);
    if (code == 0 || code == -EBADMSG)
        code = verify_segments(v, &listing);
    if (code == 0)
        code = repo_list(v->repo, 0, verify_each_backup, &each, &listing);
    if (code == -EBADMSG && damaged)
        return 0; /* the same damage again */
    return verify_note(v, code, &listing, err);
}

int repo_verify(struct repo *repo, uint64_t backup_id, const struct verify_report *report,
                struct verify_result *ret_result, struct err *err)
{
    struct verification v = {.repo = repo, .report = report};
    struct backup_entry entry;
    int code;

    /* what is cached was checked when it was read: read it again */
    cache_clear(repo->frames);
    cache_clear(repo->shards);
    if (backup_id == 0) {
        code = verify_all(&v, err);
    } else {
        code = repo_get(repo, backup_id, &entry, err);
        if (code == 0) {
            v.total_bytes = entry.image_bytes;
            code = verify_backup(&v, &entry, true, err);
            backup_entry_free(&entry);
        }
    }
    if (code == 0)
        *ret_result = v.result;
    return code;
}
