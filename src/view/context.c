/*
 * What the nodes of one tree share: the service, and facts about backups that cost time to
 * work out. The kernel may drop a node whenever it likes and ask for it again; the facts
 * survive that. They are few bytes each in a fixed table, where a newer one takes the place
 * of an older one with the same remainder.
 */
#include "context.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/service/service.h"
#include "dbsnapfs/store/repo.h"
#include "dbsnapfs/util/clock.h"
#include "dbsnapfs/util/err.h"
#include "dbsnapfs/util/pool.h"
#include "dbsnapfs/view.h"
#include "holder.h"
#include "rendered.h"
#include "renderings.h"
#include "scope_pool.h"
#include "sizes.h"
#include "versions.h"

#define HELD_BY_BACKUPS 16 /* databases of backups that open files hold */

int view_new(struct service *service, struct view **ret_view, struct err *err)
{
    struct view *view = calloc(1, sizeof(*view));
    if (!view)
        return err_set(err, ENOMEM, "tree: out of memory");
    atomic_init(&view->references, 1);
    view->service = service;
    view->started_ns = clock_now_ns();
    view->live_timeout_s = VIEW_LIVE_TIMEOUT_S;
    pthread_mutex_init(&view->lock, NULL);
    int r = scope_pool_new(NULL, &view->pool, err);
    if (r == 0)
        r = holders_new(HELD_BY_BACKUPS, &view->holders, err);
    if (r == 0)
        r = renderings_new(&view->renderings, err);
    if (r == 0)
        r = sizes_new(RENDERED_NS, &view->sizes, err);
    if (r == 0)
        r = versions_cache_new(&view->versions, err);
    if (r == 0)
        r = pool_new(pool_processors(), &view->makers, err);
    if (r < 0) {
        view_unref(view);
        return r;
    }
    *ret_view = view;
    return 0;
}

struct view *view_ref(struct view *view)
{
    atomic_fetch_add_explicit(&view->references, 1, memory_order_relaxed);
    return view;
}

void view_unref(struct view *view)
{
    if (!view || atomic_fetch_sub_explicit(&view->references, 1, memory_order_acq_rel) != 1)
        return;
    pool_free(view->makers);
    versions_cache_free(view->versions);
    sizes_free(view->sizes);
    renderings_free(view->renderings);
    holders_free(view->holders);
    scope_pool_free(view->pool);
    pthread_mutex_destroy(&view->lock);
    free(view);
}

void view_close(void *context)
{
    struct view *view = context;
    holders_close(view->holders);
    scope_pool_close(view->pool);
    view_unref(view);
}

void view_release(void *view)
{
    view_unref(view);
}

struct repo *view_repo(const struct view *view)
{
    return service_repo(view->service);
}

struct source *view_source(const struct view *view)
{
    return service_source(view->service);
}

/* The slot of `id`, emptied if another backup had it; the caller holds the lock. */
static struct view_fact *fact_slot(struct view *view, uint64_t id)
{
    struct view_fact *fact = &view->facts[id % VIEW_FACTS];
    if (fact->id != id)
        *fact = (struct view_fact){.id = id};
    return fact;
}

bool view_schema_bytes(struct view *view, uint64_t id, uint64_t *ret_bytes)
{
    pthread_mutex_lock(&view->lock);
    const struct view_fact *fact = &view->facts[id % VIEW_FACTS];
    bool known = fact->id == id && fact->has_schema_bytes;
    if (known)
        *ret_bytes = fact->schema_bytes;
    pthread_mutex_unlock(&view->lock);
    return known;
}

void view_note_schema_bytes(struct view *view, uint64_t id, uint64_t bytes)
{
    pthread_mutex_lock(&view->lock);
    struct view_fact *fact = fact_slot(view, id);
    fact->schema_bytes = bytes;
    fact->has_schema_bytes = true;
    pthread_mutex_unlock(&view->lock);
}

bool view_sha256(struct view *view, uint64_t id, char ret_hex[SHA256_HEX_BYTES])
{
    pthread_mutex_lock(&view->lock);
    const struct view_fact *fact = &view->facts[id % VIEW_FACTS];
    bool known = fact->id == id && fact->sha256[0];
    if (known)
        memcpy(ret_hex, fact->sha256, SHA256_HEX_BYTES);
    pthread_mutex_unlock(&view->lock);
    return known;
}

void view_note_sha256(struct view *view, uint64_t id, const char *hex)
{
    pthread_mutex_lock(&view->lock);
    memcpy(fact_slot(view, id)->sha256, hex, SHA256_HEX_BYTES);
    pthread_mutex_unlock(&view->lock);
}
