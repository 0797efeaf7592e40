/*
 * Where tables are looked at. A scope is a name for it, so to speak: the database itself is taken
 * from the view's pool for each use, and the thread that uses it has it alone.
 *
 * A live database's file may be replaced while a connection to the old one is idle. That shows when
 * its next use begins, and then all idle ones are as old or older: they are closed and a new one is
 * opened.
 *
 * An idle database of a backup holds its entry, which holds the view, which holds the pool. So the
 * pool is closed when the tree's root goes, before the last reference to the view does.
 */
#include "scope.h"

#include <errno.h>
#include <stdlib.h>

#include "dbsnapfs/source/database.h"
#include "dbsnapfs/source/source.h"
#include "dbsnapfs/tree.h"
#include "dbsnapfs/util/clock.h"
#include "dbsnapfs/util/err.h"
#include "entry.h"
#include "scope_pool.h"
#include "scope_shared.h"

#define DEADLINE_NS (60 * INT64_C(1000000000)) /* for what a schema can make endless */

struct scope {
    atomic_uint references;
    struct view *view;   /* held, of the live database; else the entry's */
    struct entry *entry; /* NULL: the live database */
};

static int scope_new(struct view *view, struct entry *entry, struct scope **ret_scope,
                     struct err *err)
{
    struct scope *scope = calloc(1, sizeof(*scope));
    if (!scope)
        return err_set(err, ENOMEM, "tables: out of memory");
    atomic_init(&scope->references, 1);
    scope->view = entry ? view : view_ref(view);
    scope->entry = entry ? entry_ref(entry) : NULL;
    *ret_scope = scope;
    return 0;
}

int scope_live(struct view *view, struct scope **ret_scope, struct err *err)
{
    return scope_new(view, NULL, ret_scope, err);
}

int scope_backup(struct entry *entry, struct scope **ret_scope, struct err *err)
{
    return scope_new(entry->view, entry, ret_scope, err);
}

struct scope *scope_ref(struct scope *scope)
{
    atomic_fetch_add_explicit(&scope->references, 1, memory_order_relaxed);
    return scope;
}

void scope_unref(struct scope *scope)
{
    if (!scope || atomic_fetch_sub_explicit(&scope->references, 1, memory_order_acq_rel) != 1)
        return;
    if (scope->entry)
        entry_unref(scope->entry);
    else
        view_unref(scope->view);
    free(scope);
}

void scope_release(void *scope)
{
    scope_unref(scope);
}

bool scope_is_live(const struct scope *scope)
{
    return !scope->entry;
}

struct view *scope_view(const struct scope *scope)
{
    return scope->view;
}

uint64_t scope_backup_id(const struct scope *scope)
{
    return scope->entry ? scope->entry->id : 0;
}

int scope_mtime(struct scope *scope, int64_t *ret_mtime_ns, struct err *err)
{
    if (scope->entry) {
        *ret_mtime_ns = scope->entry->started_ns;
        return 0;
    }
    if (scope_shared_mtime(scope->view, ret_mtime_ns))
        return 0;
    int r = source_changed(view_source(scope->view), ret_mtime_ns, err);
    if (r == 0)
        scope_shared_note_mtime(scope->view, *ret_mtime_ns);
    return r;
}

static int scope_open_backup(struct scope *scope, struct opened *opened, struct err *err)
{
    struct snapshot *snapshot = NULL;
    int r = entry_snapshot_get(scope->entry, &snapshot, err);
    if (r < 0)
        return r;
    r = database_open_snapshot(snapshot, &opened->database, err);
    if (r < 0) {
        entry_snapshot_put(scope->entry);
        return r;
    }
    opened->entry = entry_ref(scope->entry);
    return 0;
}

static int scope_open(struct scope *scope, struct opened **ret_opened, struct err *err)
{
    struct opened *opened = calloc(1, sizeof(*opened));
    int r = 0;
    if (!opened)
        return err_set(err, ENOMEM, "tables: out of memory");
    if (scope->entry)
        r = scope_open_backup(scope, opened, err);
    else
        r = database_open(view_source(scope->view), &opened->database, err);
    if (r < 0)
        free(opened);
    else
        *ret_opened = opened;
    return r;
}

static void scope_limit(struct database *database, const atomic_bool *cancel)
{
    database_limit(database, cancel, clock_monotonic_ns() + DEADLINE_NS);
}

static int scope_begin(struct opened *opened, const atomic_bool *cancel, struct err *err)
{
    scope_limit(opened->database, cancel);
    return database_begin(opened->database, err);
}

int scope_use(struct scope *scope, const atomic_bool *cancel, struct database **ret_database,
              struct err *err)
{
    struct scope_pool *pool = scope->view->pool;
    struct opened *opened = NULL;
    int r = -ESTALE;
    if (!cancel)
        cancel = node_cancel();
    struct database *shared = scope->entry ? NULL : scope_shared_take(scope->view);
    if (shared) {
        scope_limit(shared, cancel);
        *ret_database = shared;
        return 0;
    }
    while (r == -ESTALE && (opened = scope_pool_take(pool, scope_backup_id(scope)))) {
        r = scope_begin(opened, cancel, err);
        if (r < 0)
            opened_close(opened);
    }
    if (r == -ESTALE) {
        r = scope_open(scope, &opened, err);
        if (r < 0)
            return r;
        r = scope_begin(opened, cancel, err);
        if (r < 0)
            opened_close(opened);
    }
    if (r < 0)
        return r;
    scope_pool_lend(pool, opened);
    if (!scope->entry)
        scope_shared_note(scope->view, opened->database);
    *ret_database = opened->database;
    return 0;
}

void scope_done(struct scope *scope, struct database *database)
{
    database_limit(database, NULL, 0);
    if (!scope->entry && scope_shared_keep(scope->view, database))
        return;
    database_end(database);
    scope_pool_give(scope->view->pool, database);
}

void scope_renew(struct scope *scope)
{
    if (!scope->entry)
        scope_shared_drop(scope->view);
}

int scope_past_use(struct view *view, const struct backup_entry *backup, struct scope **ret_scope,
                   struct database **ret_database, struct err *err)
{
    struct entry *entry = NULL;
    struct scope *scope = NULL;
    int r = entry_new(view, backup, &entry, err);
    if (r == 0)
        r = scope_backup(entry, &scope, err);
    if (r == 0)
        r = scope_use(scope, NULL, ret_database, err);
    entry_unref(entry);
    if (r < 0)
        scope_unref(scope);
    else
        *ret_scope = scope;
    return r;
}
