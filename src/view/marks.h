/*
 * Where a listing is, by position.
 *
 * A piece of a listing goes on where the last one ended; or, when the kernel threw a part of it away,
 * in the middle of the last one. So the positions in front of it and at its end are kept. From
 * elsewhere a listing begins anew and skips what was listed.
 */
#ifndef DBSNAPFS_SRC_VIEW_MARKS_H
#define DBSNAPFS_SRC_VIEW_MARKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dbsnapfs/util/buf.h"

struct node_place;
struct value;

struct mark {
    bool set;
    uint64_t cookie; /* so many entries are in front of the position, the one there included */
    struct value *values;
    struct buf bytes; /* the values' */
};

struct marks {
    size_t count; /* of values in a position */
    struct mark began, ended;
};

/* Those of the place, made if need be. -ENOMEM */
int marks_get(struct node_place *place, size_t count, struct marks **ret_marks);

/* The last position from which `cookie` can be reached, which becomes `began`; NULL: the beginning. */
const struct mark *marks_start(struct marks *marks, uint64_t cookie);

/* `values`: a position's, copied. -ENOMEM */
int mark_set(struct marks *marks, struct mark *mark, uint64_t cookie, const struct value *values);

#endif
