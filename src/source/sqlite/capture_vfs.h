/*
 * A write-only SQLite VFS that passes a database's pages to a sink.
 *
 * Every put holds whole blocks of max(page size, 4096) bytes, but for the image's end. Block
 * 0 has page 1, which SQLite writes last, and is put last. Pages must come in ascending
 * order, as the online backup writes them; anything else fails.
 */
#ifndef DBSNAPFS_SOURCE_SQLITE_CAPTURE_VFS_H
#define DBSNAPFS_SOURCE_SQLITE_CAPTURE_VFS_H

#include <stdatomic.h>
#include <stdint.h>

struct capture_vfs;
struct err;
struct source_sink;

int capture_vfs_new(const char *source, uint32_t page_size, const struct source_sink *sink,
                    const atomic_bool *cancel, struct capture_vfs **ret_vfs, struct err *err);
void capture_vfs_free(struct capture_vfs *vfs); /* its connections are closed; NULL is fine */

const char *capture_vfs_name(const struct capture_vfs *vfs);

/* Why a write failed: the sink's own error, or -ECANCELED; code 0 while none did. */
const struct err *capture_vfs_error(const struct capture_vfs *vfs);

/* Puts what was held back. */
int capture_vfs_finish(struct capture_vfs *vfs, uint64_t *ret_image_bytes, struct err *err);

#endif
