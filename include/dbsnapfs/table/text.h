/*
 * Rows and values as text: CSV, NDJSON, SQL.
 *
 * CSV is RFC 4180 with a header line, typed by its quoting: INTEGER and REAL bare (a REAL always
 * has a point or an exponent, infinities are inf and -inf), TEXT in double quotes, BLOB as bare
 * x'…', NULL as a bare empty field; a row of one NULL is an empty line. Lines end in CR LF.
 *
 * NDJSON has an object a row; BLOB is {"base64":"…"}, infinity {"real":"inf"} or {"real":"-inf"},
 * TEXT that is not UTF-8 {"text":"…"} with its bytes in base64. A name that is not UTF-8 has
 * U+FFFD for each byte that is none.
 *
 * row.json (TEXT_OBJECT) is the same object with a column a line.
 *
 * SQL is an INSERT a row, which names its columns: all that are not generated, and the rowid where
 * no column shows it.
 *
 * Everything is appended to `out`; what runs out of memory shows in buf_error().
 */
#ifndef DBSNAPFS_TABLE_TEXT_H
#define DBSNAPFS_TABLE_TEXT_H

#include <stddef.h>
#include <stdint.h>

struct buf;
struct cursor;
struct database;
struct err;
struct relation;
struct value;

enum text_form { TEXT_CSV, TEXT_NDJSON, TEXT_SQL, TEXT_OBJECT };
#define TEXT_FORMS 3 /* of tables; TEXT_OBJECT is of one row */

void text_csv_value(const struct value *value, struct buf *out);
void text_json_value(const struct value *value, struct buf *out);
void text_json_string(const char *text, struct buf *out); /* in quotes; as a name, see above */
int text_sql_value(struct database *database, const struct value *value, struct buf *out,
                   struct err *err);
/* A text as a value. */
int text_sql_string(struct database *database, const char *text, struct buf *out, struct err *err);
void text_sql_name(const char *name, struct buf *out); /* "quoted" */

/* "0.1", "1.0", "1e+300", "inf": the shortest of 15 or 17 digits that is this number again. */
void text_real(double real, struct buf *out);

/* What makes the text of a relation's rows; prepared once, used for every row. It is for the one
 * database that the relation is of, and lasts no longer than that schema. -EIO with the reason for
 * a relation that is broken. */
struct row_text;
int row_text_new(const struct relation *relation, enum text_form form, struct row_text **ret_text,
                 struct err *err);
void row_text_free(struct row_text *text); /* NULL is fine */

/* What stands before the rows, and behind them: the header line of CSV; of SQL, a savepoint, so
 * that the rows are inserted in one transaction, or within the reader's, and foreign keys that are
 * not looked at before its end. */
void row_text_head(const struct row_text *text, struct buf *out);
void row_text_tail(const struct row_text *text, struct buf *out);

/* The row where the cursor (SELECT_ROWS or SELECT_PIECES on this relation) is. By SELECT_PIECES a large
 * BLOB comes in pieces: 1 means that one was added, and to be called again, without the cursor moving
 * between, for what follows. A row that is given up there has to be forgotten, before the cursor is
 * closed.
 *
 * A row of SQL is one statement, and the sqlite3 shell takes no more than 1,000,000,000 bytes for one: a
 * BLOB of half as many. */
int row_text_add(struct row_text *text, struct database *database, struct cursor *cursor,
                 struct buf *out, struct err *err);
void row_text_forget(struct row_text *text);

/* The same row's length in bytes, and no text made; by a cursor of SELECT_HEADS too. */
int row_text_length(struct row_text *text, struct database *database, struct cursor *cursor,
                    uint64_t *ret_bytes, struct err *err);

#endif
