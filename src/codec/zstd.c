/*
 * Zstandard, without what the frame around it already says: no magic number is saved, but no
 * checksum, no content size and no dictionary id are written.
 */
#ifdef HAVE_LIBZSTD
#include <errno.h>
#include <stdlib.h>
#include <zstd.h>

#include "codec/codec_internal.h"

struct zstd_state {
    ZSTD_CCtx *compressor;
    ZSTD_DCtx *decompressor;
};

static struct zstd_state *zstd_state(struct codec *codec)
{
    struct zstd_state *state = codec->zstd;

    if (state)
        return state;
    state = calloc(1, sizeof(*state));
    if (!state)
        return NULL;
    state->compressor = ZSTD_createCCtx();
    state->decompressor = ZSTD_createDCtx();
    codec->zstd = state;
    if (!state->compressor || !state->decompressor) {
        codec_zstd_release(codec);
        return NULL;
    }
    ZSTD_CCtx_setParameter(state->compressor, ZSTD_c_contentSizeFlag, 0);
    ZSTD_CCtx_setParameter(state->compressor, ZSTD_c_dictIDFlag, 0);
    return state;
}

void codec_zstd_release(struct codec *codec)
{
    if (!codec->zstd)
        return;
    ZSTD_freeCCtx(codec->zstd->compressor);
    ZSTD_freeDCtx(codec->zstd->decompressor);
    free(codec->zstd);
    codec->zstd = NULL;
}

int codec_zstd_compress(struct codec *codec, int level, struct codec_bytes dict,
                        struct codec_bytes src, void *dst, size_t capacity, size_t *ret_len)
{
    struct zstd_state *state = zstd_state(codec);
    size_t got;

    if (!state)
        return -ENOMEM;
    ZSTD_CCtx_reset(state->compressor, ZSTD_reset_session_only);
    ZSTD_CCtx_setParameter(state->compressor, ZSTD_c_compressionLevel, level);
    if (dict.len && ZSTD_isError(ZSTD_CCtx_refPrefix(state->compressor, dict.bytes, dict.len)))
        return -EINVAL;
    got = ZSTD_compress2(state->compressor, dst, capacity, src.bytes, src.len);
    if (ZSTD_isError(got))
        return -ENOSPC;
    *ret_len = got;
    return 0;
}

int codec_zstd_decompress(struct codec *codec, struct codec_bytes dict, struct codec_bytes src,
                          void *dst, size_t dst_len)
{
    struct zstd_state *state = zstd_state(codec);
    size_t got;

    if (!state)
        return -ENOMEM;
    ZSTD_DCtx_reset(state->decompressor, ZSTD_reset_session_only);
    if (dict.len && ZSTD_isError(ZSTD_DCtx_refPrefix(state->decompressor, dict.bytes, dict.len)))
        return -EINVAL;
    got = ZSTD_decompressDCtx(state->decompressor, dst, dst_len, src.bytes, src.len);
    return !ZSTD_isError(got) && got == dst_len ? 0 : -EBADMSG;
}
#else
/* ISO C wants a declaration in every file. */
struct codec;
#endif
