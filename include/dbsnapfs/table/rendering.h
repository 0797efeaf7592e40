/*
 * A text that is too long to be made at once: rows.csv and its like, database.sql.
 *
 * A rendering knows of what parts the text is made and remembers positions in it (marks): it gives
 * bytes from any offset on without making all of what is before them, once somebody has been there.
 * It is of one state of a database; make a new one for another. Any number of threads may read it,
 * each with a reader of its own; a reader belongs to one thread at a time, like its database.
 *
 * Marks take bounded memory: when there are too many, every second one is dropped and the distance
 * between them doubles.
 */
#ifndef DBSNAPFS_TABLE_RENDERING_H
#define DBSNAPFS_TABLE_RENDERING_H

#include <stddef.h>
#include <stdint.h>

#include "dbsnapfs/table/text.h"

struct database;
struct err;
struct rendering;
struct rendering_reader;

/* The rows of the relation `name` in one of the forms; it is looked for when a reader is made. */
int rendering_rows(const char *name, enum text_form form, struct rendering **ret_rendering,
                   struct err *err);

/* The whole database as SQL: `sqlite3 new.db < database.sql` makes an equal one. */
int rendering_dump(struct rendering **ret_rendering, struct err *err);

struct rendering *rendering_ref(struct rendering *rendering);
void rendering_unref(struct rendering *rendering); /* NULL is fine */

/* `database` shows the state (has begun) for as long as the reader is used. -ENOENT where there is
 * no such relation, -EIO with the reason where it is broken. */
int rendering_reader_new(struct rendering *rendering, struct database *database,
                         struct rendering_reader **ret_reader, struct err *err);
void rendering_reader_free(struct rendering_reader *reader); /* NULL is fine */

/* Up to `len` bytes from `offset` on; fewer only at the end of the text. Reading on where the
 * last read ended, or a little before (the last MiB is kept), costs least. */
int rendering_read(struct rendering_reader *reader, uint64_t offset, void *bytes, size_t len,
                   size_t *ret_len, struct err *err);

/* The text's length, if a reader has been at its end; UINT64_MAX while nobody was. */
uint64_t rendering_known_bytes(const struct rendering *rendering);

/* How often rows were begun with from the table's beginning, from a mark, and how many rows were
 * made: for tests, which count work. */
struct rendering_work {
    uint64_t from_beginning, from_mark, rows;
};
void rendering_work(const struct rendering_reader *reader, struct rendering_work *ret_work);

/* How long the texts of a relation's rows are, head and tail included. */
struct row_sizes {
    uint64_t rows;
    uint64_t csv_bytes, ndjson_bytes, sql_bytes;
};

/* One scan of the relation, no text made and no BLOB read; what the four files rows.csv,
 * rows.ndjson, rows.sql and count are exactly in length. */
int row_sizes_measure(struct database *database, const char *name, struct row_sizes *ret_sizes,
                      struct err *err);

/* The length of the dump, given the sizes of relations' rows: `sizes` is asked for each whose
 * rows the dump has. */
int rendering_dump_bytes(struct database *database,
                         int (*sizes)(void *arg, const char *name, struct row_sizes *ret_sizes,
                                      struct err *err),
                         void *arg, uint64_t *ret_bytes, struct err *err);

#endif
