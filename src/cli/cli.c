/*
 * The first word decides: a verb, help, or a database to mount. All that is shown about verbs
 * and options comes from the tables that run and parse them.
 */
#include "dbsnapfs/cli.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "cli/call.h"
#include "dbsnapfs/service/service.h"
#include "dbsnapfs/util/err.h"

static const struct cli_verb *const verbs[] = {&list_verb, &show_verb, &cat_verb, &extract_verb,
                                               &repair_verb};

#define VERB_COUNT (sizeof verbs / sizeof verbs[0])

static const struct cli_verb *find_verb(const char *name)
{
    for (size_t i = 0; i < VERB_COUNT; i++)
        if (strcmp(verbs[i]->name, name) == 0)
            return verbs[i];
    return NULL;
}

/* `help` is a verb of the service's too, but here it is about the program. */
static const struct service_verb *find_service_verb(const char *name)
{
    const struct service_verb *verb;

    for (size_t i = 0; (verb = service_verb_at(i)) != NULL; i++)
        if (strcmp(verb->name, name) == 0 && strcmp(name, "help") != 0)
            return verb;
    return NULL;
}

/* ---- help ---- */

static void add_service_usage(const struct service_verb *verb, struct buf *out)
{
    buf_addf(out, "%s SOURCE", verb->name);
    if (verb->argument)
        buf_addf(out, " %s", verb->argument);
    for (const struct service_key *key = verb->keys; key && key->name; key++)
        buf_addf(out, " [%s%s%s]", key->name, key->value ? "=" : "", key->value ? key->value : "");
}

static void add_service_help(const struct service_verb *verb, struct buf *out)
{
    buf_add_text(out, "Usage: dbsnapfs ");
    add_service_usage(verb, out);
    buf_addf(out, "\n\n%s: %s.\n", verb->name, verb->help);
    if (verb->keys)
        buf_add_char(out, '\n');
    for (const struct service_key *key = verb->keys; key && key->name; key++) {
        struct buf left = BUF_INIT;

        buf_addf(&left, "%s%s%s", key->name, key->value ? "=" : "", key->value ? key->value : "");
        buf_addf(out, "  %-22s %s\n", buf_text(&left), key->help);
        buf_free(&left);
    }
}

static void add_help(struct buf *out)
{
    const struct service_verb *verb;

    buf_add_text(out, "Usage: dbsnapfs [-f] [-d] [-o OPTIONS] SOURCE MOUNTPOINT\n"
                      "       dbsnapfs VERB SOURCE [NAME] [key=value ...]\n"
                      "       dbsnapfs help VERB\n\n"
                      "A SQLite database's time machine: SOURCE is a database, PATH or\n"
                      "sqlite:///PATH. Its backups are kept in SOURCE.backups.\n\nVerbs:\n");
    for (size_t i = 0; (verb = service_verb_at(i)) != NULL; i++)
        if (strcmp(verb->name, "help") != 0)
            buf_addf(out, "  %-22s %s\n", verb->name, verb->help);
    for (size_t i = 0; i < VERB_COUNT; i++)
        buf_addf(out, "  %-22s %s\n", verbs[i]->name, verbs[i]->help);
    buf_add_text(out, "\nOptions:\n");
    options_help(out);
    buf_add_text(out, "\nMount options (-o), besides those of mount(8):\n");
    options_mount_help(out);
    buf_add_text(out, "\nA database that is named like a verb is reached as ./NAME.\n");
}

static int print_help(const struct call *call, const char *topic)
{
    bool is_all = !topic || strcmp(topic, "help") == 0;
    const struct service_verb *of_service = is_all ? NULL : find_service_verb(topic);
    const struct cli_verb *verb = is_all ? NULL : find_verb(topic);
    struct buf out = BUF_INIT;
    struct err err = ERR_INIT;
    int status = STATUS_FINE;

    if (of_service)
        add_service_help(of_service, &out);
    else if (verb)
        buf_addf(&out, "Usage: dbsnapfs %s %s\n\n%s: %s.\n", verb->name, verb->usage, verb->name,
                 verb->help);
    else if (is_all)
        add_help(&out);
    else
        status = call_misused(call, "no verb is called %s", topic);
    if (call_print(&out, &err) != 0)
        status = call_fail(&err);
    buf_free(&out);
    return status;
}

/* ---- running ---- */

static int run_verb(struct call *call, const struct cli_verb *verb)
{
    if (call->count < verb->min_args || call->count > verb->max_args)
        return call_misused(call, "usage: dbsnapfs %s %s", verb->name, verb->usage);
    return verb->run(call);
}

/* A mount point is a directory, so a word in front of a file was meant as a verb. */
static bool means_a_verb(const char *first, const char *second)
{
    struct stat st;

    return !strpbrk(first, "/:") && access(first, F_OK) != 0 && stat(second, &st) == 0 &&
           S_ISREG(st.st_mode);
}

static int run(const struct options *options)
{
    const char *first = options->count > 0 ? options->args[0] : NULL;
    const struct service_verb *of_service = first ? find_service_verb(first) : NULL;
    const struct cli_verb *verb = first ? find_verb(first) : NULL;
    struct call call = {options, NULL, options->count, options->args};

    if (options->version)
        return printf("dbsnapfs %s\n", DBSNAPFS_VERSION) < 0 || fflush(stdout) != 0;
    if (first && strcmp(first, "help") == 0)
        return print_help(&call, options->count > 1 ? options->args[1] : NULL);
    if (options->help)
        return print_help(&call, of_service || verb ? first : NULL);
    if (!first)
        return call_misused(&call, "nothing to do");
    if (of_service || verb) {
        call.verb = first;
        call.args++;
        call.count--;
        return verb ? run_verb(&call, verb) : verb_run(&call);
    }
    if (options->count == 1)
        return call_misused(&call, "%s: neither a verb, nor with a mount point behind it", first);
    if (means_a_verb(first, options->args[1]))
        return call_misused(&call, "no verb and no database is called %s", first);
    if (options->count > 2)
        return call_misused(&call, "unexpected: %s", options->args[2]);
    return mount_run(&call);
}

int cli_main(int argc, char **argv)
{
    struct call call = {.verb = NULL};
    struct options options;
    struct err err = ERR_INIT;
    int status;

    openlog("dbsnapfs", LOG_PID, LOG_DAEMON);
    if (options_parse(argc, argv, &options, &err) == 0)
        status = run(&options);
    else
        status = call_misused(&call, "%s", err.text);
    options_release(&options);
    return status;
}
