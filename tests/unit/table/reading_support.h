/*
 * Reading renderings in tests. Functions assert that they succeed, unless they return a code.
 */
#ifndef TESTS_UNIT_TABLE_READING_SUPPORT_H
#define TESTS_UNIT_TABLE_READING_SUPPORT_H

#include "dbsnapfs/table/rendering.h"
#include "dbsnapfs/util/buf.h"
#include "source/sqlite/opened_support.h"

struct rendering *reading_rows(const char *name, enum text_form form);
struct rendering_reader *reading_new(const struct opened *opened, struct rendering *rendering);

/* Up to `len` bytes at the offset, in place of what is in `out`. */
void reading_piece(struct rendering_reader *reader, uint64_t offset, size_t len, struct buf *out);

/* The whole, in order, `step` bytes at a time; the reader is as it was when it was made. */
void reading_whole(struct rendering_reader *reader, size_t step, struct buf *out);

/* The same of a rendering that is made for it. */
void reading_text(const struct opened *opened, struct rendering *rendering, struct buf *out);

struct rendering_work reading_work(const struct rendering_reader *reader);

#endif
