/*
 * What the store's files know of an open repository.
 *
 * Locks, none of which is held while another is taken, but for segments_lock, which is taken
 * under the catalog's:
 *   codecs_lock    the list of idle codecs
 *   segments_lock  the table of segments, which only grows
 * The catalog and the two caches have locks of their own.
 */
#ifndef DBSNAPFS_STORE_REPO_INTERNAL_H
#define DBSNAPFS_STORE_REPO_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "dbsnapfs/codec.h"
#include "dbsnapfs/store/repo.h"
#include "store/catalog.h"
#include "store/format.h"

struct buf;
struct cache;
struct codec;
struct pool;
struct repo_lock;
struct storage;

#define SEGMENT_NAME_BYTES 32

struct repo {
    char *path;
    char *source;
    bool read_only;
    struct codec_choice compress;
    struct repo_lock *lock; /* NULL for a reader */
    struct storage *storage;
    struct catalog *catalog;
    struct catalog_identity identity;
    struct pool *pool;
    unsigned threads;
    struct cache *frames; /* key: frame id, 0; value: struct frame */
    struct cache *shards; /* key: backup id, shard; value: struct shard */

    atomic_int_least64_t last_stream_ns; /* when a stream was last read, monotonic */

    pthread_mutex_t codecs_lock;
    struct codec *idle_codecs[64]; /* protected by codecs_lock */
    size_t idle_codec_count;

    pthread_rwlock_t segments_lock;
    struct catalog_segment *segments; /* protected by segments_lock; ascending ids and frames */
    size_t segment_count, segment_capacity;
};

/* A codec for the calling thread until it is returned. */
int repo_codec_borrow(struct repo *repo, struct codec **ret_codec, struct err *err);
void repo_codec_return(struct repo *repo, struct codec *codec);

/* Does nothing for a segment that is known. */
/* Enters a segment into the table; cannot fail after repo_segment_reserve(). */
int repo_segment_reserve(struct repo *repo, struct err *err);
int repo_segment_add(struct repo *repo, const struct catalog_segment *segment, struct err *err);
/* Takes in what another process has added to the catalog since it was read. */
int repo_refresh_segments(struct repo *repo, struct err *err);
void segment_name(uint64_t id, char ret_name[SEGMENT_NAME_BYTES]);
/* 0 and the id, or -EINVAL for any other name */
int segment_name_parse(const char *name, uint64_t *ret_id);

/* The last frame id given out, 0 for none; and the largest id of any segment, known or not. */
uint64_t repo_last_frame(struct repo *repo);
int repo_last_segment(struct repo *repo, uint64_t *ret_id, struct err *err);

/* A path in the repository: heap string or NULL. */
char *repo_file(const char *path, const char *name);

/* Readers divide by an entry's numbers and make paths of its name: is it one that a writer writes? */
bool backup_entry_makes_sense(const struct backup_entry *entry);

/* The backup_entry that a manifest describes. */
int backup_entry_parse(const char *json, size_t len, struct backup_entry *ret_entry,
                       struct err *err);

#endif
