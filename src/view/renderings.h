/*
 * The renderings of backups that were used last, with the positions that they remember.
 *
 * Any thread may call.
 */
#ifndef DBSNAPFS_SRC_VIEW_RENDERINGS_H
#define DBSNAPFS_SRC_VIEW_RENDERINGS_H

struct err;
struct rendered;
struct rendering;
struct renderings;

int renderings_new(struct renderings **ret_renderings, struct err *err);
void renderings_free(struct renderings *renderings); /* NULL is fine */

/* The one of this text, made if it is not there; the caller's to unref. */
int renderings_get(struct renderings *renderings, const struct rendered *rendered,
                   struct rendering **ret_rendering, struct err *err);

#endif
