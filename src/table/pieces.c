/*
 * Texts are made in a buffer and given in pieces of some size, so that a call is not made for each
 * row.
 */
#include "table/pieces.h"

#include <errno.h>

#include "dbsnapfs/util/err.h"

#define PIECE_BYTES 65536

int pieces_end(struct pieces *pieces, struct err *err)
{
    struct buf *text = &pieces->text;
    int r = 0;

    if (buf_error(text) < 0)
        return err_set(err, ENOMEM, "out of memory for what changed");
    if (pieces->put && text->len > 0)
        r = pieces->put(pieces->arg, text->data, text->len, err);
    pieces->bytes += text->len;
    if (text->capacity > 2 * PIECE_BYTES)
        buf_free(text); /* of one great row */
    else
        buf_clear(text);
    return r;
}

int pieces_pass(struct pieces *pieces, struct err *err)
{
    if (buf_error(&pieces->text) == 0 && pieces->text.len < PIECE_BYTES)
        return 0;
    return pieces_end(pieces, err);
}

void pieces_release(struct pieces *pieces)
{
    buf_free(&pieces->text);
}
