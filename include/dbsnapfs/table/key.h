/*
 * Rows and values as file names: rows/KEY, by/COLUMN/VALUE.
 *
 * A value's name is what people would type: an INTEGER's digits, a REAL as text_real() has it, TEXT
 * and BLOB as their bytes, escaped as util/name.h has it. What that means when it is read depends on
 * the column: a column of INTEGER, NUMERIC or REAL affinity, or with no declared type, takes what
 * looks like a number for one, and else for TEXT; one of TEXT affinity takes all for TEXT; one
 * declared as a BLOB takes all for a BLOB. A value that would be taken for another is written with
 * its kind in front: "%~integer~1", "%~real~1.0", "%~text~1", "%~blob~%FF", and NULL, for by/,
 * "%~null". No data gives a "%~" otherwise, but for the empty one, "%~", and the end of a name that
 * was cut.
 *
 * A row's name is its key's values joined by commas (a comma inside one of several is %2C), and the
 * rowid where the table has no key. A row of a rowid table whose key has a NULL is called
 * "%~rowid~N", since such a key need not be the only one. So each row has one name, and each name at
 * most one row; but where columns are called by all of the rowid's names, and SQL cannot ask for
 * it, a NULL is "%~null" and rows with equal keys share a name. A name over 255 bytes is cut and ends
 * in a hash, see util/name.h; finding it costs a look at those keys that begin alike.
 */
#ifndef DBSNAPFS_TABLE_KEY_H
#define DBSNAPFS_TABLE_KEY_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct column;
struct cursor;
struct database;
struct err;
struct relation;
struct selection;
struct value;

/* Do rows of this relation have names at all? Not those of views, nor of virtual tables without a
 * rowid that can be asked for. */
bool key_exists(const struct relation *relation);

/* The name of the row where the cursor is: one of SELECT_KEYS if `keys`, else of SELECT_ROWS, or of
 * SELECT_HEADS if no BLOB is in the key. Memory: buf_error(). */
void key_name(const struct relation *relation, struct cursor *cursor, bool keys, struct buf *out);

/* A cursor that stands at the row with this name: the caller's to read and close; what would come
 * next is no matter. `wanted` says of which relation, and what of the row; its rows are all. -ENOENT
 * for a name that no row has. One index search, where SQLite has an index for it. */
int key_find(struct database *database, const struct selection *wanted, const char *name,
             struct cursor **ret_cursor, struct err *err);

/* The name of a value of this column, as below by/ (a comma stays). */
void key_value_name(const struct column *column, const struct value *value, struct buf *out);

/* The name of a row that has these values as its key, relation->key_count of them: for links to rows
 * that are not there. */
void key_name_of_values(const struct relation *relation, const struct value *values,
                        struct buf *out);

/* A value that owns its bytes (value_free()) for a name below by/COLUMN. -ENOENT for what is the
 * name of no value. A cut name is looked for among the column's values. */
int key_value_find(struct database *database, const struct relation *relation, size_t column,
                   const char *name, struct value *ret_value, struct err *err);

#endif
