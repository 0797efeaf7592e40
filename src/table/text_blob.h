/*
 * The text of a BLOB that is too large to be in memory, made piece by piece.
 */
#ifndef DBSNAPFS_TABLE_TEXT_BLOB_H
#define DBSNAPFS_TABLE_TEXT_BLOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dbsnapfs/table/text.h"

struct blob;

/* All zeros: none is being made. */
struct text_blob {
    struct blob *blob;
    uint64_t at; /* so many of its bytes are in the text */
    unsigned char *piece;
    bool base64;
};

/* Begins with the BLOB in this column of the row where the cursor is, and with its first piece: 1
 * while there is more to come, 0 at its end, else an error. */
int text_blob_begin(struct text_blob *text, enum text_form form, struct cursor *cursor,
                    size_t column, struct buf *out, struct err *err);
int text_blob_go_on(struct text_blob *text, struct buf *out, struct err *err);
void text_blob_release(struct text_blob *text); /* all zeros again */

#endif
