/*
 * What changed between a backup and the one before it: how much of which table, as a fact that is
 * found out in the background (see facts.h) or by the first who asks, and the two side by side for
 * whoever wants to see the rows.
 *
 * FACT_CHANGES as text:
 *
 *     1 12                            the version of the texts, the number of the backup before (0: none)
 *     5:users 1 2 0 -a 215 402 1 9 …  length of the name, name, rows inserted, updated, deleted,
 *                                     flags, bytes of changes/TABLE.csv and .sql, then what was added
 *                                     to the table's rows, its CSV, its NDJSON and its SQL
 *
 * Flags are s (other SQL), g (gone) and a (what was added is known), or - for none. A table whose
 * rows only moved is in it too, since its texts have other lengths: change_counts_none().
 *
 * A table that could not be compared, because it is damaged in one of the two backups or SQLite
 * refuses to read it there, says why instead:
 *
 *     5:users u 25:the database is damaged …   length of the reason, reason
 */
#ifndef DBSNAPFS_SERVICE_CHANGES_H
#define DBSNAPFS_SERVICE_CHANGES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dbsnapfs/table/changes.h"

struct buf;
struct err;
struct repo;

#define FACT_CHANGES "changes"

struct table_change {
    char *name;
    struct change_counts counts; /* zeros if … */
    char *unreadable;            /* … it could not be compared: why, in words; else NULL */
};
/* The table has no files in changes/. */
bool table_change_none(const struct table_change *change);

struct backup_changes {
    uint64_t before_id; /* 0: it is the first backup, and has no tables here */
    size_t count;
    struct table_change *tables; /* in the order of the later schema, those that are gone behind */
};
void backup_changes_free(struct backup_changes *changes); /* its members; an empty one is fine */
/* NULL: the table is as it was. */
const struct table_change *backup_changes_table(const struct backup_changes *changes,
                                                const char *name);

/* What is noted. -ENOENT, without a message, when nothing is, when it is damaged, and when it tells
 * about another backup than the one that is before it now. */
int backup_changes_find(struct repo *repo, uint64_t backup_id, struct backup_changes *ret_changes,
                        struct err *err);

/* Compares the two and notes the result. Tables that cannot be read are part of it; it fails for what
 * has nothing to do with one table, and then nothing is noted. `gives_way`: this is background work,
 * which fails if the result cannot be noted; who waits for the result gets it all the same. */
int backup_changes_make(struct repo *repo, uint64_t backup_id, const atomic_bool *cancel,
                        bool gives_way, struct backup_changes *ret_changes, struct err *err);

/* As text, and back; -EBADMSG for what is none. Memory: buf_error(). */
void backup_changes_write(const struct backup_changes *changes, struct buf *out);
int backup_changes_read(const struct buf *fact, struct backup_changes *ret_changes);

/* Two backups open side by side. Belongs to one thread at a time. */
struct comparison;
int comparison_open(struct repo *repo, uint64_t before_id, uint64_t after_id,
                    const atomic_bool *cancel, bool gives_way, struct comparison **ret_comparison,
                    struct err *err);
void comparison_close(struct comparison *comparison); /* NULL is fine */
struct changes *comparison_changes(const struct comparison *comparison);

#endif
