/*
 * Map records are small, so a shard is read whole: its chain of at most FORMAT_MAX_CHAIN records,
 * from the newest back to a full one. An entry that a newer record has set stays.
 *
 * A record names its backup and shard, and its checksum is seeded with its offset; a chain is
 * followed by what the catalog says, so each record is held against that. It ends where a segment
 * is missing: that one may have set any entry, so what older ones say is not known to be right.
 */
#include "store/map.h"

#include <errno.h>
#include <stdlib.h>

#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"
#include "store/adopt.h"
#include "store/record.h"
#include "store/repo_internal.h"

int map_record_encode(struct codec *codec, uint64_t backup_id, uint32_t shard, enum map_kind kind,
                      const struct map_entry *entries, size_t count, struct buf *out,
                      struct err *err)
{
    struct map_head head = {.backup_id = backup_id,
                            .shard = shard,
                            .kind = kind,
                            .codec = CODEC_DEFLATE,
                            .entry_count = (uint32_t)count};
    struct codec_choice choice = {CODEC_DEFLATE, 6};
    struct buf raw = BUF_INIT;
    size_t got = 0;
    uint8_t *to;
    int code;

    map_entries_encode(entries, count, &raw);
    head.raw_bytes = (uint32_t)raw.len;
    to = buf_reserve(out, FORMAT_MAP_HEAD_BYTES + codec_bound(raw.len));
    code = to ? buf_error(&raw) : -ENOMEM;
    if (code == 0)
        code = codec_compress(codec, choice, NULL, 0, buf_text(&raw), raw.len,
                              to + FORMAT_MAP_HEAD_BYTES, codec_bound(raw.len), &got);
    if (code) {
        err_set(err, -code, "cannot pack a map record");
    } else {
        map_head_encode(&head, to);
        out->len += FORMAT_MAP_HEAD_BYTES + got;
    }
    buf_free(&raw);
    return code;
}

int map_record_decode(struct repo *repo, const struct buf *body, struct map_head *ret_head,
                      struct map_entry *entries, struct err *err)
{
    const uint8_t *bytes = (const uint8_t *)body->data;
    int code = map_head_decode(bytes, body->len, ret_head, err);
    struct codec *codec = NULL;
    uint8_t *raw;

    if (code)
        return code;
    raw = malloc(ret_head->raw_bytes + 1);
    if (!raw)
        return err_set(err, ENOMEM, "out of memory for a map record");
    code = repo_codec_borrow(repo, &codec, err);
    if (code)
        goto out;
    code = codec_decompress(codec, ret_head->codec, NULL, 0, bytes + FORMAT_MAP_HEAD_BYTES,
                            body->len - FORMAT_MAP_HEAD_BYTES, raw, ret_head->raw_bytes);
    repo_codec_return(repo, codec);
    if (code)
        code = err_set(err, -code, "the map record does not decompress");
    else
        code = map_entries_decode(raw, ret_head->raw_bytes, entries, ret_head->entry_count, err);
out:
    free(raw);
    return code;
}

/* Lays one record under what newer ones have set. */
static int shard_apply(struct repo *repo, struct shard *shard, uint32_t number,
                       const struct catalog_map_place *place, struct buf *body, struct err *err)
{
    struct map_entry entries[FORMAT_SHARD_BLOCKS];
    struct map_head head;
    int code = record_read(repo, place->backup_id, place->offset, RECORD_MAP, body, NULL, err);

    if (code)
        return code;
    code = map_record_decode(repo, body, &head, entries, err);
    if (code == 0 &&
        (head.backup_id != place->backup_id || head.shard != number || head.kind != place->kind))
        code = err_set(err, EBADMSG, "it is the map record of another backup or shard");
    if (code) {
        err_at(err, "%s/segments/%010llu.seg: byte %llu", repo->path,
               (unsigned long long)place->backup_id, (unsigned long long)place->offset);
        return code;
    }
    for (uint32_t i = 0; i < head.entry_count; i++) {
        if (!shard->places[entries[i].block])
            shard->places[entries[i].block] = entries[i].place;
    }
    return 0;
}

static int shard_load(void *context, struct cache_key key, void **ret_value, size_t *ret_bytes,
                      struct err *err)
{
    struct repo *repo = context;
    struct catalog_map_place places[FORMAT_MAX_CHAIN];
    struct shard *shard = calloc(1, sizeof(*shard));
    struct buf body = BUF_INIT;
    size_t count = 0;
    int code;

    if (!shard)
        return err_set(err, ENOMEM, "out of memory for the map");
    code = catalog_map_chain(repo->catalog, key.a, (uint32_t)key.b, places, FORMAT_MAX_CHAIN,
                             &count, err);
    for (size_t i = 0; i < count && code == 0; i++) {
        if (repo_segment_missing(repo, places[i].backup_id, i ? places[i - 1].backup_id : key.a))
            break;
        code = shard_apply(repo, shard, (uint32_t)key.b, &places[i], &body, err);
    }
    buf_free(&body);
    if (code) {
        free(shard);
        return code;
    }
    *ret_value = shard;
    *ret_bytes = sizeof(*shard);
    return 0;
}

const struct cache_ops shard_cache_ops = {shard_load, free};

int shard_get(struct repo *repo, uint64_t backup_id, uint32_t shard, struct cache_ref **ret_ref,
              const struct shard **ret_shard, struct err *err)
{
    int code = cache_get(repo->shards, (struct cache_key){backup_id, shard}, repo, ret_ref, err);

    if (code == 0)
        *ret_shard = cache_value(*ret_ref);
    return code;
}
