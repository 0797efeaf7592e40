/*
 * What a database system must offer to be a source.
 *
 * One table of functions for each, in a folder of its own beside this file. A driver keeps
 * no state: every call gets the database's name, opens it, and closes it before it returns.
 * Every slot is required. The comments in dbsnapfs/source/source.h say what each promises.
 */
#ifndef DBSNAPFS_SOURCE_DRIVER_H
#define DBSNAPFS_SOURCE_DRIVER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct database;
struct err;
struct page_comparison;
struct snapshot;
struct snapshot_stream;
struct source_info;
struct source_sink;
struct source_stamp;

struct source_driver {
    const char *scheme; /* of its URLs: "sqlite" for sqlite:// and sqlite+anything:// */
    const char *(*library_version)(void);

    /* What stands behind "scheme://" (or a bare PATH, `url` false) as the name that the other
     * functions get: a heap string. */
    int (*resolve)(const char *text, bool url, char **ret_name, struct err *err);
    int (*check)(const char *name, struct err *err);
    int (*info)(const char *name, struct source_info *ret_info, struct err *err);
    int (*changed)(const char *name, int64_t *ret_changed_ns, struct err *err);
    int (*stamp)(const char *name, struct source_stamp *ret_stamp, struct err *err);
    int (*capture)(const char *name, const struct source_sink *sink, const atomic_bool *cancel,
                   uint64_t *ret_image_bytes, struct err *err);
    uint32_t (*page_kind)(const void *page, size_t len);
    int (*schema)(const char *name, struct buf *out, struct err *err);

    /* Of a backup that this driver's capture made. */
    int (*snapshot_schema)(struct snapshot *snapshot, struct buf *out, struct err *err);
    int (*snapshot_check)(struct snapshot *snapshot, bool deep, const atomic_bool *cancel,
                          struct buf *out, struct err *err);

    void (*foresee)(const struct snapshot *snapshot, struct snapshot_stream *stream,
                    uint64_t offset, const void *bytes, size_t len);

    /* database_open() and database_open_snapshot(); every other function on a database is the
     * driver's own. */
    int (*open_live)(const char *name, struct database **ret_database, struct err *err);
    int (*open_snapshot)(struct snapshot *snapshot, struct database **ret_database,
                         struct err *err);
    /* page_comparison_new(); every other function on a comparison is the driver's own. */
    int (*compare_pages)(struct snapshot *before, struct snapshot *after,
                         struct page_comparison **ret_comparison, struct err *err);
};

extern const struct source_driver sqlite_driver;

#endif
