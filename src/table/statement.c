/*
 * The shell reads lines, and does with them what this undoes:
 *
 * - From CR LF it takes the CR. One more is given to it.
 * - A line that is "/" or "go" ends a statement, if there could be an end. A comment in front
 *   keeps it from that.
 * - A comment at the end would take in the semicolon. It is ended; SQLite may keep what ends it.
 */
#include "table/statement.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "dbsnapfs/util/buf.h"

enum token { TOKEN_CODE, TOKEN_QUOTED, TOKEN_LINE_COMMENT, TOKEN_BLOCK_COMMENT };

static size_t until(const char *sql, const char *end)
{
    const char *found = strstr(sql, end);

    return found ? (size_t)(found - sql) + strlen(end) : strlen(sql);
}

/* The length of what begins here: one byte of code, or a quoted name or string (a doubled quote is
 * read as two), or a comment. */
static size_t token_length(const char *sql, enum token *ret_token)
{
    char quote[2] = {*sql, '\0'};

    if (*sql == '[')
        quote[0] = ']';
    *ret_token = TOKEN_CODE;
    if (strchr("'\"`[", *sql)) {
        *ret_token = TOKEN_QUOTED;
        return 1 + until(sql + 1, quote);
    }
    if (strncmp(sql, "--", 2) == 0) {
        *ret_token = TOKEN_LINE_COMMENT;
        return until(sql, "\n");
    }
    if (strncmp(sql, "/*", 2) == 0) {
        *ret_token = TOKEN_BLOCK_COMMENT;
        return 2 + until(sql + 2, "*/");
    }
    return 1;
}

/* May the shell take the line that begins here for an end? Comments may follow what it looks for. */
static bool is_line_an_end(const char *line)
{
    line += strspn(line, " \t\r\f\v");
    if (*line == '/' && line[1] != '*')
        line++;
    else if (strncasecmp(line, "go", 2) == 0)
        line += 2;
    else
        return false;
    line += strspn(line, " \t\r\f\v");
    return *line == '\0' || strchr("\n-/;", *line);
}

static bool ends(enum token token, const char *sql, size_t len)
{
    switch (token) {
    case TOKEN_LINE_COMMENT:
        return sql[len - 1] == '\n';
    case TOKEN_BLOCK_COMMENT:
        return len >= 4 && strncmp(sql + len - 2, "*/", 2) == 0;
    default:
        return true;
    }
}

static bool is_as_sqlite_keeps_it(const char *sql)
{
    static const char *const heads[] = {"CREATE TABLE ", "CREATE INDEX ", "CREATE UNIQUE INDEX ",
                                        "CREATE VIEW ", "CREATE TRIGGER "};
    size_t len = strlen(sql);

    if (len == 0 || sql[len - 1] == ';' || isspace((unsigned char)sql[len - 1]))
        return false;
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
        if (strncmp(sql, heads[i], strlen(heads[i])) == 0)
            return true;
    return false;
}

bool statement_is_plain(const char *sql)
{
    enum token token = TOKEN_CODE;
    size_t len;

    if (!is_as_sqlite_keeps_it(sql))
        return false;
    for (; *sql; sql += len) {
        len = token_length(sql, &token);
        if (!ends(token, sql, len))
            return false;
        if (sql[len - 1] == '\n' && token != TOKEN_QUOTED && is_line_an_end(sql + len))
            return false;
    }
    return true;
}

static void add_lines(const char *bytes, size_t len, struct buf *out)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] == '\n' && out->len > 0 && out->data[out->len - 1] == '\r')
            buf_add_char(out, '\r');
        buf_add_char(out, bytes[i]);
    }
}

void statement_add(const char *sql, struct buf *out)
{
    enum token token = TOKEN_CODE;
    size_t len = 0;
    bool ended = true;

    for (; *sql; sql += len) {
        len = token_length(sql, &token);
        add_lines(sql, len, out);
        ended = ends(token, sql, len);
        if (sql[len - 1] == '\n' && token != TOKEN_QUOTED && is_line_an_end(sql + len))
            buf_add_text(out, "/**/");
    }
    if (!ended)
        buf_add_text(out, token == TOKEN_LINE_COMMENT ? "\n" : "*/");
    buf_add_text(out, ";\n");
}
