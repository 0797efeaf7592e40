/*
 * The catalog is derived: all it says of a backup stands in the backup's segment. So a segment
 * that got its final name just before its writer was killed, and all of them when the catalog was
 * lost, are read from record to record and entered.
 */
#include "store/adopt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/storage.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"
#include "store/fingerprints.h"
#include "store/record.h"
#include "store/repo_internal.h"
#include "store/walk.h"

struct id_list {
    uint64_t *ids;
    size_t count, capacity;
};

static int id_list_add(void *arg, const char *name)
{
    struct id_list *list = arg;
    uint64_t id;

    if (segment_name_parse(name, &id) != 0)
        return 0;
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 64;
        uint64_t *ids = realloc(list->ids, capacity * sizeof(*ids));

        if (!ids)
            return -ENOMEM;
        list->ids = ids;
        list->capacity = capacity;
    }
    list->ids[list->count++] = id;
    return 0;
}

static int id_compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

/* All segments of the repository, by id. */
static int segment_ids(struct repo *repo, struct id_list *list, struct err *err)
{
    int code = storage_list(repo->storage, id_list_add, list, err);

    if (code == -ENOMEM)
        err_set(err, ENOMEM, "%s: out of memory for the list of segments", repo->path);
    if (list->count)
        qsort(list->ids, list->count, sizeof(list->ids[0]), id_compare);
    return code;
}

/* What a segment says of itself. */
struct adoption {
    struct catalog_map *maps; /* of the index, or else those that were met */
    size_t count, capacity;
    struct catalog_segment segment;
    bool has_index;
    struct backup_entry entry;
    bool has_entry;
    bool damaged;
    uint64_t damaged_at; /* the first place, like the text */
    struct err damage;
};

static int adoption_add_map(struct adoption *a, const struct catalog_map *map, struct err *err)
{
    if (a->count == a->capacity) {
        size_t capacity = a->capacity ? a->capacity * 2 : 256;
        struct catalog_map *maps = realloc(a->maps, capacity * sizeof(*maps));

        if (!maps)
            return err_set(err, ENOMEM, "out of memory for the map");
        a->maps = maps;
        a->capacity = capacity;
    }
    a->maps[a->count++] = *map;
    return 0;
}

static int adoption_map(struct adoption *a, uint64_t offset, const struct buf *body,
                        struct err *err)
{
    struct map_head head;
    int code = map_head_decode((const uint8_t *)body->data, body->len, &head, err);

    return code ? code
                : adoption_add_map(a, &(struct catalog_map){head.shard, head.kind, offset}, err);
}

static int adoption_index(struct adoption *a, uint64_t offset, const struct buf *body,
                          struct err *err)
{
    const uint8_t *bytes = (const uint8_t *)body->data;
    uint64_t frames, maps;
    int code = 0;

    if (body->len < FORMAT_INDEX_HEAD_BYTES)
        return err_set(err, EBADMSG, "the index is too short");
    frames = format_get64(bytes + 8);
    maps = format_get64(bytes + 16);
    if (frames > body->len / 8 || maps > body->len / FORMAT_INDEX_MAP_BYTES ||
        FORMAT_INDEX_HEAD_BYTES + 8 * frames + FORMAT_INDEX_MAP_BYTES * maps != body->len)
        return err_set(err, EBADMSG, "the index makes no sense");
    a->segment.first_frame = format_get64(bytes);
    a->segment.frame_count = frames;
    a->segment.index_offset = offset;
    a->has_index = true;
    a->count = 0;
    bytes += FORMAT_INDEX_HEAD_BYTES + 8 * frames;
    for (uint64_t i = 0; i < maps && code == 0; i++, bytes += FORMAT_INDEX_MAP_BYTES)
        code = adoption_add_map(a,
                                &(struct catalog_map){format_get32(bytes), format_get32(bytes + 4),
                                                      format_get64(bytes + 8)},
                                err);
    return code;
}

static int adoption_record(void *arg, uint64_t offset, uint32_t type, const struct buf *body,
                           struct err *err)
{
    struct adoption *a = arg;
    int code;

    if (type == RECORD_MAP && !a->has_index)
        return adoption_map(a, offset, body, err);
    if (type == RECORD_INDEX)
        return adoption_index(a, offset, body, err);
    if (type == RECORD_MANIFEST && !a->has_entry) {
        code = backup_entry_parse(body->data, body->len, &a->entry, err);
        a->has_entry = code == 0;
        return code;
    }
    return 0;
}

static int adoption_damage(void *arg, uint64_t offset, uint64_t end, const char *text)
{
    struct adoption *a = arg;

    (void)end;
    if (!a->damaged) {
        a->damaged_at = offset;
        err_set(&a->damage, EBADMSG, "%s", text);
    }
    a->damaged = true;
    return 0;
}

/* Is what was found enough? Without the index, every map record must have been met, so all that
 * stands before it must be whole: a missing one would let older blocks show through. */
static int adoption_complete(struct repo *repo, uint64_t id, const struct adoption *a,
                             const struct segment_footer *footer, struct err *err)
{
    bool mapped = a->has_index ||
                  (footer->index_offset && (!a->damaged || a->damaged_at >= footer->index_offset));

    if (a->has_entry && a->entry.id == id && mapped)
        return 0;
    if (a->damaged && err)
        *err = a->damage;
    else
        err_set(err, EBADMSG, "%s/segments/%010llu.seg: manifest or index are of another backup",
                repo->path, (unsigned long long)id);
    return -EBADMSG;
}

/* A newer format is an error, and the segment of another repository is not taken in. A damaged
 * header is no obstacle: its footer says the same. */
static int adoption_header(struct repo *repo, uint64_t id, const struct segment_footer *footer,
                           struct err *err)
{
    struct segment_header header = {.seed = footer->seed};
    int code;

    memcpy(header.repo_id, footer->repo_id, sizeof(header.repo_id));
    code = segment_header_read(repo, id, &header, err);
    if (code == -EBADMSG && footer->file_bytes)
        code = 0;
    if (code == 0 && (header.seed != repo->identity.seed ||
                      memcmp(header.repo_id, repo->identity.repo_id, sizeof(header.repo_id)) != 0))
        code = err_set(err, EBADMSG, "%s/segments/%010llu.seg: it belongs to another repository",
                       repo->path, (unsigned long long)id);
    return code;
}

/* What the segment says of itself: from its index on if that is whole, else from its beginning. */
static int adoption_read(struct repo *repo, uint64_t id, const struct segment_footer *footer,
                         struct adoption *a, struct err *err)
{
    struct segment_walk walk = {.arg = a, .record = adoption_record, .damage = adoption_damage};
    struct buf body = BUF_INIT;
    uint64_t from = FORMAT_HEADER_BYTES;

    if (footer->index_offset &&
        record_read(repo, id, footer->index_offset, RECORD_INDEX, &body, NULL, NULL) == 0)
        from = footer->index_offset;
    buf_free(&body);
    return segment_walk(
        repo, id, from,
        a->segment.bytes > FORMAT_FOOTER_BYTES ? a->segment.bytes - FORMAT_FOOTER_BYTES : 0, &walk,
        err);
}

/* Ids of segments and of frames ascend together. One whose frames have the ids of another's was
 * not there when that one was written: what came later was not built on it, and would change. */
static int adoption_fits(const struct repo *repo, const struct catalog_segment *segment,
                         struct err *err)
{
    uint64_t end = segment->first_frame + segment->frame_count;

    for (size_t i = 0; i < repo->segment_count; i++) {
        const struct catalog_segment *s = &repo->segments[i];

        if (s->id < segment->id ? s->first_frame + s->frame_count > segment->first_frame
                                : s->first_frame < end)
            return err_set(err, EBADMSG,
                           "%s/segments/%010llu.seg: backup %llu was made without it, so it "
                           "cannot be taken in",
                           repo->path, (unsigned long long)segment->id, (unsigned long long)s->id);
    }
    return 0;
}

/* Blocks of this backup and of later ones may be lost with a segment before it. Fingerprints
 * would call them unchanged, and they would never be stored again. */
static int adoption_forget_fingerprints(struct repo *repo, const struct catalog_segment *segment,
                                        struct err *err)
{
    uint64_t end = 1;

    for (size_t i = 0; i < repo->segment_count && repo->segments[i].id < segment->id; i++)
        end = repo->segments[i].first_frame + repo->segments[i].frame_count;
    return end == segment->first_frame ? 0 : fingerprints_forget(repo, err);
}

static int adopt_one(struct repo *repo, uint64_t id, struct err *err)
{
    struct segment_footer footer = {0};
    struct adoption a = {0};
    char name[SEGMENT_NAME_BYTES];
    int code;

    if (segment_footer_read(repo, id, &footer, NULL) != 0)
        footer = (struct segment_footer){0};
    segment_name(id, name);
    code = storage_size(repo->storage, name, &a.segment.bytes, err);
    if (code == 0)
        code = adoption_header(repo, id, &footer, err);
    if (code)
        return code;
    a.segment.id = id;
    a.segment.first_frame = footer.first_frame;
    a.segment.frame_count = footer.frame_count;
    a.segment.index_offset = footer.index_offset;
    code = adoption_read(repo, id, &footer, &a, err);
    if (code == 0)
        code = adoption_complete(repo, id, &a, &footer, err);
    if (code == 0)
        code = adoption_fits(repo, &a.segment, err);
    if (code == 0)
        code = adoption_forget_fingerprints(repo, &a.segment, err);
    if (code == 0)
        code = catalog_add(repo->catalog, &a.entry, &a.segment, a.maps, a.count, err);
    if (code == 0)
        code = repo_segment_add(repo, &a.segment, err);
    backup_entry_free(&a.entry);
    free(a.maps);
    return code;
}

static bool segment_known(const struct repo *repo, uint64_t id)
{
    for (size_t i = repo->segment_count; i-- > 0 && repo->segments[i].id >= id;) {
        if (repo->segments[i].id == id)
            return true;
    }
    return false;
}

int repo_adopt(struct repo *repo, void (*skipped)(void *arg, const char *text), void *arg,
               uint64_t *ret_adopted, struct err *err)
{
    struct id_list list = {0};
    int code = segment_ids(repo, &list, err);

    *ret_adopted = 0;
    for (size_t i = 0; i < list.count && code == 0; i++) {
        struct err why = ERR_INIT;

        if (segment_known(repo, list.ids[i]))
            continue;
        code = adopt_one(repo, list.ids[i], &why);
        if (code == 0) {
            ++*ret_adopted;
        } else if (code == -EBADMSG) {
            code = 0;
            if (skipped)
                skipped(arg, why.text);
        } else if (err) {
            *err = why;
        }
    }
    free(list.ids);
    return code;
}

/* From the header, or from the footer if that is damaged. */
static int segment_identity(struct repo *repo, uint64_t id, struct catalog_identity *identity,
                            struct err *err)
{
    struct segment_header header;
    struct segment_footer footer;
    int code = segment_header_read(repo, id, &header, err);

    if (code == 0) {
        identity->seed = header.seed;
        memcpy(identity->repo_id, header.repo_id, sizeof(identity->repo_id));
    } else if (code == -EBADMSG && segment_footer_read(repo, id, &footer, err) == 0) {
        identity->seed = footer.seed;
        memcpy(identity->repo_id, footer.repo_id, sizeof(identity->repo_id));
        code = 0;
    }
    return code;
}

int repo_identity_from_segments(struct repo *repo, struct catalog_identity *ret_identity,
                                struct err *err)
{
    struct id_list list = {0};
    int code = segment_ids(repo, &list, err);
    int found = -ENOENT;

    for (size_t i = 0; i < list.count && code == 0 && found != 0; i++) {
        found = segment_identity(repo, list.ids[i], ret_identity, err);
        if (found != 0 && found != -EBADMSG)
            code = found;
    }
    free(list.ids);
    return code ? code : found;
}

static bool segments_reach(struct repo *repo, uint64_t id)
{
    bool reach;

    pthread_rwlock_rdlock(&repo->segments_lock);
    reach = repo->segment_count && repo->segments[repo->segment_count - 1].id >= id;
    pthread_rwlock_unlock(&repo->segments_lock);
    return reach;
}

/* How many segments have ids up to `id`; the caller holds the lock. */
static size_t segments_until(const struct repo *repo, uint64_t id)
{
    size_t low = 0, high = repo->segment_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (repo->segments[middle].id <= id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool repo_segment_missing(struct repo *repo, uint64_t after, uint64_t until)
{
    bool missing = false;

    if (!segments_reach(repo, until)) /* a reader, and another process has gone on */
        (void)repo_refresh_segments(repo, NULL);
    pthread_rwlock_rdlock(&repo->segments_lock);
    for (size_t i = segments_until(repo, until);
         i-- > 0 && repo->segments[i].id > after && !missing;) {
        const struct catalog_segment *s = &repo->segments[i];

        missing = s->first_frame != (i ? s[-1].first_frame + s[-1].frame_count : 1);
    }
    pthread_rwlock_unlock(&repo->segments_lock);
    return missing;
}

int repo_last_segment(struct repo *repo, uint64_t *ret_id, struct err *err)
{
    struct id_list list = {0};
    int code = segment_ids(repo, &list, err);

    if (code == 0)
        *ret_id = list.count ? list.ids[list.count - 1] : 0;
    free(list.ids);
    return code;
}
