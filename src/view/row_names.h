/*
 * What a row's directory has in it, by name.
 *
 * A column's file is called as the column; but as what stands beside it, row.json, referenced-by and
 * names that end in .row, no column may be called: its first plain character is then escaped,
 * `%72ow.json`, which no other name has. So does a link whose name another one took already.
 */
#ifndef DBSNAPFS_SRC_VIEW_ROW_NAMES_H
#define DBSNAPFS_SRC_VIEW_ROW_NAMES_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct foreign_key;
struct referrer;
struct relation;

#define ROW_JSON "row.json"
#define ROW_REFERENCED "referenced-by"

void row_column_name(const struct relation *relation, size_t column, struct buf *out);
/* NO_COLUMN if there is none. */
size_t row_column_find(const struct relation *relation, const char *name);

/* Lists of names, each ended by NUL, and empty for those that are not offered. Memory: buf_error(). */

/* Of the foreign keys' links: "COLUMN.row", "COLUMN,COLUMN.row", "COLUMN.PARENT.row". */
void row_link_names(const struct relation *relation, struct buf *out);
/* Below referenced-by/: "TABLE.COLUMN", "TABLE.COLUMN,COLUMN". */
void row_referrer_names(const struct relation *relation, struct buf *out);

/* The next name of a list, behind the NUL of the one before (NULL: the first); NULL at its end. */
const char *row_names_next(const struct buf *names, const char *name);
/* The place of `name`, or NO_COLUMN. */
size_t row_names_find(const struct buf *names, const char *name);

#endif
