/*
 * The catalog is derived: all it says of a backup stands in the backup's segment. So a segment
 * that got its final name just before its writer was killed, and all of them when the catalog was
 * lost, are read from record to record and entered.
 */
#include "store/adopt.h"

#include <errno.h>
#include <stdlib.h>

#include "dbsnapfs/storage.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"
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

struct adoption {
    struct catalog_map *maps;
    size_t count, capacity;
    struct backup_entry entry;
    bool has_entry;
};

static int adoption_add_map(struct adoption *a, uint64_t offset, const struct buf *body,
                            struct err *err)
{
    struct map_head head;
    int code = map_head_decode((const uint8_t *)body->data, body->len, &head, err);

    if (code)
        return code;
    if (a->count == a->capacity) {
        size_t capacity = a->capacity ? a->capacity * 2 : 256;
        struct catalog_map *maps = realloc(a->maps, capacity * sizeof(*maps));

        if (!maps)
            return err_set(err, ENOMEM, "out of memory for the map");
        a->maps = maps;
        a->capacity = capacity;
    }
    a->maps[a->count++] = (struct catalog_map){head.shard, head.kind, offset};
    return 0;
}

static int adoption_record(void *arg, uint64_t offset, uint32_t type, size_t len,
                           const struct buf *body, struct err *err)
{
    struct adoption *a = arg;

    (void)len;
    if (type == RECORD_MAP)
        return adoption_add_map(a, offset, body, err);
    if (type == RECORD_MANIFEST && !a->has_entry) {
        int code = backup_entry_parse(body->data, body->len, &a->entry, err);

        a->has_entry = code == 0;
        return code;
    }
    return 0;
}

static int adopt_one(struct repo *repo, uint64_t id, struct err *err)
{
    struct segment_header header;
    struct segment_footer footer;
    struct adoption a = {0};
    struct segment_walk walk = {.arg = &a, .record = adoption_record};
    struct catalog_segment segment;
    int code = segment_ends_read(repo, id, &header, &footer, err);

    if (code)
        return code;
    code = segment_walk(repo, id, footer.file_bytes - FORMAT_FOOTER_BYTES, &walk, err);
    if (code == 0 && (!a.has_entry || a.entry.id != id))
        code = err_set(err, EBADMSG, "%s/segments/%010llu.seg: the manifest is of another backup",
                       repo->path, (unsigned long long)id);
    if (code)
        goto out;
    a.entry.stored_bytes = footer.file_bytes;
    segment = (struct catalog_segment){id, footer.first_frame, footer.frame_count,
                                       footer.index_offset, footer.file_bytes};
    code = catalog_add(repo->catalog, &a.entry, &segment, a.maps, a.count, err);
    if (code == 0)
        code = repo_segment_add(repo, &segment, err);
out:
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

int repo_identity_from_segments(struct repo *repo, struct catalog_identity *ret_identity,
                                struct err *err)
{
    struct id_list list = {0};
    struct segment_header header;
    struct segment_footer footer;
    int code = segment_ids(repo, &list, err);
    int found = -ENOENT;

    for (size_t i = 0; i < list.count && code == 0 && found != 0; i++) {
        found = segment_ends_read(repo, list.ids[i], &header, &footer, err);
        if (found == -EPROTONOSUPPORT)
            code = found;
    }
    if (code == 0 && found == 0) {
        *ret_identity = (struct catalog_identity){.seed = header.seed};
        for (size_t i = 0; i < sizeof(header.repo_id); i++)
            ret_identity->repo_id[i] = header.repo_id[i];
    }
    free(list.ids);
    return code ? code : found;
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
