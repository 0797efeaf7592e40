/*
 * What a table is, as text.
 */
#ifndef DBSNAPFS_TABLE_DESCRIBE_H
#define DBSNAPFS_TABLE_DESCRIBE_H

struct buf;
struct relation;

/* The statement that makes it, then its indexes and triggers, as they were made, each ended. */
void describe_schema(const struct relation *relation, struct buf *out);

/* columns.json: an array of objects, a column each: name, type, not_null, default, primary_key,
 * collation, generated, references; a column a line. */
void describe_columns(const struct relation *relation, struct buf *out);

#endif
