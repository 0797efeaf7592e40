/*
 * The table of verbs, and how a line is matched against it.
 *
 * Everything that is known about a verb stands in its `struct verb`: parsing, help, the
 * messages about unknown words and the command line's --help are all made from it.
 */
#include "service/command.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "dbsnapfs/util/err.h"

static const struct verb *const verbs[] = {&backup_verb, &verify_verb, &cancel_verb, &help_verb};

#define VERB_COUNT (sizeof verbs / sizeof verbs[0])

const struct service_verb *service_verb_at(size_t index)
{
    return index < VERB_COUNT ? &verbs[index]->shown : NULL;
}

void command_release(struct command *command)
{
    words_release(&command->words);
    *command = (struct command){.verb = NULL};
}

static int unknown_verb(const char *word, struct err *err)
{
    struct buf known = BUF_INIT;
    int code;

    for (size_t i = 0; i < VERB_COUNT; i++)
        buf_addf(&known, "%s%s", i > 0 ? ", " : "", verbs[i]->shown.name);
    code = err_set(err, EINVAL, "unknown command \"%.80s\"; known: %s", word, buf_text(&known));
    buf_free(&known);
    return code;
}

static int unknown_word(const struct service_verb *verb, const char *word, struct err *err)
{
    struct buf known = BUF_INIT;
    int code;

    if (verb->argument)
        buf_add_text(&known, verb->argument);
    for (const struct service_key *key = verb->keys; key && key->name; key++)
        buf_addf(&known, "%s%s%s%s", known.len > 0 ? ", " : "", key->name, key->value ? "=" : "",
                 key->value ? key->value : "");
    code = err_set(err, EINVAL, "%s: unknown word \"%.80s\"; known: %s", verb->name, word,
                   known.len > 0 ? buf_text(&known) : "nothing");
    buf_free(&known);
    return code;
}

/* Takes a word that may be one of the verb's keys; false if it is not. */
static bool take_key(struct command *command, const char *word, int *ret_code, struct err *err)
{
    const struct service_verb *verb = &command->verb->shown;
    size_t len = strcspn(word, "=");
    const char *value = word[len] == '=' ? word + len + 1 : NULL;
    const struct service_key *key = verb->keys;

    while (key && key->name &&
           !(strncmp(key->name, word, len) == 0 && key->name[len] == '\0' && !key->value == !value))
        key++;
    if (!key || !key->name)
        return false;
    if (command->values[key - verb->keys])
        *ret_code = err_set(err, EINVAL, "%s: %s is given twice", verb->name, key->name);
    else if (value && islower((unsigned char)key->value[0]) && strcmp(value, key->value) != 0)
        *ret_code =
            err_set(err, EINVAL, "%s: %s= can only be \"%s\"", verb->name, key->name, key->value);
    else
        command->values[key - verb->keys] = value ? value : "";
    return true;
}

static int take_words(struct command *command, struct err *err)
{
    for (size_t i = 1; i < command->words.count; i++) {
        const char *word = command->words.word[i];
        int code = 0;

        if (take_key(command, word, &code, err)) {
            if (code != 0)
                return code;
        } else if (command->verb->shown.argument && !command->name && !strchr(word, '=')) {
            command->name = word;
        } else {
            return unknown_word(&command->verb->shown, word, err);
        }
    }
    return 0;
}

int command_parse(const char *line, size_t len, struct command *ret_command, struct err *err)
{
    struct command command = {.verb = NULL};
    size_t blank = 0;
    int code;

    while (blank < len && (line[blank] == ' ' || line[blank] == '\t'))
        blank++;
    if (blank == len || line[blank] == '#') {
        *ret_command = command;
        return 0;
    }
    code = words_split(line, len, &command.words, err);
    if (code != 0)
        return code;
    for (size_t i = 0; i < VERB_COUNT && !command.verb; i++)
        if (strcmp(verbs[i]->shown.name, command.words.word[0]) == 0)
            command.verb = verbs[i];
    if (!command.verb)
        code = unknown_verb(command.words.word[0], err);
    else
        code = take_words(&command, err);
    if (code == 0)
        *ret_command = command;
    else
        command_release(&command);
    return code;
}

const char *command_value(const struct command *command, const char *key)
{
    const struct service_key *keys = command->verb->shown.keys;

    for (size_t i = 0; keys && keys[i].name; i++)
        if (strcmp(keys[i].name, key) == 0)
            return command->values[i];
    return NULL;
}

int service_check_line(const char *line, size_t len, struct err *err)
{
    struct command command;
    int code = command_parse(line, len, &command, err);

    if (code == 0)
        command_release(&command);
    return code;
}
