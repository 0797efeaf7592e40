/*
 * What the tree shows: contract's files and directories over a service.
 */
#ifndef DBSNAPFS_VIEW_H
#define DBSNAPFS_VIEW_H

struct err;
struct node;
struct service;

/* The mount's root. `service` outlives it. */
int view_root(struct service *service, struct node **ret_root, struct err *err);

#endif
