/*
 * The repository: backups of one database in a directory.
 *
 *     REPO/catalog.sqlite       what is there; derived, repo_rebuild() makes it again
 *     REPO/segments/ID.seg      one backup's new frames, its part of the map, its manifest
 *     REPO/segments/ID.fpr      fingerprints of the newest backup's blocks; derived
 *     REPO/lock                 held by the one writer, names its holder
 *     REPO/log                  one line an operation
 *
 * dbsnapfs-format(5) describes every byte. A backup exists from the moment its segment
 * has its final name; a segment that the catalog does not know (its writer was killed
 * just then, or the catalog was lost) is taken in when the repository is opened for
 * writing. One writer, which the lock sees to, and any number of readers in any number
 * of processes. A `struct repo` may be used by several threads at once.
 */
#ifndef DBSNAPFS_STORE_REPO_H
#define DBSNAPFS_STORE_REPO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dbsnapfs/codec.h"

struct err;
struct repo;

struct repo_options {
    bool read_only;     /* takes no lock, makes and changes nothing */
    bool optional;      /* a reader: one that is not there has no backups */
    bool wait;          /* wait for another writer instead of -EBUSY */
    const char *holder; /* who holds the lock, for others to read: "mount at /mnt/app" */
    const char *source; /* what is backed up, noted in new backups */
    struct codec_choice compress;
    size_t cache_bytes; /* of decoded frames; 0 means 16 MiB */
    unsigned threads;   /* workers; 0 means one a processor */
};

/*
 * Opens the repository at `path`; a writer makes it if it is not there. -ENOENT for a
 * reader of a missing one, unless it is `optional`, -EBUSY with the holder's name if another process writes,
 * -EPROTONOSUPPORT for a newer format, -EBADMSG for a damaged catalog (the message says
 * how to rebuild it).
 */
int repo_open(const char *path, const struct repo_options *options, struct repo **ret_repo,
              struct err *err);
void repo_close(struct repo *repo);

const char *repo_path(const struct repo *repo);
bool repo_read_only(const struct repo *repo);

/* Who holds the lock of the repository at `path`: the text after "held by", or an empty
 * string when nobody does. `ret_mount` gets the mount point when the holder is a mount. */
int repo_holder(const char *path, char *ret_text, size_t text_size, char *ret_mount,
                size_t mount_size);

/* What a backup is. Text members are owned by the entry; free with backup_entry_free(). */
struct backup_entry {
    uint64_t id;   /* 1, 2, … in order of time */
    char name[40]; /* "2026-11-22T12-39-57Z", with -2, -3 within a second */
    int64_t started_ns, finished_ns;
    uint32_t page_size;   /* 0 for an empty database file */
    uint32_t block_size;  /* max(page_size, 4096) */
    uint64_t image_bytes; /* the size of database.sqlite */
    uint64_t block_count;
    uint64_t changed_blocks; /* stored by this backup, deltas included */
    uint64_t delta_blocks;   /* stored as deltas */
    uint64_t stored_bytes;   /* size of the segment */
    uint8_t digest[16];      /* of the contents of all blocks, see the format's page */
    char *note;              /* "" when there is none */
    char *source;            /* path or URL it was taken from */
    char *settings;          /* JSON object: the source's SQLite settings */
    int64_t checked_ns;      /* 0: never; catalog only */
    char *check_result;      /* see below; catalog only */
    char sha256[65];         /* of database.sqlite, "" until computed; catalog only */
};

void backup_entry_free(struct backup_entry *entry); /* its members; NULL is fine */

/*
 * What is known of a backup: "" nothing yet; "ok": every stored byte was read, and the database
 * system found nothing wrong with the image; this prefix and what it found, which no later reading
 * makes better; or else what is damaged of that which was stored.
 */
#define CHECK_FINDING "SQLite: "
/* The last of these. */
bool backup_entry_is_damaged(const struct backup_entry *entry);

/* Looks an entry up by name, or "latest"; -ENOENT with a message that names the newest. */
int repo_find(struct repo *repo, const char *name, struct backup_entry *ret_entry, struct err *err);
int repo_get(struct repo *repo, uint64_t id, struct backup_entry *ret_entry, struct err *err);
/* The newest of those older than backup `id`; -ENOENT, without a message, when there is none. */
int repo_before(struct repo *repo, uint64_t id, struct backup_entry *ret_entry, struct err *err);

/* Entries with id > after, oldest first; `each` returns non-zero to stop (returned). The
 * entry is the callee's to read during the call only. */
int repo_list(struct repo *repo, uint64_t after,
              int (*each)(void *arg, const struct backup_entry *entry), void *arg, struct err *err);

struct repo_totals {
    uint64_t backups;
    uint64_t stored_bytes;  /* all files of the repository that belong to backups */
    uint64_t logical_bytes; /* sum of image_bytes */
    uint64_t newest_id;     /* 0 when there is none */
    int64_t newest_ns;
};
int repo_totals(struct repo *repo, struct repo_totals *ret_totals, struct err *err);

/* Remembers in the catalog what a check of a backup found, or its image's SHA-256. A
 * read-only repository ignores it. */
int repo_note_check(struct repo *repo, uint64_t id, int64_t time_ns, const char *result,
                    struct err *err);
int repo_note_sha256(struct repo *repo, uint64_t id, const char *hex, struct err *err);

/*
 * Facts about a backup that cost much to find out and can be found out again: `kind` names one, what
 * the bytes mean is for who notes it. Another of the same kind takes its place. A read-only
 * repository ignores it. -ENOENT, without a message, for what is not known: it may never have been
 * noted, or the catalog was made again since.
 */
struct buf;
int repo_note_fact(struct repo *repo, uint64_t id, const char *kind, const void *bytes, size_t len,
                   struct err *err);
int repo_find_fact(struct repo *repo, uint64_t id, const char *kind, struct buf *out,
                   struct err *err);

/* The entry as JSON text, ending in a newline: what manifest.json shows. */
int backup_entry_json(const struct backup_entry *entry, struct buf *out);

#endif
