/*
 * What the nodes of one tree share.
 */
#ifndef DBSNAPFS_SRC_VIEW_CONTEXT_H
#define DBSNAPFS_SRC_VIEW_CONTEXT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "dbsnapfs/util/sha256.h"

struct err;
struct holders;
struct node;
struct pool;
struct renderings;
struct repo;
struct scope_pool;
struct service;
struct sizes;
struct source;
struct versions_cache;

#define VIEW_FACTS 1024 /* backups of which something is remembered */

/* What was worked out about a backup and does not change. */
struct view_fact {
    uint64_t id;           /* 0: an empty slot */
    uint64_t schema_bytes; /* of schema.sql */
    bool has_schema_bytes;
    char sha256[SHA256_HEX_BYTES]; /* of database.sqlite, or "" */
};

struct view {
    atomic_uint references;
    struct service *service;
    int64_t started_ns;
    int64_t live_timeout_s;
    struct scope_pool *pool; /* fixed, as is what follows; each has a lock of its own */
    struct holders *holders;
    struct pool *makers; /* of text that is read next */
    struct renderings *renderings;
    struct sizes *sizes;
    struct versions_cache *versions;
    pthread_mutex_t lock;
    struct view_fact facts[VIEW_FACTS]; /* protected by lock; by id, modulo */
};

int view_new(struct service *service, struct view **ret_view, struct err *err);
struct view *view_ref(struct view *view);
void view_unref(struct view *view);
void view_release(void *view); /* view_unref() as a node's free_context */
/* The root's free_context: gives back what is kept open, then the reference. */
void view_close(void *context);

struct repo *view_repo(const struct view *view);
struct source *view_source(const struct view *view);

/* false when it is not remembered */
bool view_schema_bytes(struct view *view, uint64_t id, uint64_t *ret_bytes);
void view_note_schema_bytes(struct view *view, uint64_t id, uint64_t bytes);
bool view_sha256(struct view *view, uint64_t id, char ret_hex[SHA256_HEX_BYTES]);
void view_note_sha256(struct view *view, uint64_t id, const char *hex);

/* The makers of nodes, as struct node_static_entry takes them; `context` is a struct view. */
int readme_make(void *context, struct node **ret_node, struct err *err);
int control_make(void *context, struct node **ret_node, struct err *err);
int status_make(void *context, struct node **ret_node, struct err *err);
int status_json_make(void *context, struct node **ret_node, struct err *err);
int log_make(void *context, struct node **ret_node, struct err *err);
int live_make(void *context, struct node **ret_node, struct err *err);
int live_image_make(void *context, struct node **ret_node, struct err *err);
int backups_make(void *context, struct node **ret_node, struct err *err);
int history_make(void *context, struct node **ret_node, struct err *err);

#endif
