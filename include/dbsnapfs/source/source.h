/*
 * Live databases: one interface, one folder a database system. SQLite today.
 *
 * A source is a name until it is used: every call opens the database anew and closes it
 * again, so a database that is replaced by rename is followed, and none is held open. Every
 * connection is defensive, lets a schema do nothing that has side effects, and does not checkpoint
 * on close: looking at a database does not change it. Calls may come from several threads at once.
 *
 * Errors: -ENOENT, -EISDIR, -EACCES, -EMEDIUMTYPE (not a database, or encrypted), -EBADMSG
 * (damaged), -EBUSY (locked for longer than the busy timeout), -ECANCELED, -ENOSPC; all with
 * a message that names the file and what to do.
 */
#ifndef DBSNAPFS_SOURCE_H
#define DBSNAPFS_SOURCE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;
struct snapshot;
struct snapshot_stream;
struct source;

/* PATH, sqlite:///relative, sqlite:////absolute. Other schemes: -EPROTONOSUPPORT. The path
 * is made absolute; neither the file nor its directory need exist. */
int source_new(const char *spec, struct source **ret_source, struct err *err);
void source_free(struct source *source);

const char *source_path(const struct source *source); /* absolute */

/* Opens the database, reads its schema and closes it: the errors above, or 0. */
int source_check(struct source *source, struct err *err);

struct source_info {
    uint32_t page_size;
    uint64_t image_bytes; /* of a copy taken now */
    bool wal;             /* writers are not blocked by readers */
    int64_t changed_ns;   /* mtime of the newest of database and -wal, unless that is empty */
};
int source_info(struct source *source, struct source_info *ret_info, struct err *err);
/* changed_ns alone, without opening the database: for what is asked often. */
int source_changed(struct source *source, int64_t *ret_changed_ns, struct err *err);

/*
 * How the database's files look from outside, likewise: a number made of device, inode, size and
 * mtime of each. Equal numbers mean equal content, if `changed_ns` (the newest mtime) lay some
 * seconds back already, and unless `has_wal` (something is in the -wal file): what is written there
 * gets its mtime before readers see it, by as long as the disk takes.
 */
struct source_stamp {
    uint64_t number;
    int64_t changed_ns;
    bool has_wal;
};
int source_stamp(struct source *source, struct source_stamp *ret_stamp, struct err *err);

/* Where a capture goes. Each put holds whole blocks of max(page_size, 4096) bytes, but for
 * the image's end. Offsets ascend and gaps are zeros; only block 0, with the page that SQLite
 * writes last, comes last. */
struct source_sink {
    void *arg;
    /* Once, before the first put. `settings` is a JSON object of the database's settings:
     * page_size, page_count, encoding, journal_mode, auto_vacuum, user_version,
     * application_id, sqlite_version, …; copy it if it is to be kept. */
    int (*begin)(void *arg, const struct source_info *info, const char *settings, struct err *err);
    int (*put)(void *arg, uint64_t offset, const void *bytes, size_t len, struct err *err);
};

/*
 * Streams one consistent state of the database into `sink`, byte for byte what SQLite's
 * online backup writes, and returns its size. In WAL mode no writer waits. A non-zero
 * `*cancel` ends it with -ECANCELED.
 */
int source_capture(struct source *source, const struct source_sink *sink, const atomic_bool *cancel,
                   uint64_t *ret_image_bytes, struct err *err);

/* What kind of page this is, for a guess at which ones look alike: same number, same kind. Takes any
 * bytes. */
typedef uint32_t source_page_kind(const void *page, size_t len);
source_page_kind *source_kind_of_page(const struct source *source);

/* The schema as SQL text that can be read back, each statement ending in ";\n", tables
 * first, then indexes, views and triggers; of the live database, and of a backup. */
int source_schema(struct source *source, struct buf *out, struct err *err);
int source_snapshot_schema(struct snapshot *snapshot, struct buf *out, struct err *err);

/* Appends the library that reads databases, and its version: "sqlite 3.40.1". */
void source_library(struct buf *out);

/* Somebody has read these bytes of a backup's image through the stream: if they are a page that
 * names others, the stream is told that those are read next. Takes any bytes, and costs next to nothing
 * for most. */
void source_foresee(const struct snapshot *snapshot, struct snapshot_stream *stream,
                    uint64_t offset, const void *bytes, size_t len);

/*
 * PRAGMA quick_check (or integrity_check and foreign_key_check if `deep`) on a backup's image
 * through the store. `out` gets "ok" or the first findings, a line each. Returns 0 when the check could
 * run; -EBADMSG, with the store's message, when what was stored is damaged.
 */
int source_snapshot_check(struct snapshot *snapshot, bool deep, const atomic_bool *cancel,
                          struct buf *out, struct err *err);

#endif
