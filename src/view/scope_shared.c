/*
 * A listing of a hundred names with their attributes is one request of two hundred uses, and each was
 * a transaction and some system calls. Any state since the request began is right for it; an older one
 * never is: so what is given back is kept only if it began here, since a file that has long been open
 * has its database from earlier.
 *
 * Where there is no WAL a state keeps writers waiting. Therefore it never outlives the request, and in
 * a long one it is not kept for longer than KEPT_NS: writers get in between the uses then.
 */
#include "scope_shared.h"

#include <stdlib.h>

#include "context.h"
#include "dbsnapfs/source/database.h"
#include "dbsnapfs/tree.h"
#include "dbsnapfs/util/clock.h"
#include "scope_pool.h"

#define KEPT_NS (100 * INT64_C(1000000))

struct shared {
    struct view *view;           /* held */
    struct database *kept;       /* begun, and nobody's */
    const struct database *ours; /* the last that began in this request … */
    int64_t begun_ns;            /* … and when */
    bool has_mtime;
    int64_t mtime_ns;
};

static void end_kept(struct shared *shared)
{
    if (shared->kept) {
        database_end(shared->kept);
        scope_pool_give(shared->view->pool, shared->kept);
    }
    shared->kept = NULL;
    shared->ours = NULL;
}

static void shared_free(void *kept)
{
    struct shared *shared = kept;
    end_kept(shared);
    view_unref(shared->view);
    free(shared);
}

/* NULL: nothing is kept. */
static struct shared *shared_find(const struct view *view)
{
    const struct node_place *place = node_shared();
    if (!place || place->free != shared_free)
        return NULL;
    struct shared *shared = place->kept;
    return shared->view == view ? shared : NULL;
}

/* NULL: nothing can be kept. */
static struct shared *shared_get(struct view *view)
{
    struct node_place *place = node_shared();
    if (!place || place->free)
        return shared_find(view);
    struct shared *shared = calloc(1, sizeof(*shared));
    if (!shared)
        return NULL;
    shared->view = view_ref(view);
    *place = (struct node_place){shared, shared_free};
    return shared;
}

struct database *scope_shared_take(struct view *view)
{
    struct shared *shared = shared_find(view);
    if (!shared || !shared->kept)
        return NULL;
    if (!database_has_begun(shared->kept) || clock_monotonic_ns() > shared->begun_ns + KEPT_NS)
        end_kept(shared);
    struct database *database = shared->kept;
    shared->kept = NULL;
    return database;
}

void scope_shared_note(struct view *view, const struct database *database)
{
    struct shared *shared = shared_get(view);
    if (!shared)
        return;
    shared->ours = database;
    shared->begun_ns = clock_monotonic_ns();
}

bool scope_shared_keep(struct view *view, struct database *database)
{
    struct shared *shared = shared_find(view);
    if (!shared || shared->kept || shared->ours != database)
        return false;
    shared->kept = database;
    return true;
}

void scope_shared_drop(struct view *view)
{
    struct shared *shared = shared_find(view);
    if (shared)
        end_kept(shared);
}

bool scope_shared_mtime(struct view *view, int64_t *ret_mtime_ns)
{
    const struct shared *shared = shared_find(view);
    if (!shared || !shared->has_mtime)
        return false;
    *ret_mtime_ns = shared->mtime_ns;
    return true;
}

void scope_shared_note_mtime(struct view *view, int64_t mtime_ns)
{
    struct shared *shared = shared_get(view);
    if (!shared)
        return;
    shared->has_mtime = true;
    shared->mtime_ns = mtime_ns;
}
