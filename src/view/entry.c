/*
 * A backup entry. What its files share is counted by references, because any of them may
 * outlive the directory's node; of the catalog's row only what every stat needs is kept.
 *
 * The snapshot is opened by the first who needs it and closed by the last: while somebody
 * reads, the others find it open, and a backup nobody looks at costs no memory.
 */
#include "entry.h"

#include <errno.h>
#include <stdlib.h>

#include "dbsnapfs/store/repo.h"
#include "dbsnapfs/store/snapshot.h"
#include "dbsnapfs/tree.h"
#include "dbsnapfs/util/err.h"
#include "scope.h"
#include "tables.h"
#include "text.h"

struct entry *entry_ref(struct entry *entry)
{
    atomic_fetch_add_explicit(&entry->references, 1, memory_order_relaxed);
    return entry;
}

void entry_unref(struct entry *entry)
{
    if (!entry || atomic_fetch_sub_explicit(&entry->references, 1, memory_order_acq_rel) != 1)
        return;
    view_unref(entry->view);
    pthread_mutex_destroy(&entry->lock);
    free(entry);
}

void entry_release(void *entry)
{
    entry_unref(entry);
}

int entry_snapshot_get(struct entry *entry, struct snapshot **ret_snapshot, struct err *err)
{
    int r = 0;
    pthread_mutex_lock(&entry->lock);
    if (!entry->snapshot)
        r = snapshot_open(view_repo(entry->view), entry->id, &entry->snapshot, err);
    if (r == 0) {
        entry->snapshot_users++;
        *ret_snapshot = entry->snapshot;
    }
    pthread_mutex_unlock(&entry->lock);
    return r;
}

void entry_snapshot_put(struct entry *entry)
{
    struct snapshot *unused = NULL;
    pthread_mutex_lock(&entry->lock);
    if (--entry->snapshot_users == 0) {
        unused = entry->snapshot;
        entry->snapshot = NULL;
    }
    pthread_mutex_unlock(&entry->lock);
    if (unused)
        snapshot_close(unused);
}

static int empty_make(void *context, struct node **ret_node, struct err *err)
{
    const struct entry *entry = context;
    (void)err;
    return text_empty(entry->started_ns, ret_node);
}

static int in_scope(void *context,
                    int (*make)(struct scope *scope, struct node **ret_node, struct err *err),
                    struct node **ret_node, struct err *err)
{
    struct scope *scope = NULL;
    int r = scope_backup(context, &scope, err);
    if (r < 0)
        return r;
    r = make(scope, ret_node, err);
    scope_unref(scope);
    return r;
}

static int backup_tables_make(void *context, struct node **ret_node, struct err *err)
{
    return in_scope(context, tables_make, ret_node, err);
}

static int backup_views_make(void *context, struct node **ret_node, struct err *err)
{
    return in_scope(context, views_make, ret_node, err);
}

static int backup_dump_make(void *context, struct node **ret_node, struct err *err)
{
    return in_scope(context, dump_make, ret_node, err);
}

static const struct node_static_entry entry_files[] = {
    {"database.sqlite", NODE_FILE, false, image_make},
    {"database.sqlite-wal", NODE_FILE, true, empty_make},
    {"database.sqlite-shm", NODE_FILE, true, empty_make},
    {"database.sql", NODE_FILE, false, backup_dump_make},
    {"schema.sql", NODE_FILE, false, schema_make},
    {"manifest.json", NODE_FILE, false, manifest_make},
    {"SHA256SUMS", NODE_FILE, false, sums_make},
    {"tables", NODE_DIRECTORY, false, backup_tables_make},
    {"views", NODE_DIRECTORY, false, backup_views_make},
    {"changes", NODE_DIRECTORY, false, changes_make},
    {NULL, NODE_FILE, false, NULL},
};

int entry_new(struct view *view, const struct backup_entry *backup, struct entry **ret_entry,
              struct err *err)
{
    struct entry *entry = calloc(1, sizeof(*entry));
    if (!entry)
        return err_set(err, ENOMEM, "%s: out of memory", backup->name);
    atomic_init(&entry->references, 1);
    entry->view = view_ref(view);
    entry->id = backup->id;
    entry->started_ns = backup->started_ns;
    entry->image_bytes = backup->image_bytes;
    pthread_mutex_init(&entry->lock, NULL);
    if (backup->sha256[0])
        view_note_sha256(view, backup->id, backup->sha256);
    *ret_entry = entry;
    return 0;
}

int entry_make(struct view *view, const struct backup_entry *backup, struct node **ret_node,
               struct err *err)
{
    struct entry *entry = NULL;
    int r = entry_new(view, backup, &entry, err);
    if (r < 0)
        return r;
    r = node_static_new(entry_files, entry, entry_release, entry->started_ns, true, ret_node);
    if (r < 0) {
        entry_unref(entry);
        return err_set(err, -r, "%s: out of memory", backup->name);
    }
    return 0;
}

int entry_text_make(const struct node_text *text, struct entry *entry, struct node **ret_node,
                    struct err *err)
{
    int r = node_text_new(text, entry_ref(entry), entry_release, entry->started_ns, ret_node);
    if (r < 0) {
        entry_unref(entry);
        return err_set(err, -r, "the backup's files: out of memory");
    }
    return 0;
}
