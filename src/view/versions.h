/*
 * The versions of a row: the backups in which it came, became another, or went.
 *
 * Any thread may call. What has been found out is kept; asking again looks only at backups that
 * came since.
 */
#ifndef DBSNAPFS_SRC_VIEW_VERSIONS_H
#define DBSNAPFS_SRC_VIEW_VERSIONS_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct versions;
struct versions_cache;
struct view;

struct version {
    enum {
        VERSION_ROW,       /* the row came, or is another than before */
        VERSION_GONE,      /* it is not there any more */
        VERSION_UNREADABLE /* the backup is damaged where the row would be */
    } kind;
    uint64_t backup_id;
    int64_t started_ns;
    char backup[40]; /* the backup's name */
    char before[40]; /* the last backup that had the row; of VERSION_GONE */
    char *why;       /* of VERSION_UNREADABLE */
};

/* The last few rows that were asked for. */
int versions_cache_new(struct versions_cache **ret_cache, struct err *err);
void versions_cache_free(struct versions_cache *cache); /* NULL is fine */

/* Of the row called `key` below rows/ of the table called `table` below tables/. */
int versions_get(struct view *view, const char *table, const char *key,
                 struct versions **ret_versions, struct err *err);
struct versions *versions_ref(struct versions *versions);
void versions_unref(struct versions *versions); /* NULL is fine */

/* How many backups were opened for it, for tests, which count work; locked as by versions_look(). */
uint64_t versions_opened(const struct versions *versions);

const char *versions_key(const struct versions *versions);

/* Looks at what is new and locks the versions until versions_done(). `ret_versions` is the oldest
 * of `ret_count`. */
int versions_look(struct versions *versions, const struct version **ret_versions, size_t *ret_count,
                  struct err *err);
void versions_done(struct versions *versions);

#endif
