/*
 * Nodes whose context is a reference to the view.
 */
#ifndef DBSNAPFS_SRC_VIEW_TEXT_H
#define DBSNAPFS_SRC_VIEW_TEXT_H

#include "context.h"
#include "dbsnapfs/tree.h"

/* A text file made from the view; takes a reference of its own. */
int text_make(const struct node_text *text, struct view *view, struct node **ret_node);

/* An mtime for texts that are made at the moment they are read. */
int text_mtime_now(void *view, int64_t *ret_mtime_ns, struct err *err);

/* An empty file that never changes: -wal and -shm. SQLite opens a database whose header says
 * WAL on a read-only file system only where they are. */
int text_empty(int64_t mtime_ns, struct node **ret_node);

#endif
