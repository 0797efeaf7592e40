/*
 * What tests of rows as text share. Each test runs in six ways: on the live database and on a stored
 * backup of it, in UTF-8 and in both of UTF-16.
 */
#ifndef TESTS_UNIT_TABLE_ROWS_SUPPORT_H
#define TESTS_UNIT_TABLE_ROWS_SUPPORT_H

#include "dbsnapfs/table/text.h"
#include "source/sqlite/opened_support.h"

enum { ROWS_WAYS = 6 };

/* Makes t(id, v) with values of all kinds. */
extern const char rows_every_value[];

const char *rows_encoding_of(int way);

/* a.db in the encoding of this way, opened. */
void rows_begin(int way, const char *sql, struct opened *opened);

struct cursor *rows_open_cursor(const struct opened *opened, const struct relation *relation,
                                enum selected what);

/* The row where the cursor is, in one form. */
void rows_add_one(const struct opened *opened, const struct relation *relation, enum text_form form,
                  struct cursor *cursor, struct buf *out);

/* Head, rows and tail. Checked on the way: that lengths are told as they are, and that a cursor which
 * leaves large BLOBs to be read in pieces leads to the same text. */
void rows_render(const struct opened *opened, const char *name, enum text_form form,
                 struct buf *out);

#define BYTES(text) text, sizeof(text) - 1
void rows_assert_text_bytes(const struct opened *opened, const char *name, enum text_form form,
                            const char *expected, size_t len);
void rows_assert_text(const struct opened *opened, const char *name, enum text_form form,
                      const char *expected);

#endif
