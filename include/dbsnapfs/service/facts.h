/*
 * What is known about a backup without reading it: facts that were found out in the background after
 * it was made, and are kept in the catalog (see repo_note_fact()).
 *
 * FACT_SIZES is how long the texts of its tables' rows are, as text:
 *
 *     1                                       the version of table/text.h's forms
 *     5:users 3 71 86 245                     length of the name, name, rows, bytes of CSV, NDJSON, SQL
 *
 * A name may have any bytes, newlines too; its length says where it ends. What was noted of another
 * version of the forms is taken for not known.
 */
#ifndef DBSNAPFS_SERVICE_FACTS_H
#define DBSNAPFS_SERVICE_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;
struct repo;
struct row_sizes;

#define FACT_SIZES "sizes"

/* Makes such a text: its beginning, then each table once. Memory: buf_error(). */
void sizes_begin(struct buf *fact);
void sizes_add(struct buf *fact, const char *name, const struct row_sizes *sizes);

/* Is it of this version? */
bool sizes_are_current(const struct buf *fact);

/* -ENOENT for a table that is not in it, and where it is of another version; -EBADMSG for what is no
 * such text. */
int sizes_find(const struct buf *fact, const char *name, struct row_sizes *ret_sizes);

/* The sizes of a backup's table. -ENOENT, without a message, for what is not known (yet): measure it
 * with row_sizes_measure(). */
int facts_find_sizes(struct repo *repo, uint64_t backup_id, const char *table,
                     struct row_sizes *ret_sizes, struct err *err);

#endif
