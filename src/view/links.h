/*
 * Foreign keys as links between rows.
 *
 * What a row names is looked up in the columns of the parent, so as SQLite's foreign keys compare: in
 * the parent's collation and affinity. The rows that name one are found through an index of theirs,
 * and then each is asked what it names.
 */
#ifndef DBSNAPFS_SRC_VIEW_LINKS_H
#define DBSNAPFS_SRC_VIEW_LINKS_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct database;
struct err;
struct foreign_key;
struct look;
struct referrer;
struct relation;
struct value;

/* Can there be a link at all: is there such a parent, with these columns, and names for its rows? */
bool link_exists(const struct relation *child, const struct foreign_key *key);

/* Can the rows that refer be found through an index? Those of an index in the parent's collation: of
 * several columns, the first of it must be. */
bool link_is_found(const struct referrer *referrer);

/* The name of the row that a row with these values in key->columns refers to; and whether there is
 * such a row. `found` false: no row has this name. No value may be NULL. */
int link_target(struct database *database, const struct foreign_key *key,
                const struct value *values, struct buf *out, bool *ret_found, struct err *err);

/* The columns of `referrer` to be searched for a parent's values, as places in its foreign key, and
 * how many; room for as many as the key has. `ret_exact`: what is found needs no second look. */
size_t link_match(const struct referrer *referrer, size_t *ret_places, bool *ret_exact);

#endif
