/*
 * A backup entry: backups/NAME/ and what its files share.
 */
#ifndef DBSNAPFS_SRC_VIEW_ENTRY_H
#define DBSNAPFS_SRC_VIEW_ENTRY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "context.h"

struct backup_entry;
struct node_text;
struct snapshot;

struct entry {
    atomic_uint references;
    struct view *view;
    uint64_t id;
    int64_t started_ns;
    uint64_t image_bytes;
    pthread_mutex_t lock;
    struct snapshot *snapshot; /* protected by lock; NULL while nobody uses it */
    unsigned snapshot_users;   /* protected by lock */
};

int entry_new(struct view *view, const struct backup_entry *backup, struct entry **ret_entry,
              struct err *err);

/* The directory of a backup. */
int entry_make(struct view *view, const struct backup_entry *backup, struct node **ret_node,
               struct err *err);

struct entry *entry_ref(struct entry *entry);
void entry_unref(struct entry *entry);
void entry_release(void *entry); /* entry_unref() as a node's free_context */

/* The backup's snapshot, one for all who use it at a time; give it back when done. */
int entry_snapshot_get(struct entry *entry, struct snapshot **ret_snapshot, struct err *err);
void entry_snapshot_put(struct entry *entry);

/* A text file of the backup, with its time; the text's context is `entry`. */
int entry_text_make(const struct node_text *text, struct entry *entry, struct node **ret_node,
                    struct err *err);

/* The makers of its files; `context` is a struct entry. */
int image_make(void *context, struct node **ret_node, struct err *err);
int sums_make(void *context, struct node **ret_node, struct err *err);
int schema_make(void *context, struct node **ret_node, struct err *err);
int manifest_make(void *context, struct node **ret_node, struct err *err);
int changes_make(void *context, struct node **ret_node, struct err *err);

/* schema.sql's text; its size is remembered. */
struct buf;
int schema_render(struct entry *entry, struct buf *out, struct err *err);

#endif
