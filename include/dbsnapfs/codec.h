/*
 * Compressed bytes.
 *
 * One table of codecs. `deflate` is a raw DEFLATE stream (RFC 1951, no zlib or gzip
 * wrapper): zlib reads and writes it everywhere; where libdeflate was found at build
 * time it does the work that needs no dictionary, with the same format. `zstd` is one
 * frame (RFC 8878), without checksum, content size and dictionary id.
 *
 * With a dictionary, the bytes are compressed as if the dictionary had gone before
 * them (deflateSetDictionary, ZSTD_CCtx_refPrefix); decompression needs the same one.
 *
 * A `struct codec` holds the libraries' working memory. It belongs to one thread at a
 * time and makes each part of itself when it is first needed.
 */
#ifndef DBSNAPFS_CODEC_H
#define DBSNAPFS_CODEC_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct codec;

/* The numbers are part of the repository's format. */
enum codec_id { CODEC_NONE = 0, CODEC_DEFLATE = 1, CODEC_ZSTD = 2 };

struct codec_choice {
    enum codec_id id;
    int level; /* the library's own scale */
};

#define CODEC_DEFAULT    \
    {                    \
        CODEC_DEFLATE, 1 \
    }

/* "none", "deflate", "deflate:6", "zstd", "zstd:19". The error names what is known. */
int codec_parse(const char *text, struct codec_choice *ret_choice, struct err *err);

/* "deflate:1"; static storage for the name alone */
const char *codec_name(enum codec_id id); /* NULL for a number no codec has */
bool codec_available(enum codec_id id);   /* was its library there at build time? */

int codec_new(struct codec **ret_codec, struct err *err);
void codec_free(struct codec *codec);

/* The most bytes that `len` bytes can become. */
size_t codec_bound(size_t len);

/* Compresses; `capacity` of codec_bound(len) always suffices, less gives -ENOSPC if the
 * result is longer, which is a cheap way to ask for "only if smaller than". */
int codec_compress(struct codec *codec, struct codec_choice choice, const void *dict,
                   size_t dict_len, const void *src, size_t len, void *dst, size_t capacity,
                   size_t *ret_len);

/* Decompresses to exactly `dst_len` bytes; -EBADMSG if the stream is damaged, or gives
 * more or fewer; -ENOTSUP for a codec this build does not have. */
int codec_decompress(struct codec *codec, enum codec_id id, const void *dict, size_t dict_len,
                     const void *src, size_t len, void *dst, size_t dst_len);

/*
 * Decompresses the beginning: at least `dst_len` bytes of what the stream holds, and not much
 * more work than that. `dst` has room for dst_len + CODEC_START_SLACK. There is no telling whether
 * the rest of the stream is whole, nor, with every library, whether the beginning came out right:
 * the caller checks it (a hash) and falls back on codec_decompress(). -ENOTSUP when the codec
 * has no such way.
 */
#define CODEC_START_SLACK 258u /* the longest match of DEFLATE */
int codec_decompress_start(struct codec *codec, enum codec_id id, const void *src, size_t len,
                           void *dst, size_t dst_len);

#endif
