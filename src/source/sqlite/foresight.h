/*
 * Tells a backup's stream what a scan of a b-tree reads next.
 *
 * SQLite reads one page after the other, in the order of the tree and not of the file: what lies
 * between belongs to other tables and indexes. But before the pages that it comes to it has read the
 * one that names them all.
 */
#ifndef DBSNAPFS_SOURCE_SQLITE_FORESIGHT_H
#define DBSNAPFS_SOURCE_SQLITE_FORESIGHT_H

#include <stddef.h>
#include <stdint.h>

struct snapshot;
struct snapshot_stream;

struct foresight {
    struct snapshot_stream *stream; /* the caller's */
    uint32_t page_size, block_size;
    uint64_t *blocks; /* room for the children of any page */
};

/* Nothing is expected of the stream before the first page was seen. Without memory nothing is then. */
void foresight_init(struct foresight *foresight, const struct snapshot *snapshot,
                    struct snapshot_stream *stream);
void foresight_release(struct foresight *foresight);

/* The bytes that SQLite has read; any will do. */
void foresight_see(struct foresight *foresight, uint64_t offset, const void *bytes, size_t len);

#endif
