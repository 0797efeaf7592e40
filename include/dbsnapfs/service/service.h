/*
 * The verbs: what can be done with a database and its repository.
 *
 * One writer at a time: commands that change the repository (backup, verify) queue up in
 * the order they came and run in their caller's thread; `cancel` runs at once. Any thread
 * may call anything here.
 */
#ifndef DBSNAPFS_SERVICE_SERVICE_H
#define DBSNAPFS_SERVICE_SERVICE_H

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
    const char *holder;      /* who holds the lock without a mount: "dbsnapfs backup" */
    bool read_only;          /* no command that writes; takes no lock */
    bool wait;               /* for another writer of the repository, instead of -EBUSY */
    bool source_optional;    /* the database is not looked at: it may be missing or damaged */
    bool repo_optional;      /* read-only: if there is no repository, there are no backups */
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

/*
 * The same verbs as a table, for help and for programs that offer them. A key's `value` is
 * NULL for a bare word (`if-changed`), a name in capitals for any text (`note=TEXT`), or the
 * only text there is (`wait=no`).
 */
struct service_key {
    const char *name, *value, *help;
};
struct service_verb {
    const char *name;
    const char *argument;           /* "[BACKUP|all]", NULL: takes none */
    const char *help;               /* what it does, in a line */
    const struct service_key *keys; /* ends with a NULL name; NULL: none */
};
const struct service_verb *service_verb_at(size_t index); /* NULL behind the last */

/* Notes a line that cannot be a command at all (too long, a NUL byte) as service_command()
 * notes a command that failed, with a positive errno; `out` gets the result. */
void service_refuse(struct service *service, int code, const char *text, struct buf *out);

/* Is this a line that service_command() would run? -EINVAL with its message if not. */
int service_check_line(const char *line, size_t len, struct err *err);

/* Appends `word` as service_command() reads it back; newlines cannot be quoted. */
void service_quote(struct buf *out, const char *word);

/* Notes a failure that no command had, in the log and for status; `what` was being done. */
void service_note(struct service *service, const char *what, const struct err *err);

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

/* "backup  43 %  451.2 MiB of 1.0 GiB  612.0 MiB/s  1 s left" as of `now_ns`, monotonic */
void service_progress_text(const struct service_progress *progress, int64_t now_ns,
                           struct buf *out);

/* The log, one line an operation, oldest first. */
int service_log(struct service *service, struct buf *out, struct err *err);

#endif
