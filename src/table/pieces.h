/*
 * A long text on its way out, in pieces.
 */
#ifndef DBSNAPFS_TABLE_PIECES_H
#define DBSNAPFS_TABLE_PIECES_H

#include <stdbool.h>
#include <stdint.h>

#include "dbsnapfs/table/changes.h"
#include "dbsnapfs/util/buf.h"

struct pieces {
    bool wanted;     /* else nobody makes the text */
    change_put *put; /* NULL: the text is only counted */
    void *arg;
    struct buf text; /* what was made and not given yet */
    uint64_t bytes;  /* given so far */
};

/* Gives what there is, once it is enough. */
int pieces_pass(struct pieces *pieces, struct err *err);
/* Gives what there is. */
int pieces_end(struct pieces *pieces, struct err *err);
void pieces_release(struct pieces *pieces);

#endif
