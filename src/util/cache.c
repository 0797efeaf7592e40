/*
 * A hash table of entries, and a list of those that nobody holds, least recently used first.
 *
 * One lock guards everything but the values. An entry goes through these states:
 *
 *     loading   in the table; its one loader runs without the lock, others wait on `loaded`
 *     held      in the table, references > 0, not in the list
 *     idle      in the table and in the list: what eviction takes from
 *     dropped   out of the table while held (its load failed, or it is larger than the
 *               cache); freed by the last release
 *
 * Bytes are counted for everything in the table. Held entries cannot be evicted, so the
 * bound can be passed by what callers hold at once, never by what they held before.
 */
#include "dbsnapfs/util/cache.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "dbsnapfs/util/err.h"

#define CACHE_BUCKETS 4096u /* a power of two */

struct cache_ref {
    struct cache_key key;
    struct cache_ref *chain;         /* next in its bucket */
    struct cache_ref *newer, *older; /* in the idle list */
    void *value;                     /* written once, before `loading` ends */
    size_t bytes;
    unsigned references;
    bool loading;
    bool in_table;
    int code; /* why the load failed */
    struct err err;
};

struct cache {
    pthread_mutex_t lock;
    pthread_cond_t loaded;
    const struct cache_ops *ops;
    size_t max_bytes;
    struct cache_stats stats; /* protected by lock, like all below */
    struct cache_ref *oldest, *newest;
    struct cache_ref *buckets[CACHE_BUCKETS];
};

static struct cache_ref **cache_bucket(struct cache *cache, struct cache_key key)
{
    uint64_t h = (key.a ^ (key.b * 0x9e3779b97f4a7c15u)) * 0xbf58476d1ce4e5b9u;

    return &cache->buckets[(h >> 40) & (CACHE_BUCKETS - 1)];
}

static struct cache_ref *cache_find(struct cache *cache, struct cache_key key)
{
    struct cache_ref *e = *cache_bucket(cache, key);

    while (e && (e->key.a != key.a || e->key.b != key.b))
        e = e->chain;
    return e;
}

static void cache_idle_add(struct cache *cache, struct cache_ref *e)
{
    e->newer = NULL;
    e->older = cache->newest;
    if (cache->newest)
        cache->newest->newer = e;
    else
        cache->oldest = e;
    cache->newest = e;
}

static void cache_idle_remove(struct cache *cache, struct cache_ref *e)
{
    if (e->newer)
        e->newer->older = e->older;
    else
        cache->newest = e->older;
    if (e->older)
        e->older->newer = e->newer;
    else
        cache->oldest = e->newer;
}

static void cache_table_remove(struct cache *cache, struct cache_ref *e)
{
    struct cache_ref **at = cache_bucket(cache, e->key);

    while (*at != e)
        at = &(*at)->chain;
    *at = e->chain;
    e->in_table = false;
    cache->stats.bytes -= e->bytes;
}

static void cache_entry_free(struct cache *cache, struct cache_ref *e)
{
    if (e->value)
        cache->ops->free(e->value);
    free(e);
}

/* Takes idle entries out until the bound holds; returns them linked by `chain`, to be freed
 * without the lock. */
static struct cache_ref *cache_evict(struct cache *cache, size_t max_bytes)
{
    struct cache_ref *gone = NULL;

    while (cache->oldest && cache->stats.bytes > max_bytes) {
        struct cache_ref *e = cache->oldest;

        cache_idle_remove(cache, e);
        cache_table_remove(cache, e);
        e->chain = gone;
        gone = e;
    }
    return gone;
}

static void cache_free_chain(struct cache *cache, struct cache_ref *gone)
{
    while (gone) {
        struct cache_ref *next = gone->chain;

        cache_entry_free(cache, gone);
        gone = next;
    }
}

int cache_new(size_t max_bytes, const struct cache_ops *ops, struct cache **ret_cache,
              struct err *err)
{
    struct cache *cache = calloc(1, sizeof(*cache));

    if (!cache)
        return err_set(err, ENOMEM, "out of memory for a cache");
    pthread_mutex_init(&cache->lock, NULL);
    pthread_cond_init(&cache->loaded, NULL);
    cache->ops = ops;
    cache->max_bytes = max_bytes;
    *ret_cache = cache;
    return 0;
}

void cache_free(struct cache *cache)
{
    if (!cache)
        return;
    cache_clear(cache);
    pthread_cond_destroy(&cache->loaded);
    pthread_mutex_destroy(&cache->lock);
    free(cache);
}

void cache_clear(struct cache *cache)
{
    struct cache_ref *gone;

    pthread_mutex_lock(&cache->lock);
    gone = cache_evict(cache, 0);
    pthread_mutex_unlock(&cache->lock);
    cache_free_chain(cache, gone);
}

/* A new entry in the loading state, held by the caller. The lock is held. */
static struct cache_ref *cache_insert(struct cache *cache, struct cache_key key)
{
    struct cache_ref *e = calloc(1, sizeof(*e));
    struct cache_ref **bucket = cache_bucket(cache, key);

    if (!e)
        return NULL;
    e->key = key;
    e->references = 1;
    e->loading = true;
    e->in_table = true;
    e->chain = *bucket;
    *bucket = e;
    return e;
}

/* Runs the loader and ends the loading state. Called and returns without the lock. */
static void cache_load(struct cache *cache, struct cache_ref *e, void *context)
{
    void *value = NULL;
    size_t bytes = 0;
    struct err err = ERR_INIT;
    int code = cache->ops->load(context, e->key, &value, &bytes, &err);
    struct cache_ref *gone;

    pthread_mutex_lock(&cache->lock);
    if (code) {
        e->code = code;
        e->err = err;
        cache_table_remove(cache, e);
    } else {
        e->value = value;
        e->bytes = bytes + sizeof(*e);
        cache->stats.bytes += e->bytes;
        if (e->bytes > cache->max_bytes)
            cache_table_remove(cache, e);
    }
    e->loading = false;
    pthread_cond_broadcast(&cache->loaded);
    gone = cache_evict(cache, cache->max_bytes);
    pthread_mutex_unlock(&cache->lock);
    cache_free_chain(cache, gone);
}

/* Holds an entry that is in the table, and waits until it is loaded, or not. The lock is held. */
static void cache_hold(struct cache *cache, struct cache_ref *e)
{
    cache->stats.hits++;
    if (e->references++ == 0)
        cache_idle_remove(cache, e);
    while (e->loading)
        pthread_cond_wait(&cache->loaded, &cache->lock);
}

int cache_get(struct cache *cache, struct cache_key key, void *context, struct cache_ref **ret_ref,
              struct err *err)
{
    struct cache_ref *e;
    int code;

    pthread_mutex_lock(&cache->lock);
    e = cache_find(cache, key);
    if (e) {
        cache_hold(cache, e);
        pthread_mutex_unlock(&cache->lock);
    } else {
        cache->stats.misses++;
        e = cache_insert(cache, key);
        pthread_mutex_unlock(&cache->lock);
        if (!e)
            return err_set(err, ENOMEM, "out of memory");
        cache_load(cache, e, context);
    }
    code = e->code;
    if (code) {
        if (err)
            *err = e->err;
        cache_release(cache, e);
        return code;
    }
    *ret_ref = e;
    return 0;
}

struct cache_ref *cache_peek(struct cache *cache, struct cache_key key)
{
    struct cache_ref *e;

    pthread_mutex_lock(&cache->lock);
    e = cache_find(cache, key);
    if (e)
        cache_hold(cache, e);
    pthread_mutex_unlock(&cache->lock);
    if (!e || !e->code)
        return e;
    cache_release(cache, e);
    return NULL;
}

void *cache_value(const struct cache_ref *ref)
{
    return ref->value;
}

void cache_release(struct cache *cache, struct cache_ref *ref)
{
    struct cache_ref *gone = NULL;

    if (!ref)
        return;
    pthread_mutex_lock(&cache->lock);
    if (--ref->references == 0) {
        if (ref->in_table) {
            cache_idle_add(cache, ref);
            gone = cache_evict(cache, cache->max_bytes);
        } else {
            ref->chain = NULL;
            gone = ref;
        }
    }
    pthread_mutex_unlock(&cache->lock);
    cache_free_chain(cache, gone);
}

void cache_stats(struct cache *cache, struct cache_stats *ret_stats)
{
    pthread_mutex_lock(&cache->lock);
    *ret_stats = cache->stats;
    pthread_mutex_unlock(&cache->lock);
}
