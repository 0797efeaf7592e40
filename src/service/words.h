/*
 * A command line as words, with the quotes of a shell.
 *
 * Words are separated by spaces and tabs. Inside '…' every character stands for itself; inside
 * "…" a backslash keeps the next " or \ from its meaning; outside, a backslash keeps any
 * character from its meaning. Quotes may begin and end within a word: note="two words".
 */
#ifndef SERVICE_WORDS_H
#define SERVICE_WORDS_H

#include <stddef.h>

struct err;

struct words {
    size_t count;
    char **word;
};

/* -EINVAL with a message for an open quote, a newline or a NUL. */
int words_split(const char *line, size_t len, struct words *ret_words, struct err *err);
void words_release(struct words *words);

#endif
