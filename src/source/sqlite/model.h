/*
 * A database's schema, read once.
 */
#ifndef DBSNAPFS_SOURCE_SQLITE_MODEL_H
#define DBSNAPFS_SOURCE_SQLITE_MODEL_H

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct database;
struct err;
struct model;
struct relation;
struct schema;

int model_new(struct database *database, struct model **ret_model, struct err *err);
void model_free(struct model *model); /* NULL is fine */
const struct schema *model_schema(const struct model *model);
/* database_resolve() */
int model_resolve(struct model *model, struct database *database, const struct relation *relation,
                  struct err *err);

/* How the columns of a position follow each other, in a table WITHOUT ROWID. */
struct model_order {
    bool descending;
    const char *collation; /* NULL: the column's */
};
/* As many as the position has values; NULL: one rowid, ascending. */
const struct model_order *model_order(const struct model *model, const struct relation *relation);

/* How often names were compared while it was made. */
uint64_t model_compared(const struct model *model);

/* Appends the name in quotes, for SQL. */
void model_quote(const char *name, struct buf *out);

#endif
