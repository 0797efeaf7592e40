/*
 * EVP_EncodeBlock() takes an int as its length: long input goes to it in pieces, each but the
 * last a multiple of three bytes long, so that padding stands at the end alone.
 */
#include "dbsnapfs/util/base64.h"

#include <openssl/evp.h>

#include "dbsnapfs/util/buf.h"

#define PIECE_BYTES ((size_t)3 << 20)

uint64_t base64_length(size_t len)
{
    return ((uint64_t)len + 2) / 3 * 4;
}

void base64_add(const void *bytes, size_t len, struct buf *out)
{
    const unsigned char *from = bytes;

    if (len > SIZE_MAX / 2) {
        out->failed = true;
        return;
    }
    if (!buf_reserve(out, (size_t)base64_length(len)))
        return;
    while (len > 0) {
        size_t piece = len < PIECE_BYTES ? len : PIECE_BYTES;
        unsigned char *to = (unsigned char *)out->data + out->len;

        out->len += (size_t)EVP_EncodeBlock(to, from, (int)piece);
        from += piece;
        len -= piece;
    }
    out->data[out->len] = '\0';
}
