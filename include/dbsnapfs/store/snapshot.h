/*
 * Reading a backup: its database image, at any offset.
 *
 * A snapshot may be read by several threads at once. Every block's content is checked
 * against the hash that was taken when it was stored; a damaged one gives -EBADMSG, with
 * a message that names the segment and the place, and its neighbours can be read.
 */
#ifndef DBSNAPFS_STORE_SNAPSHOT_H
#define DBSNAPFS_STORE_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct repo;
struct snapshot;

int snapshot_open(struct repo *repo, uint64_t backup_id, struct snapshot **ret_snapshot,
                  struct err *err);
void snapshot_close(struct snapshot *snapshot);

uint64_t snapshot_bytes(const struct snapshot *snapshot);
uint32_t snapshot_block_size(const struct snapshot *snapshot);
uint32_t snapshot_page_size(const struct snapshot *snapshot);

/* Reads up to `len` bytes; fewer only at the end of the image. */
int snapshot_read(struct snapshot *snapshot, uint64_t offset, void *bytes, size_t len,
                  size_t *ret_len, struct err *err);

/*
 * The runs of blocks that two backups of one repository do not share, in ascending order: those that
 * one of them lacks, and those that are stored in different places. A block that is stored in one
 * place has one content. Costs the two maps and reads no block. Non-zero from `each` ends it and is
 * returned. -ENOTSUP if their block sizes differ.
 */
int snapshot_compare(struct snapshot *before, struct snapshot *after,
                     int (*each)(void *arg, uint64_t first, uint64_t count), void *arg,
                     struct err *err);

/* From now on, reads of this snapshot give way to those of streams: while somebody reads through
 * a stream, each waits a little (a second at most). A stream of this one is no better and decodes
 * nothing ahead. For work in the background. */
void snapshot_give_way(struct snapshot *snapshot);

/*
 * A reader of a snapshot that expects to go on: it has what is read next decoded on the other
 * processors. With `in_order` it notices reads that move forward (in any order within a window, as the
 * kernel's read-ahead sends them, and with gaps); else it goes by what it is told alone. One for each
 * open file.
 */
struct snapshot_stream;
int snapshot_stream_new(struct snapshot *snapshot, bool in_order,
                        struct snapshot_stream **ret_stream, struct err *err);
void snapshot_stream_free(struct snapshot_stream *stream); /* not the snapshot */
int snapshot_stream_read(struct snapshot_stream *stream, uint64_t offset, void *bytes, size_t len,
                         size_t *ret_len, struct err *err);

/*
 * Tells which blocks are read next, in this order, if reads go on as they may: who knows what the
 * image is made of knows better than the order of blocks. Nothing is decoded before reads have followed
 * what was told. A call replaces what the one before told, and counts as going on where that was read
 * to its end. Copies the list; what does not fit into memory is not expected.
 */
void snapshot_stream_expect(struct snapshot_stream *stream, const uint64_t *blocks, size_t count);

#endif
