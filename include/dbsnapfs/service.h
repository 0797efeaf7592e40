/*
 * The verbs: what can be done with a database and its repository.
 *
 * One writer at a time: commands that change the repository (backup, verify) queue up in
 * the order they came and run in their caller's thread; `cancel` runs at once. Any thread
 * may call anything here.
 */
#ifndef DBSNAPFS_SERVICE_H
#define DBSNAPFS_SERVICE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dbsnapfs/codec.h"

struct buf;
struct err;
struct repo;
struct service;
struct source;

struct service_config {
    const char *source;      /* PATH or URL */
    const char *repo;        /* NULL: the database's path with ".backups" behind it */
    const char *mount_point; /* NULL: no mount; noted in the repository's lock */
    bool read_only;          /* no command that writes; takes no lock */
    bool wait;               /* for another writer of the repository, instead of -EBUSY */
    bool source_optional;    /* the database may be missing: only backups are looked at */
    struct codec_choice compress;
    size_t cache_bytes; /* 0: the store's default */
};

int service_new(const struct service_config *config, struct service **ret_service, struct err *err);
void service_free(struct service *service); /* cancels and waits for what runs */

struct repo *service_repo(struct service *service);
struct source *service_source(struct service *service);
const char *service_mount_point(struct service *service); /* NULL: none */

/* The repository's path for a source, when `-o repo=` does not say: heap string. */
int service_default_repo(const char *source_spec, char **ret_path, struct err *err);

/*
 * Runs one command line (`VERB [NAME] [key=value …]`, shell-like quotes, no newline) and
 * returns 0 or a negative errno. `out` gets the result as the control file shows it: a first
 * line `ok …` or `error: …`, details in further lines. `cancel`, if given, is polled: true
 * ends the command with -ECANCELED and nothing done. Empty lines and lines that begin with
 * # do nothing. Verbs here: backup, verify, cancel, help.
 */
int service_command(struct service *service, const char *line, size_t len,
                    const atomic_bool *cancel, struct buf *out);

/* The last result that service_command() gave to anyone: what reading `control` shows. */
void service_last_result(struct service *service, struct buf *out);

/* Cancels the running command and refuses (-ESHUTDOWN) those that wait and come. */
void service_stop(struct service *service);

/* What it is doing now and totals: as text for people and as JSON. */
int service_status(struct service *service, struct buf *out, struct err *err);
int service_status_json(struct service *service, struct buf *out, struct err *err);

/* How far the running command is; `active` false when nothing runs. */
struct service_progress {
    bool active;
    char verb[16];
    uint64_t done_bytes, total_bytes; /* total 0: not known yet */
    int64_t started_ns;               /* monotonic clock */
};
void service_progress(struct service *service, struct service_progress *ret_progress);

/* The log, one line an operation, oldest first. */
int service_log(struct service *service, struct buf *out, struct err *err);

#endif
