/*
 * What the readers of a rendering share.
 */
#ifndef DBSNAPFS_TABLE_RENDERING_INTERNAL_H
#define DBSNAPFS_TABLE_RENDERING_INTERNAL_H

#include <stdatomic.h>

#include "dbsnapfs/table/rendering.h"
#include "table/marks.h"

struct database;
struct err;
struct relation;

struct rendering {
    atomic_uint references;
    char *name; /* of the relation whose rows it is; NULL: the dump */
    enum text_form form;
    struct marks marks;
    _Atomic uint64_t known_bytes;
};

/* The relation of this name, with its columns. -ENOENT where there is none, -EIO with the reason where
 * it is broken. */
int rendering_find(struct database *database, const char *name,
                   const struct relation **ret_relation, struct err *err);

#endif
