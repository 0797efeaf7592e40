/*
 * Tells the stream of a backup what a scan of a b-tree reads next.
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

/* As source_foresee(). */
void foresight_see(const struct snapshot *snapshot, struct snapshot_stream *stream, uint64_t offset,
                   const void *bytes, size_t len);

#endif
