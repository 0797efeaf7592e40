/*
 * A file without a name, for a copy that lasts as long as it is open.
 */
#ifndef DBSNAPFS_SRC_VIEW_SPOOL_H
#define DBSNAPFS_SRC_VIEW_SPOOL_H

struct err;

/* In `folder`, or, where that is NULL or cannot be written, in $TMPDIR or /var/tmp. */
int spool_open(const char *folder, int *ret_fd, struct err *err);

#endif
