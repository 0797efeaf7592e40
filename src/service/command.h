/*
 * A command: a line that was understood.
 */
#ifndef SERVICE_COMMAND_H
#define SERVICE_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "dbsnapfs/service/service.h"
#include "dbsnapfs/util/buf.h"
#include "service/words.h"

struct command;
struct turn;

/* What a command has to say for itself. */
struct result {
    struct buf line;    /* stands behind "ok " */
    struct buf details; /* further lines, each ending in a newline */
    struct buf logged;  /* what the log says instead of `line`; empty: `line` itself */
};

/* A verb: what people see of it, how it runs, and the function that does it. */
struct verb {
    struct service_verb shown;
    bool queued; /* takes turns with others */
    bool writes; /* is refused where nothing may be written */
    /* `turn` is NULL for a verb that is not queued, `cancel` then the caller's flag or NULL. */
    int (*run)(struct service *service, const struct command *command, struct turn *turn,
               const atomic_bool *cancel, struct result *result, struct err *err);
};

/* A new verb is a file with one of these, and a line in command.c. */
extern const struct verb backup_verb;
extern const struct verb verify_verb;
extern const struct verb cancel_verb;
extern const struct verb help_verb;

/* Keys that every queued verb has; turns.h says what they do. */
#define COMMAND_QUEUE_KEYS                                               \
    {"wait", "no", "return at once; the result goes to status and log"}, \
    {                                                                    \
        "nowait", NULL, "fail if another command is running"             \
    }

#define COMMAND_MAX_KEYS 16

struct command {
    const struct verb *verb;              /* NULL: an empty line or a comment */
    struct words words;                   /* owns all text below */
    const char *name;                     /* NULL: none was given */
    const char *values[COMMAND_MAX_KEYS]; /* as the verb's keys; NULL: not given */
};

/* -EINVAL with a message that names the word and what is known instead. */
int command_parse(const char *line, size_t len, struct command *ret_command, struct err *err);
void command_release(struct command *command);

/* The value of a key, "" for a bare word; NULL when it was not given. */
const char *command_value(const struct command *command, const char *key);

#endif
