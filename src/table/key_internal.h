/*
 * Between the files of keys.
 */
#ifndef DBSNAPFS_SRC_TABLE_KEY_INTERNAL_H
#define DBSNAPFS_SRC_TABLE_KEY_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct column;
struct cursor;
struct name_part;
struct relation;
struct value;

#define KEY_DIGITS 40
#define KEY_ROWID "%~rowid~" /* in front of the rowid of a row whose key has a NULL */

/* A value as a part of a name; `digits` is where a number's stay. */
void key_part(const struct column *column, const struct value *value, char digits[KEY_DIGITS],
              struct name_part *ret_part);

/* The value that has this part; its bytes are the part's. -ENOENT for a part that no value has. */
int key_part_value(const struct column *column, const struct name_part *part,
                   struct value *ret_value);

/* The beginning of a value whose name was cut: TEXT or BLOB, and without a last character that may
 * have been parted. */
int key_part_beginning(const struct column *column, const struct name_part *part,
                       struct value *ret_value);

bool key_value_begins(const struct value *value, const struct value *beginning);

/* "12" and nothing else that would be 12. */
bool key_integer(const void *bytes, size_t len, int64_t *ret_integer);

/* key_name(), where a cursor of SELECT_HEADS gives no BLOBs: these are its key's. */
void key_name_known(const struct relation *relation, struct cursor *cursor, bool keys,
                    const struct value *blobs, struct buf *out);

/* Is a row called by its rowid, whatever it has? */
bool key_is_rowid(const struct relation *relation);

#endif
