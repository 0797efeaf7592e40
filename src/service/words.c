/*
 * One pass over the line with a buffer for the word at hand; and the way back.
 */
#include "service/words.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/service/service.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"

/* Where the pass is. */
struct scan {
    const char *at, *end;
    struct buf word;
    bool in_word; /* an empty pair of quotes is a word, too */
};

void words_release(struct words *words)
{
    for (size_t i = 0; i < words->count; i++)
        free(words->word[i]);
    free(words->word);
    *words = (struct words){0, NULL};
}

static int words_add(struct words *words, struct buf *word)
{
    char **grown, *copy;

    if (buf_error(word) != 0)
        return -ENOMEM;
    grown = realloc(words->word, (words->count + 1) * sizeof *grown);
    if (!grown)
        return -ENOMEM;
    words->word = grown;
    copy = strdup(buf_text(word));
    if (!copy)
        return -ENOMEM;
    words->word[words->count++] = copy;
    return 0;
}

/* From behind the opening quote to behind the closing one. */
static int scan_quoted(struct scan *scan, char quote, struct err *err)
{
    while (scan->at < scan->end) {
        char c = *scan->at++;

        if (c == quote)
            return 0;
        if (c == '\\' && quote == '"' && scan->at < scan->end &&
            (*scan->at == '"' || *scan->at == '\\'))
            c = *scan->at++;
        buf_add_char(&scan->word, c);
    }
    return err_set(err, EINVAL, "a quote (%c) is opened and not closed", quote);
}

static int scan_word(struct scan *scan, struct err *err)
{
    while (scan->at < scan->end && *scan->at != ' ' && *scan->at != '\t') {
        char c = *scan->at++;

        scan->in_word = true;
        if (c == '\'' || c == '"') {
            int code = scan_quoted(scan, c, err);

            if (code != 0)
                return code;
            continue;
        }
        if (c == '\\') {
            if (scan->at == scan->end)
                return err_set(err, EINVAL, "the line ends in a backslash");
            c = *scan->at++;
        }
        buf_add_char(&scan->word, c);
    }
    return 0;
}

int words_split(const char *line, size_t len, struct words *ret_words, struct err *err)
{
    struct scan scan = {line, line + len, BUF_INIT, false};
    struct words words = {0, NULL};
    int code = 0;

    if (memchr(line, '\n', len) || memchr(line, '\0', len))
        return err_set(err, EINVAL, "a command is one line of text");
    while (code == 0 && scan.at < scan.end) {
        while (scan.at < scan.end && (*scan.at == ' ' || *scan.at == '\t'))
            scan.at++;
        buf_clear(&scan.word);
        scan.in_word = false;
        code = scan_word(&scan, err);
        if (code == 0 && scan.in_word && (code = words_add(&words, &scan.word)) != 0)
            (void)err_sys(err, ENOMEM, "cannot read the command");
    }
    if (code == 0) {
        *ret_words = words;
        words = (struct words){0, NULL};
    }
    buf_free(&scan.word);
    words_release(&words);
    return code;
}

void service_quote(struct buf *out, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "-_.,:;/@%+=^~";

    if (*word != '\0' && word[strspn(word, plain)] == '\0') {
        buf_add_text(out, word);
        return;
    }
    buf_add_char(out, '"');
    for (; *word != '\0'; word++) {
        if (*word == '"' || *word == '\\')
            buf_add_char(out, '\\');
        buf_add_char(out, *word);
    }
    buf_add_char(out, '"');
}
