/*
 * A file without a name, for a copy that lasts as long as it is open.
 */
#ifndef DBSNAPFS_SRC_VIEW_SPOOL_H
#define DBSNAPFS_SRC_VIEW_SPOOL_H

#include <stddef.h>
#include <stdint.h>

struct err;

/* In `folder`, or, where that is NULL or cannot be written, in $TMPDIR or /var/tmp. */
int spool_open(const char *folder, int *ret_fd, struct err *err);

/* All of these bytes, at `offset`. */
int spool_write(int fd, const void *bytes, size_t len, uint64_t offset, struct err *err);

/* An open file of what was written, which is read past the page cache. `fd` is the file's
 * afterwards, or closed. */
struct node_file;
int spool_file(int fd, struct node_file **ret_file, struct err *err);

#endif
