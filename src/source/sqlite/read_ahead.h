/*
 * A VFS over the default one that reads the main database in large pieces.
 *
 * SQLite reads a page at a time, a system call each; a capture reads all pages in order, and the scan
 * of a table pages that are nearly so. Between read_ahead_start() and read_ahead_stop() reads that go
 * on where the last one ended are served from a buffer that is filled 256 KiB at a time. The caller holds a read transaction meanwhile:
 * then the bytes of the file that SQLite may look at do not change. (In rollback mode nobody writes
 * under a SHARED lock. In WAL mode a checkpoint only writes pages that this reader takes from the
 * WAL.)
 */
#ifndef DBSNAPFS_SOURCE_SQLITE_READ_AHEAD_H
#define DBSNAPFS_SOURCE_SQLITE_READ_AHEAD_H

struct err;
struct read_ahead;

/* Registers the VFS; its name is for sqlite3_open_v2(). One connection at a time may use it. */
int read_ahead_new(struct read_ahead **ret_ahead, struct err *err);
void read_ahead_free(struct read_ahead *ahead); /* the connection is closed; NULL is fine */
const char *read_ahead_name(const struct read_ahead *ahead);

void read_ahead_start(struct read_ahead *ahead);
void read_ahead_stop(struct read_ahead *ahead);

#endif
