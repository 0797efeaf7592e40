/*
 * What the codecs share: the working memory, and the shape of their functions. Each part of
 * the memory is made when it is first needed and belongs to the codec that uses it.
 */
#ifndef DBSNAPFS_CODEC_INTERNAL_H
#define DBSNAPFS_CODEC_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "dbsnapfs/codec.h"

struct deflate_state;
struct zstd_state;

struct codec {
    struct deflate_state *deflate;
    struct zstd_state *zstd;
};

struct codec_bytes {
    const void *bytes;
    size_t len;
};

typedef int codec_compress_fn(struct codec *codec, int level, struct codec_bytes dict,
                              struct codec_bytes src, void *dst, size_t capacity, size_t *ret_len);
typedef int codec_decompress_fn(struct codec *codec, struct codec_bytes dict,
                                struct codec_bytes src, void *dst, size_t dst_len);

typedef int codec_start_fn(struct codec *codec, struct codec_bytes src, void *dst, size_t dst_len);

codec_compress_fn codec_deflate_compress;
codec_decompress_fn codec_deflate_decompress;
codec_start_fn codec_deflate_start;
void codec_deflate_release(struct codec *codec);

codec_compress_fn codec_zstd_compress;
codec_decompress_fn codec_zstd_decompress;
void codec_zstd_release(struct codec *codec);

#endif
