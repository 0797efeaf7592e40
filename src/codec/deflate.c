/*
 * Raw DEFLATE by two libraries that write and read the same format.
 *
 * libdeflate is two to three times as fast, but knows no dictionaries; so zlib does what has
 * one, and everything where libdeflate was not found. zlib's state is as large as its window:
 * a 4 KiB page with a 4 KiB dictionary needs 8 KiB of it, and setting up a state of that size
 * for each page costs an eighth of what the full window would.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#define ZLIB_CONST
#include <zlib.h>
#ifdef HAVE_LIBDEFLATE
#include <libdeflate.h>
#endif

#include "codec/codec_internal.h"

/* A zlib compressor and what it was set up for; level 0 means not yet. */
struct deflate_stream {
    z_stream z;
    int level;
    int window_bits;
};

struct deflate_state {
    struct deflate_stream plain; /* without, and with a dictionary: the two alternate */
    struct deflate_stream with_dict;
    z_stream inflater;
    bool inflater_ready;
#ifdef HAVE_LIBDEFLATE
    struct libdeflate_compressor *compressor;
    int compressor_level;
    struct libdeflate_decompressor *decompressor;
#endif
};

static struct deflate_state *deflate_state(struct codec *codec)
{
    if (!codec->deflate)
        codec->deflate = calloc(1, sizeof(*codec->deflate));
    return codec->deflate;
}

void codec_deflate_release(struct codec *codec)
{
    struct deflate_state *state = codec->deflate;

    if (!state)
        return;
    if (state->plain.level)
        deflateEnd(&state->plain.z);
    if (state->with_dict.level)
        deflateEnd(&state->with_dict.z);
    if (state->inflater_ready)
        inflateEnd(&state->inflater);
#ifdef HAVE_LIBDEFLATE
    libdeflate_free_compressor(state->compressor);
    libdeflate_free_decompressor(state->decompressor);
#endif
    free(state);
    codec->deflate = NULL;
}

/* The smallest window that reaches over `bytes`. A match reaches 262 bytes less far than the
 * window is wide (zlib's MIN_LOOKAHEAD). 8 is not usable for raw streams. */
static int deflate_window_bits(size_t bytes)
{
    int bits = 9;

    while (bits < MAX_WBITS && ((size_t)1 << bits) < bytes)
        bits++;
    return bits;
}

static int deflate_prepare(struct deflate_stream *stream, int level, int window_bits)
{
    int mem_level = window_bits - 7 < 1 ? 1 : window_bits - 7;

    if (stream->level == level && stream->window_bits == window_bits)
        return deflateReset(&stream->z) == Z_OK ? 0 : -EINVAL;
    if (stream->level)
        deflateEnd(&stream->z);
    stream->level = 0;
    stream->z = (z_stream){0};
    if (deflateInit2(&stream->z, level, Z_DEFLATED, -window_bits, mem_level, Z_DEFAULT_STRATEGY) !=
        Z_OK)
        return -ENOMEM;
    stream->level = level;
    stream->window_bits = window_bits;
    return 0;
}

static int zlib_compress(struct deflate_stream *stream, int level, struct codec_bytes dict,
                         struct codec_bytes src, void *dst, size_t capacity, size_t *ret_len)
{
    int code = deflate_prepare(stream, level, deflate_window_bits(src.len + dict.len));

    if (code)
        return code;
    if (dict.len && deflateSetDictionary(&stream->z, dict.bytes, (uInt)dict.len) != Z_OK)
        return -EINVAL;
    stream->z.next_in = src.bytes;
    stream->z.avail_in = (uInt)src.len;
    stream->z.next_out = dst;
    stream->z.avail_out = (uInt)capacity;
    if (deflate(&stream->z, Z_FINISH) != Z_STREAM_END)
        return -ENOSPC;
    *ret_len = capacity - stream->z.avail_out;
    return 0;
}

static int zlib_decompress(struct deflate_state *state, struct codec_bytes dict,
                           struct codec_bytes src, void *dst, size_t dst_len)
{
    z_stream *z = &state->inflater;
    Bytef beyond = 0; /* zlib wants somewhere to write, even for nothing */

    if (!state->inflater_ready) {
        if (inflateInit2(z, -MAX_WBITS) != Z_OK)
            return -ENOMEM;
        state->inflater_ready = true;
    } else if (inflateReset(z) != Z_OK) {
        return -EINVAL;
    }
    if (dict.len && inflateSetDictionary(z, dict.bytes, (uInt)dict.len) != Z_OK)
        return -EINVAL;
    z->next_in = src.bytes;
    z->avail_in = (uInt)src.len;
    z->next_out = dst_len ? dst : &beyond;
    z->avail_out = (uInt)dst_len;
    if (inflate(z, Z_FINISH) != Z_STREAM_END || z->avail_out || z->avail_in)
        return -EBADMSG;
    return 0;
}

#ifndef HAVE_LIBDEFLATE
static int zlib_start(struct deflate_state *state, struct codec_bytes src, void *dst,
                      size_t dst_len)
{
    z_stream *z = &state->inflater;
    int rc;

    rc = state->inflater_ready ? inflateReset(z) : inflateInit2(z, -MAX_WBITS);
    if (rc != Z_OK)
        return rc == Z_MEM_ERROR ? -ENOMEM : -EINVAL;
    state->inflater_ready = true;
    z->next_in = src.bytes;
    z->avail_in = (uInt)src.len;
    z->next_out = dst;
    z->avail_out = (uInt)dst_len;
    rc = inflate(z, Z_SYNC_FLUSH);
    return (rc == Z_OK || rc == Z_STREAM_END) && z->avail_out == 0 ? 0 : -EBADMSG;
}
#endif

int codec_deflate_compress(struct codec *codec, int level, struct codec_bytes dict,
                           struct codec_bytes src, void *dst, size_t capacity, size_t *ret_len)
{
    struct deflate_state *state = deflate_state(codec);

    if (!state)
        return -ENOMEM;
    if (src.len > INT_MAX || dict.len > INT_MAX || capacity > INT_MAX)
        return -EINVAL;
    if (dict.len)
        return zlib_compress(&state->with_dict, level, dict, src, dst, capacity, ret_len);
#ifdef HAVE_LIBDEFLATE
    if (state->compressor_level != level) {
        libdeflate_free_compressor(state->compressor);
        state->compressor_level = 0;
        state->compressor = libdeflate_alloc_compressor(level);
        if (!state->compressor)
            return -ENOMEM;
        state->compressor_level = level;
    }
    *ret_len = libdeflate_deflate_compress(state->compressor, src.bytes, src.len, dst, capacity);
    return *ret_len ? 0 : -ENOSPC;
#else
    return zlib_compress(&state->plain, level, dict, src, dst, capacity, ret_len);
#endif
}

int codec_deflate_decompress(struct codec *codec, struct codec_bytes dict, struct codec_bytes src,
                             void *dst, size_t dst_len)
{
    struct deflate_state *state = deflate_state(codec);

    if (!state)
        return -ENOMEM;
    if (src.len > INT_MAX || dict.len > INT_MAX || dst_len > INT_MAX)
        return -EINVAL;
#ifdef HAVE_LIBDEFLATE
    if (!dict.len) {
        size_t used = 0;

        if (!state->decompressor)
            state->decompressor = libdeflate_alloc_decompressor();
        if (!state->decompressor)
            return -ENOMEM;
        if (libdeflate_deflate_decompress_ex(state->decompressor, src.bytes, src.len, dst, dst_len,
                                             &used, NULL) != LIBDEFLATE_SUCCESS ||
            used != src.len)
            return -EBADMSG;
        return 0;
    }
#endif
    return zlib_decompress(state, dict, src, dst, dst_len);
}

/* libdeflate stops where the room ends, having written all but a match that did not fit; with the
 * slack of a longest match behind them, the first dst_len bytes are there. zlib just stops. */
int codec_deflate_start(struct codec *codec, struct codec_bytes src, void *dst, size_t dst_len)
{
    struct deflate_state *state = deflate_state(codec);
#ifdef HAVE_LIBDEFLATE
    enum libdeflate_result result;
    size_t got = 0;
#endif

    if (!state)
        return -ENOMEM;
    if (src.len > INT_MAX || dst_len > INT_MAX - CODEC_START_SLACK)
        return -EINVAL;
#ifdef HAVE_LIBDEFLATE
    if (!state->decompressor)
        state->decompressor = libdeflate_alloc_decompressor();
    if (!state->decompressor)
        return -ENOMEM;
    result = libdeflate_deflate_decompress(state->decompressor, src.bytes, src.len, dst,
                                           dst_len + CODEC_START_SLACK, &got);
    if (result == LIBDEFLATE_INSUFFICIENT_SPACE)
        return 0;
    return result == LIBDEFLATE_SUCCESS && got >= dst_len ? 0 : -EBADMSG;
#else
    return zlib_start(state, src, dst, dst_len);
#endif
}
