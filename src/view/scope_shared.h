/*
 * What one request has of the live database: a state that has begun, and when it last changed. Nothing
 * is left of it when the request is done (node_shared()); where none is served nothing is kept.
 */
#ifndef DBSNAPFS_SRC_VIEW_SCOPE_SHARED_H
#define DBSNAPFS_SRC_VIEW_SCOPE_SHARED_H

#include <stdbool.h>
#include <stdint.h>

struct database;
struct view;

/* One that has begun within this request, lent as the pool lends; NULL: begin one … */
struct database *scope_shared_take(struct view *view);
/* … and say so … */
void scope_shared_note(struct view *view, const struct database *database);
/* … so that it can be kept for the next use. False: it was not, and is the caller's still. */
bool scope_shared_keep(struct view *view, struct database *database);
/* Ends what is kept. */
void scope_shared_drop(struct view *view);

/* false when it was not asked for yet */
bool scope_shared_mtime(struct view *view, int64_t *ret_mtime_ns);
void scope_shared_note_mtime(struct view *view, int64_t mtime_ns);

#endif
