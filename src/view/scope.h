/*
 * Where tables are looked at: the live database, or a backup.
 *
 * Open databases are kept for a moment after use, so that the next look-up finds one: a few for
 * the live database, which are closed when nobody has asked for a second or two, so that programs
 * find it as if nobody was there; and a few for backups.
 */
#ifndef DBSNAPFS_SRC_VIEW_SCOPE_H
#define DBSNAPFS_SRC_VIEW_SCOPE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct backup_entry;
struct database;
struct entry;
struct err;
struct scope;
struct snapshot;
struct view;

int scope_live(struct view *view, struct scope **ret_scope, struct err *err);
int scope_backup(struct entry *entry, struct scope **ret_scope, struct err *err);
struct scope *scope_ref(struct scope *scope);
void scope_unref(struct scope *scope);
void scope_release(void *scope); /* scope_unref() as a node's free_context */

bool scope_is_live(const struct scope *scope);
struct view *scope_view(const struct scope *scope);
/* 0 for the live database, else the backup's number. */
uint64_t scope_backup_id(const struct scope *scope);
/* Of a backup, its time; of the live database, its last change. */
int scope_mtime(struct scope *scope, int64_t *ret_mtime_ns, struct err *err);

/* A database that has begun and is the caller's alone until scope_done(). `cancel` NULL: that of the
 * request which this thread serves, if it does; who keeps the database for longer sets its limit. */
int scope_use(struct scope *scope, const atomic_bool *cancel, struct database **ret_database,
              struct err *err);
void scope_done(struct scope *scope, struct database *database);
/* The next use shows a state from now on. Without, uses of one request may show the same: any since the
 * request began is right for it. */
void scope_renew(struct scope *scope);
/* The same of a backup that no entry is at hand of; both are to be given back. */
int scope_past_use(struct view *view, const struct backup_entry *backup, struct scope **ret_scope,
                   struct database **ret_database, struct err *err);

#endif
