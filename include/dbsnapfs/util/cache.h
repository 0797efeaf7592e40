/*
 * A cache of loaded values, bounded in bytes, for many threads.
 *
 * cache_get() returns the value of a key, loading it when it is not there; when
 * several threads ask for the same key at once, one loads and the others wait. A
 * value stays alive while somebody holds it, even after it fell out of the cache.
 * The least recently used values fall out first. A value larger than the whole
 * cache is still handed out and dropped on release.
 */
#ifndef DBSNAPFS_UTIL_CACHE_H
#define DBSNAPFS_UTIL_CACHE_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct cache;

struct cache_key {
    uint64_t a, b;
};

struct cache_ops {
    /* Makes the value of `key`; its size in bytes goes to `ret_bytes`. */
    int (*load)(void *context, struct cache_key key, void **ret_value, size_t *ret_bytes,
                struct err *err);
    void (*free)(void *value);
};

struct cache_ref; /* a held value */

int cache_new(size_t max_bytes, const struct cache_ops *ops, struct cache **ret_cache,
              struct err *err);
void cache_free(struct cache *cache); /* nobody may hold a value any more */

int cache_get(struct cache *cache, struct cache_key key, void *context, struct cache_ref **ret_ref,
              struct err *err);
/* The same when the value is there, or somebody loads it already; NULL otherwise. */
struct cache_ref *cache_peek(struct cache *cache, struct cache_key key);
void *cache_value(const struct cache_ref *ref);
void cache_release(struct cache *cache, struct cache_ref *ref); /* NULL is fine */

/* Drops every value that nobody holds. */
void cache_clear(struct cache *cache);

struct cache_stats {
    uint64_t hits, misses;
    size_t bytes;
};
void cache_stats(struct cache *cache, struct cache_stats *ret_stats);

#endif
