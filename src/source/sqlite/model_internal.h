/*
 * What the two halves of making a model share.
 */
#ifndef DBSNAPFS_SOURCE_SQLITE_MODEL_INTERNAL_H
#define DBSNAPFS_SOURCE_SQLITE_MODEL_INTERNAL_H

#include <stdint.h>

#include "dbsnapfs/source/schema.h"
#include "dbsnapfs/util/buf.h"
#include "source/sqlite/arena.h"
#include "source/sqlite/database.h"
#include "source/sqlite/model.h"
#include "source/sqlite/names.h"

struct model {
    struct arena arena;
    struct schema schema;
    struct relation *relations;        /* those of the schema */
    const struct model_order **orders; /* one for each */
    uint64_t compared;                 /* how often names were, while it was made */
};

struct model_builder {
    struct database *database;
    struct model *model;
    /* While a query runs, nothing else may be prepared: the list of tables would prepare every view,
     * only to count its columns, and each is tried by itself. */
    bool selects_nothing;
    struct buf list;        /* what is gathered of one thing; empty in between */
    struct names relations; /* by their names, once there are all */
};

/* The rows of `sql`, with its "%" as the quoted name; `each` fails with a negative errno. */
typedef int model_row(struct model_builder *builder, struct relation *relation, sqlite3_stmt *stmt,
                      struct err *err);
int model_query(struct model_builder *builder, const char *sql, struct relation *relation,
                model_row *each, struct err *err);

/* A column of the row at hand, in the arena; NULL for NULL. */
const char *model_text(struct model_builder *builder, sqlite3_stmt *stmt, int column);

/* Indexes, the order of positions and the key, of a relation that has its columns. */
int model_add_indexes(struct model_builder *builder, struct relation *relation, struct err *err);
/* Foreign keys of all relations, and who refers to whom. */
int model_add_links(struct model_builder *builder, struct err *err);

#endif
