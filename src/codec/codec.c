/*
 * The table of codecs: names, levels, and for each its two functions. A codec that this build
 * lacks keeps its row, so that its name and number are known, with no functions in it.
 */
#include "dbsnapfs/codec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "codec/codec_internal.h"
#include "dbsnapfs/util/err.h"
#include "dbsnapfs/util/text.h"

struct codec_row {
    const char *name;
    int min_level, default_level, max_level;
    codec_compress_fn *compress;
    codec_decompress_fn *decompress;
    codec_start_fn *start; /* NULL when the whole stream must be decoded */
};

static int none_compress(struct codec *codec, int level, struct codec_bytes dict,
                         struct codec_bytes src, void *dst, size_t capacity, size_t *ret_len)
{
    (void)codec;
    (void)level;
    (void)dict;
    if (src.len > capacity)
        return -ENOSPC;
    memcpy(dst, src.bytes, src.len);
    *ret_len = src.len;
    return 0;
}

static int none_decompress(struct codec *codec, struct codec_bytes dict, struct codec_bytes src,
                           void *dst, size_t dst_len)
{
    (void)codec;
    (void)dict;
    if (src.len != dst_len)
        return -EBADMSG;
    memcpy(dst, src.bytes, dst_len);
    return 0;
}

static const struct codec_row codec_rows[] = {
    [CODEC_NONE] = {"none", 0, 0, 0, none_compress, none_decompress, NULL},
    [CODEC_DEFLATE] = {"deflate", 1, 1, 9, codec_deflate_compress, codec_deflate_decompress,
                       codec_deflate_start},
#ifdef HAVE_LIBZSTD
    [CODEC_ZSTD] = {"zstd", 1, 3, 19, codec_zstd_compress, codec_zstd_decompress, NULL},
#else
    [CODEC_ZSTD] = {"zstd", 1, 3, 19, NULL, NULL, NULL},
#endif
};

#define CODEC_COUNT (sizeof(codec_rows) / sizeof(codec_rows[0]))

const char *codec_name(enum codec_id id)
{
    return (size_t)id < CODEC_COUNT ? codec_rows[id].name : NULL;
}

bool codec_available(enum codec_id id)
{
    return (size_t)id < CODEC_COUNT && codec_rows[id].compress;
}

int codec_parse(const char *text, struct codec_choice *ret_choice, struct err *err)
{
    size_t name_len = strcspn(text, ":");
    size_t id = 0;
    const struct codec_row *row;
    uint64_t level;

    while (id < CODEC_COUNT && (strlen(codec_rows[id].name) != name_len ||
                                strncmp(codec_rows[id].name, text, name_len) != 0))
        id++;
    if (id == CODEC_COUNT)
        return err_set(err, EINVAL, "compress=%s: known are none, deflate[:1-9] and zstd[:1-19]",
                       text);
    row = &codec_rows[id];
    if (!row->compress)
        return err_set(err, ENOTSUP, "compress=%s: this dbsnapfs was built without lib%s", text,
                       row->name);
    level = (uint64_t)row->default_level;
    if (text[name_len] == ':' &&
        (text_parse_u64(text + name_len + 1, &level) || level < (uint64_t)row->min_level ||
         level > (uint64_t)row->max_level))
        return err_set(err, EINVAL, "compress=%s: the level of %s is a number from %d to %d", text,
                       row->name, row->min_level, row->max_level);
    *ret_choice = (struct codec_choice){(enum codec_id)id, (int)level};
    return 0;
}

int codec_new(struct codec **ret_codec, struct err *err)
{
    struct codec *codec = calloc(1, sizeof(*codec));

    if (!codec)
        return err_set(err, ENOMEM, "out of memory for compression");
    *ret_codec = codec;
    return 0;
}

void codec_free(struct codec *codec)
{
    if (!codec)
        return;
    codec_deflate_release(codec);
#ifdef HAVE_LIBZSTD
    codec_zstd_release(codec);
#endif
    free(codec);
}

/* DEFLATE's worst case is 5 bytes for each stored block of at most 64 KiB; zlib and zstd state
 * bounds below this one. */
size_t codec_bound(size_t len)
{
    return len + len / 128 + 256;
}

int codec_compress(struct codec *codec, struct codec_choice choice, const void *dict,
                   size_t dict_len, const void *src, size_t len, void *dst, size_t capacity,
                   size_t *ret_len)
{
    if (!codec_available(choice.id))
        return -ENOTSUP;
    return codec_rows[choice.id].compress(codec, choice.level, (struct codec_bytes){dict, dict_len},
                                          (struct codec_bytes){src, len}, dst, capacity, ret_len);
}

int codec_decompress(struct codec *codec, enum codec_id id, const void *dict, size_t dict_len,
                     const void *src, size_t len, void *dst, size_t dst_len)
{
    if (!codec_available(id))
        return -ENOTSUP;
    return codec_rows[id].decompress(codec, (struct codec_bytes){dict, dict_len},
                                     (struct codec_bytes){src, len}, dst, dst_len);
}

int codec_decompress_start(struct codec *codec, enum codec_id id, const void *src, size_t len,
                           void *dst, size_t dst_len)
{
    if (!codec_available(id) || !codec_rows[id].start)
        return -ENOTSUP;
    return codec_rows[id].start(codec, (struct codec_bytes){src, len}, dst, dst_len);
}
