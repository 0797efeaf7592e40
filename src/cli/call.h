/*
 * One call of the program: what its verbs share.
 */
#ifndef CLI_CALL_H
#define CLI_CALL_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/options.h"

struct buf;
struct err;
struct node;
struct service;

enum { STATUS_FINE = 0, STATUS_FAILURE = 1, STATUS_USAGE = 2 };

struct call {
    const struct options *options;
    const char *verb;
    size_t count; /* of what stands behind the verb */
    char **args;
};

/* A verb of the command line that is none of the service's. Returns the exit status. */
struct cli_verb {
    const char *name, *usage, *help;
    size_t min_args, max_args;
    int (*run)(const struct call *call);
};

extern const struct cli_verb list_verb, show_verb, cat_verb, extract_verb, repair_verb;

int entries_run(const struct call *call); /* list SOURCE PATH */
int mount_run(const struct call *call);
int verb_run(const struct call *call); /* a verb of the service's */

/* ---- what a verb says ---- */

/* Prints `dbsnapfs: MESSAGE` and returns STATUS_FAILURE; a broken pipe is kept quiet about. */
int call_fail(const struct err *err);
/* The same for a call that cannot be understood: STATUS_USAGE. */
int call_misused(const struct call *call, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Writes to standard output. */
int call_write(const void *bytes, size_t len, struct err *err);
int call_print(const struct buf *text, struct err *err);
/* Appends text that came from somewhere, without what could steer a terminal. */
void call_add_clean(struct buf *out, const char *text);

/* ---- what a verb opens ---- */

/* The path of the source's repository: heap string. */
int call_repo_path(const struct call *call, const char **ret_path, char **ret_heap,
                   struct err *err);
/* Waits for a mount that is just ending, to have its repository; whether it has ended shows when that
 * is opened. */
void call_await_end(const char *repo);
/* Opens the repository of args[0] to look at its backups; the database may be missing. */
int call_open(const struct call *call, struct service **ret_service, struct err *err);
/* Looks up args[1], a path of the tree, and hands what is there to `use`. Failures are told, with the
 * path where it was found. Returns the exit status. */
int call_use_node(const struct call *call,
                  int (*use)(void *arg, struct node *node, struct err *err), void *arg);

#endif
