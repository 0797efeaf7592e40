/*
 * From an offset to bytes: block, shard, place, frame. A cursor holds on to the shard and the frames
 * of the blocks before, since the next block is mostly in one of them.
 */
#include "dbsnapfs/store/snapshot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dbsnapfs/util/clock.h"
#include "dbsnapfs/util/err.h"
#include "store/frame.h"
#include "store/map.h"
#include "store/repo_internal.h"
#include "store/snapshot_internal.h"

#define GIVE_WAY_NAP_NS 20000000
#define GIVE_WAY_QUIET_NS 200000000
#define GIVE_WAY_AT_MOST_NS 1000000000

int snapshot_open(struct repo *repo, uint64_t backup_id, struct snapshot **ret_snapshot,
                  struct err *err)
{
    struct backup_entry entry;
    struct snapshot *snapshot;
    int code = repo_get(repo, backup_id, &entry, err);

    if (code)
        return code;
    snapshot = calloc(1, sizeof(*snapshot));
    if (!snapshot) {
        code = err_set(err, ENOMEM, "out of memory for a backup's reader");
    } else {
        snapshot->repo = repo;
        snapshot->id = backup_id;
        snapshot->image_bytes = entry.image_bytes;
        snapshot->page_size = entry.page_size;
        snapshot->block_size = entry.block_size;
        snapshot->block_count = entry.block_count;
        memcpy(snapshot->name, entry.name, sizeof(snapshot->name));
        *ret_snapshot = snapshot;
    }
    backup_entry_free(&entry);
    return code;
}

void snapshot_close(struct snapshot *snapshot)
{
    free(snapshot);
}

uint64_t snapshot_bytes(const struct snapshot *snapshot)
{
    return snapshot->image_bytes;
}

uint32_t snapshot_block_size(const struct snapshot *snapshot)
{
    return snapshot->block_size;
}

uint32_t snapshot_page_size(const struct snapshot *snapshot)
{
    return snapshot->page_size;
}

void snapshot_cursor_release(struct snapshot_cursor *cursor)
{
    struct repo *repo = cursor->snapshot->repo;

    cache_release(repo->shards, cursor->shard_ref);
    cursor->shard_ref = NULL;
    for (unsigned i = 0; i < CURSOR_FRAMES; i++) {
        cache_release(repo->frames, cursor->held[i].ref);
        cursor->held[i].ref = NULL;
    }
}

int snapshot_place(struct snapshot_cursor *cursor, uint64_t block, block_place *ret_place,
                   struct err *err)
{
    struct snapshot *snapshot = cursor->snapshot;
    uint32_t number = (uint32_t)(block / FORMAT_SHARD_BLOCKS);
    int code;

    if (!cursor->shard_ref || cursor->shard_number != number) {
        cache_release(snapshot->repo->shards, cursor->shard_ref);
        cursor->shard_ref = NULL;
        code = shard_get(snapshot->repo, snapshot->id, number, &cursor->shard_ref, &cursor->shard,
                         err);
        if (code)
            return code;
        cursor->shard_number = number;
    }
    *ret_place = cursor->shard->places[block % FORMAT_SHARD_BLOCKS];
    if (!*ret_place)
        return err_set(err, EBADMSG, "%s: the map of backup %s leads nowhere for block %llu",
                       snapshot->repo->path, snapshot->name, (unsigned long long)block);
    return 0;
}

int snapshot_frame(struct snapshot_cursor *cursor, uint64_t block, uint32_t *ret_slot,
                   struct err *err)
{
    struct repo *repo = cursor->snapshot->repo;
    struct cursor_frame *held;
    block_place place = 0;
    uint64_t id;
    int code = snapshot_place(cursor, block, &place, err);

    if (code)
        return code;
    id = place_frame(place);
    held = &cursor->held[id % CURSOR_FRAMES];
    if (!held->ref || held->frame->head.id != id || place_slot(place) >= held->frame->ready_slots) {
        cache_release(repo->frames, held->ref);
        held->ref = NULL;
        code = frame_get(repo, id, cursor->whole_frames ? FRAME_WHOLE : place_slot(place) + 1,
                         &held->ref, &held->frame, err);
        if (code)
            return code;
    }
    cursor->frame = held->frame;
    if (cursor->frame->head.block_size != cursor->snapshot->block_size)
        return err_set(err, EBADMSG, "%s: frame %llu has blocks of another size", repo->path,
                       (unsigned long long)id);
    *ret_slot = place_slot(place);
    return 0;
}

/* Copies `len` bytes at `within` of a block. */
static int snapshot_block(struct snapshot_cursor *cursor, uint64_t block, uint32_t within, void *to,
                          size_t len, struct err *err)
{
    uint32_t size = cursor->snapshot->block_size, slot = 0;
    uint8_t whole[FORMAT_FRAME_BYTES];
    int code = snapshot_frame(cursor, block, &slot, err);

    if (code)
        return code;
    if (len == size)
        return frame_block(cursor->snapshot->repo, cursor->frame, slot, block, to, err);
    code = frame_block(cursor->snapshot->repo, cursor->frame, slot, block, whole, err);
    if (code == 0)
        memcpy(to, whole + within, len);
    return code;
}

void snapshot_give_way(struct snapshot *snapshot)
{
    snapshot->gives_way = true;
}

/* Waits until no stream has been read for a while, but not for ever: the work must end. */
static void snapshot_wait_for_streams(struct repo *repo)
{
    const struct timespec nap = {0, GIVE_WAY_NAP_NS};

    for (int64_t waited = 0; waited < GIVE_WAY_AT_MOST_NS; waited += GIVE_WAY_NAP_NS) {
        if (clock_monotonic_ns() - atomic_load(&repo->last_stream_ns) > GIVE_WAY_QUIET_NS)
            break;
        nanosleep(&nap, NULL);
    }
}

int snapshot_read_frames(struct snapshot *snapshot, bool whole_frames, uint64_t offset, void *bytes,
                         size_t len, size_t *ret_len, struct err *err)
{
    struct snapshot_cursor cursor = {.snapshot = snapshot};
    uint32_t size = snapshot->block_size;
    size_t done = 0;
    int code = 0;

    if (offset >= snapshot->image_bytes)
        len = 0;
    else if (len > snapshot->image_bytes - offset)
        len = (size_t)(snapshot->image_bytes - offset);
    cursor.whole_frames = whole_frames || len > size;
    if (snapshot->gives_way)
        snapshot_wait_for_streams(snapshot->repo);
    while (done < len && code == 0) {
        uint64_t at = offset + done;
        uint32_t within = (uint32_t)(at % size);
        size_t part = size - within < len - done ? size - within : len - done;

        code = snapshot_block(&cursor, at / size, within, (char *)bytes + done, part, err);
        done += part;
    }
    snapshot_cursor_release(&cursor);
    if (code == 0)
        *ret_len = len;
    return code;
}

int snapshot_read(struct snapshot *snapshot, uint64_t offset, void *bytes, size_t len,
                  size_t *ret_len, struct err *err)
{
    return snapshot_read_frames(snapshot, false, offset, bytes, len, ret_len, err);
}
