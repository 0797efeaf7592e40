/*
 * help: the table of verbs as text.
 */
#include <string.h>

#include "service/core.h"

static void add_verb(const struct service_verb *verb, struct buf *out)
{
    struct buf usage = BUF_INIT;

    buf_add_text(&usage, verb->name);
    if (verb->argument)
        buf_addf(&usage, " %s", verb->argument);
    for (const struct service_key *key = verb->keys; key && key->name; key++)
        buf_addf(&usage, " [%s%s%s]", key->name, key->value ? "=" : "",
                 key->value ? key->value : "");
    buf_addf(out, "%s\n    %s\n", buf_text(&usage), verb->help);
    buf_free(&usage);
}

static int help_run(struct service *service, const struct command *command, struct turn *turn,
                    const atomic_bool *cancel, struct result *result, struct err *err)
{
    const struct service_verb *verb;

    (void)service;
    (void)command;
    (void)turn;
    (void)cancel;
    (void)err;
    buf_add_text(&result->line, "commands are");
    for (size_t i = 0; (verb = service_verb_at(i)) != NULL; i++)
        add_verb(verb, &result->details);
    return 0;
}

const struct verb help_verb = {
    .shown = {"help", NULL, "lists the commands", NULL},
    .run = help_run,
};
