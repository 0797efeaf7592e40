/*
 * What the tree shows: contract's files and directories over a service.
 */
#ifndef DBSNAPFS_VIEW_H
#define DBSNAPFS_VIEW_H

#include <stdint.h>

struct err;
struct node;
struct service;

#define VIEW_LIVE_TIMEOUT_S 600

struct view_config {
    /* How long an open file of live/ may hold on to one state of the database in WAL mode, whose -wal
     * file cannot be emptied meanwhile; 0: for ever. */
    int64_t live_timeout_s;
};

/* The mount's root. `service` outlives it. `config` NULL: the usual one. */
int view_root(struct service *service, const struct view_config *config, struct node **ret_root,
              struct err *err);

#endif
