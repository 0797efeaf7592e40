/*
 * A piece has a multiple of three bytes, which base64 turns into whole groups of four digits.
 */
#include "table/text_blob.h"

#include <errno.h>
#include <stdlib.h>

#include "dbsnapfs/source/database.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"
#include "table/text_internal.h"

#define PIECE_BYTES ((size_t)3 << 16)

int text_blob_begin(struct text_blob *text, enum text_form form, struct cursor *cursor,
                    size_t column, struct buf *out, struct err *err)
{
    int r;

    text->piece = malloc(PIECE_BYTES);
    if (!text->piece)
        return err_set(err, ENOMEM, "a BLOB as text: out of memory");
    text->base64 = form == TEXT_NDJSON || form == TEXT_OBJECT;
    r = cursor_blob_open(cursor, column, &text->blob, err);
    if (r < 0) {
        text_blob_release(text);
        return r;
    }
    buf_add_text(out, text->base64 ? TEXT_BASE64_HEAD : TEXT_HEX_HEAD);
    return text_blob_go_on(text, out, err);
}

int text_blob_go_on(struct text_blob *text, struct buf *out, struct err *err)
{
    uint64_t left = blob_len(text->blob) - text->at;
    size_t len = left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;
    int r = blob_read(text->blob, text->at, text->piece, len, err);

    if (r < 0) {
        text_blob_release(text);
        return r;
    }
    if (text->base64)
        text_base64_digits(text->piece, len, out);
    else
        text_hex_digits(text->piece, len, out);
    text->at += len;
    if (len < left)
        return 1;
    buf_add_text(out, text->base64 ? TEXT_BASE64_TAIL : TEXT_HEX_TAIL);
    text_blob_release(text);
    return 0;
}

void text_blob_release(struct text_blob *text)
{
    blob_close(text->blob);
    free(text->piece);
    *text = (struct text_blob){.blob = NULL};
}
