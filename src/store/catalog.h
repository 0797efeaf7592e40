/*
 * The catalog: a SQLite database that says what the segments hold. Derived from them, but for
 * the results of checks. A connection is guarded by its own lock, so all functions may be
 * called by several threads.
 */
#ifndef DBSNAPFS_STORE_CATALOG_H
#define DBSNAPFS_STORE_CATALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct backup_entry;
struct buf;
struct catalog;
struct err;
struct repo_totals;

struct catalog_identity {
    uint8_t repo_id[16];
    uint64_t seed;
};

struct catalog_segment {
    uint64_t id; /* = the backup's */
    uint64_t first_frame, frame_count;
    uint64_t index_offset;
    uint64_t bytes;
};

struct catalog_map {
    uint32_t shard;
    uint32_t kind;
    uint64_t offset;
};

/* Opens the file; makes it if `create` and it is not there or empty. -ENOENT, -EBADMSG (damaged),
 * -EPROTONOSUPPORT (newer). */
int catalog_open(const char *path, bool read_only, bool create, struct catalog **ret_catalog,
                 struct err *err);
/* One without backups, in memory: of a repository that is not there. */
int catalog_open_empty(struct catalog **ret_catalog, struct err *err);
void catalog_close(struct catalog *catalog);

/* -ENOENT while it was not set. */
int catalog_identity(struct catalog *catalog, struct catalog_identity *ret_identity,
                     struct err *err);
int catalog_set_identity(struct catalog *catalog, const struct catalog_identity *identity,
                         struct err *err);

/* One transaction: the backup, its segment and its map records. */
int catalog_add(struct catalog *catalog, const struct backup_entry *entry,
                const struct catalog_segment *segment, const struct catalog_map *maps,
                size_t map_count, struct err *err);

/* `name` NULL and id 0: the newest. -ENOENT without a message when there is none. */
int catalog_find(struct catalog *catalog, const char *name, uint64_t id,
                 struct backup_entry *ret_entry, struct err *err);
/* The one before backup `id`; -ENOENT without a message when there is none. */
int catalog_before(struct catalog *catalog, uint64_t id, struct backup_entry *ret_entry,
                   struct err *err);
int catalog_list(struct catalog *catalog, uint64_t after,
                 int (*each)(void *arg, const struct backup_entry *entry), void *arg,
                 struct err *err);
int catalog_totals(struct catalog *catalog, struct repo_totals *ret_totals, struct err *err);

int catalog_segments(struct catalog *catalog,
                     int (*each)(void *arg, const struct catalog_segment *segment), void *arg,
                     struct err *err);

/* The map records of a shard for backup `id`, newest first, up to and with the newest full one;
 * at most `max` (more is -EBADMSG). */
struct catalog_map_place {
    uint64_t backup_id;
    uint32_t kind;
    uint64_t offset;
};
int catalog_map_chain(struct catalog *catalog, uint64_t id, uint32_t shard,
                      struct catalog_map_place *places, size_t max, size_t *ret_count,
                      struct err *err);

int catalog_note_check(struct catalog *catalog, uint64_t id, int64_t time_ns, const char *result,
                       struct err *err);
int catalog_note_sha256(struct catalog *catalog, uint64_t id, const char *hex, struct err *err);

/* Facts: see repo_note_fact(). -ENOENT, without a message, for one that is not known. */
int catalog_note_fact(struct catalog *catalog, uint64_t id, const char *kind, const void *bytes,
                      size_t len, struct err *err);
int catalog_find_fact(struct catalog *catalog, uint64_t id, const char *kind, struct buf *out,
                      struct err *err);

/* PRAGMA integrity_check and the checksum of every page: 0, or -EBADMSG with the first finding. */
int catalog_check(struct catalog *catalog, struct err *err);

#endif
