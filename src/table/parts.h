/*
 * What a long text is made of: parts, one behind the other. Each is the rows of a relation, or a
 * piece that is made at once. They follow from the schema alone, so that parts of the same state have the
 * same numbers in every reader.
 */
#ifndef DBSNAPFS_TABLE_PARTS_H
#define DBSNAPFS_TABLE_PARTS_H

#include <stddef.h>

#include "dbsnapfs/table/text.h"

struct buf;
struct database;
struct err;
struct relation;
struct schema;
struct schema_part;
struct part;

typedef int part_make(const struct part *part, struct database *database, struct buf *out,
                      struct err *err);

struct part {
    part_make *make; /* appends the piece; NULL: it is the rows of `relation`, in `form` */
    const struct relation *relation;
    const struct schema_part *statement; /* an index or trigger of the relation */
    enum text_form form;
};

/* Both append parts to a buffer of nothing else; what runs out of memory shows in buf_error(). They hold
 * for as long as the schema. */
void parts_of_rows(const struct relation *relation, enum text_form form, struct buf *out);
void parts_of_dump(const struct schema *schema, struct buf *out);

#endif
