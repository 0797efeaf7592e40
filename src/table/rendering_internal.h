/*
 * What the readers of a rendering share.
 */
#ifndef DBSNAPFS_TABLE_RENDERING_INTERNAL_H
#define DBSNAPFS_TABLE_RENDERING_INTERNAL_H

#include <stdatomic.h>

#include "dbsnapfs/table/rendering.h"
#include "table/marks.h"

struct rendering {
    atomic_uint references;
    char *name; /* of the relation whose rows it is; NULL: the dump */
    enum text_form form;
    struct marks marks;
    _Atomic uint64_t known_bytes;
};

#endif
