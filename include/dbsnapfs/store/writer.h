/*
 * Writing a backup.
 *
 * The caller streams the image in: backup_writer_put() with ascending offsets (gaps are
 * zeros), except that the block at offset 0 may be put again at any time, since SQLite
 * writes a database's first page last. Blocks are fingerprinted, compared with the
 * backup before, compressed and written by the pool, in memory bounded by the queues.
 *
 * Nothing is visible before backup_writer_commit() has returned 0. A writer belongs to
 * one thread at a time; one at a time may exist for a repository.
 */
#ifndef DBSNAPFS_STORE_WRITER_H
#define DBSNAPFS_STORE_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct backup_entry;
struct backup_writer;
struct err;
struct repo;

/* Does what a backup needs done before it begins: fingerprints that are missing are made again,
 * which takes a while. To be called before the source is held. */
int backup_writer_prepare(struct repo *repo, struct err *err);

/*
 * `page_size` as in the database's header. With `spool`, backup_writer_put() never waits
 * for the compressor: what it cannot take at once goes to an unlinked file in the
 * repository and is worked off by backup_writer_commit(); for sources whose writers are
 * blocked while they are read.
 */
int backup_writer_new(struct repo *repo, uint32_t page_size, bool spool,
                      struct backup_writer **ret_writer, struct err *err);

/* What kind of block is this? Blocks of one kind are compressed together; a bad guess costs space,
 * nothing else. To be set before the first put; called by workers. */
typedef uint32_t block_kind(const void *block, size_t len);
void backup_writer_group_by(struct backup_writer *writer, block_kind *kind_of);

int backup_writer_put(struct backup_writer *writer, uint64_t offset, const void *bytes, size_t len,
                      struct err *err);

/* Blocks that have been taken so far, and those of them that differ; any thread. */
void backup_writer_progress(const struct backup_writer *writer, uint64_t *ret_blocks,
                            uint64_t *ret_changed);

/*
 * Ends the image at `image_bytes`, writes and commits. `entry` comes with started_ns, note,
 * source and settings set (text members become the entry's own: heap strings or NULL) and
 * gets the rest. With `only_if_changed`, an image equal to the newest backup's is not
 * stored: `ret_stored` is false and `entry` is the newest backup's. The writer is gone
 * afterwards, whatever the result; so is every trace of the backup if it failed.
 */
int backup_writer_commit(struct backup_writer *writer, uint64_t image_bytes, bool only_if_changed,
                         struct backup_entry *entry, bool *ret_stored, struct err *err);

void backup_writer_abort(struct backup_writer *writer); /* NULL is fine */

#endif
