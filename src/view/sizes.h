/*
 * How long rendered texts are, without measuring twice what is the same.
 *
 * Any thread may call, and its request can interrupt it. What a schema can make endless ends with
 * -ETIMEDOUT, and does so at once the next time, until the database is another.
 */
#ifndef DBSNAPFS_SRC_VIEW_SIZES_H
#define DBSNAPFS_SRC_VIEW_SIZES_H

#include <stdbool.h>
#include <stdint.h>

struct database;
struct err;
struct row_sizes;
struct scope;
struct sizes;

/* `endless_ns`: how long rows may take that a schema can make endless. */
int sizes_new(int64_t endless_ns, struct sizes **ret_sizes, struct err *err);
void sizes_free(struct sizes *sizes); /* NULL is fine */

/* Of a table's or view's rows, as of now. -ENOENT when there is none any more. */
int sizes_rows(struct scope *scope, const char *table, struct row_sizes *ret_sizes,
               struct err *err);
/* The number of rows alone, which costs less. */
int sizes_count(struct scope *scope, const char *table, uint64_t *ret_rows, struct err *err);
/* Of the dump. */
int sizes_dump(struct scope *scope, uint64_t *ret_bytes, struct err *err);

/* Of a backup's rows, or (`table` NULL) in `sql_bytes` of its dump, if that is known already. */
bool sizes_known(struct scope *scope, const char *table, struct row_sizes *ret_sizes);

/* When something was true: of a backup, always. */
struct moment {
    bool live, settled, has_state;
    uint64_t stamp; /* if settled */
    uint64_t state; /* if has_state */
};

/*
 * Of a state that an open file holds: begin before the database begins, hold right behind that, and ask at any
 * time. What was known before counts only if nobody has written between the first two.
 */
int sizes_hold_begin(struct scope *scope, struct moment *ret_moment, struct err *err);
int sizes_hold(struct scope *scope, struct database *database, struct moment *moment,
               struct err *err);
int sizes_held(struct scope *scope, struct database *database, const struct moment *moment,
               const char *table, struct row_sizes *ret_sizes,
               struct err *err); /* NULL: the dump */

#endif
