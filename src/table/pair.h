/*
 * A table as it was and as it is: what of it is alike, and what names its rows.
 */
#ifndef DBSNAPFS_TABLE_PAIR_H
#define DBSNAPFS_TABLE_PAIR_H

#include <stdbool.h>
#include <stddef.h>

struct database;
struct err;
struct relation;
struct schema;
struct schema_part;
struct value;

struct pair_side {
    struct database *database;
    const struct schema *schema;
    const struct relation *relation; /* NULL: there is nothing of this name */
    const struct relation *table;    /* the same if it has rows of its own, else NULL */
    size_t *key;                     /* the columns that name a row, pair->key_count of them */
};

enum pair_match {
    PAIR_BY_ROWID,         /* the rowid names a row */
    PAIR_BY_ROWID_AND_KEY, /* rows come by rowid; their key names them, or the rowid if it has a
                              NULL */
    PAIR_BY_TURNS,         /* rows come in one order on both sides, whatever that is */
    PAIR_BY_LOOKUP,        /* each row is looked up on the other side */
    PAIR_APART,            /* no row has anything to do with one of the other side */
};

struct pair {
    struct pair_side before, after;
    enum pair_match match;
    size_t key_count;
    struct value *values; /* room for two keys */
    size_t *partners;     /* for each later column the earlier one of its name, or NO_COLUMN */
    size_t *dropped;      /* earlier columns whose name no later one has */
    size_t dropped_count;
    bool same_sql;     /* of the table itself */
    bool same_parts;   /* of its indexes and triggers */
    bool same_columns; /* the texts of rows look alike */
    bool same_leaves;  /* equal bytes on a page are equal rows */
};

/* Both databases have begun. -ENOENT if neither has the table. */
int pair_init(struct database *before, struct database *after, const char *name,
              struct pair *ret_pair, struct err *err);
void pair_release(struct pair *pair);

const char *pair_name(const struct pair *pair); /* the later one */

/* The index or trigger of this kind and name, or NULL. `relation` may be NULL. */
const struct schema_part *pair_part(const struct relation *relation,
                                    const struct schema_part *wanted);
/* The same, if it is made by the same SQL. */
bool pair_has_part(const struct relation *relation, const struct schema_part *wanted);

#endif
