/*
 * Sizes as text. Looking a table up goes through the text from its beginning, without making
 * anything of it: a database of a thousand tables has some fifty KiB of it.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "dbsnapfs/service/facts.h"
#include "dbsnapfs/table/rendering.h"
#include "dbsnapfs/util/buf.h"

#define FIRST_LINE "1\n"

void sizes_begin(struct buf *fact)
{
    buf_add_text(fact, FIRST_LINE);
}

void sizes_add(struct buf *fact, const char *name, const struct row_sizes *sizes)
{
    buf_addf(fact, "%zu:%s %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", strlen(name), name,
             sizes->rows, sizes->csv_bytes, sizes->ndjson_bytes, sizes->sql_bytes);
}

/* A number and the character that ends it; `*at` is behind that afterwards. */
static bool take_number(const char **at, const char *end, char mark, uint64_t *ret_number)
{
    const char *from = *at;
    uint64_t number = 0;

    for (; *at < end && isdigit((unsigned char)**at); ++*at) {
        uint64_t digit = (uint64_t)(**at - '0');

        if (number > (UINT64_MAX - digit) / 10)
            return false;
        number = number * 10 + digit;
    }
    if (*at == from || *at == end || **at != mark)
        return false;
    ++*at;
    *ret_number = number;
    return true;
}

static bool take_name(const char **at, const char *end, const char **ret_name, size_t *ret_len)
{
    uint64_t len = 0;

    if (!take_number(at, end, ':', &len) || len >= (size_t)(end - *at) || (*at)[len] != ' ')
        return false;
    *ret_name = *at;
    *ret_len = (size_t)len;
    *at += len + 1;
    return true;
}

static bool take_sizes(const char **at, const char *end, struct row_sizes *ret_sizes)
{
    return take_number(at, end, ' ', &ret_sizes->rows) &&
           take_number(at, end, ' ', &ret_sizes->csv_bytes) &&
           take_number(at, end, ' ', &ret_sizes->ndjson_bytes) &&
           take_number(at, end, '\n', &ret_sizes->sql_bytes);
}

bool sizes_are_current(const struct buf *fact)
{
    return fact->len >= strlen(FIRST_LINE) &&
           memcmp(fact->data, FIRST_LINE, strlen(FIRST_LINE)) == 0;
}

int sizes_find(const struct buf *fact, const char *name, struct row_sizes *ret_sizes)
{
    const size_t wanted = strlen(name);
    const char *at, *end;

    if (!sizes_are_current(fact))
        return -ENOENT;
    end = fact->data + fact->len;
    for (at = fact->data + strlen(FIRST_LINE); at < end;) {
        struct row_sizes sizes = {.rows = 0};
        const char *found = NULL;
        size_t len = 0;

        if (!take_name(&at, end, &found, &len) || !take_sizes(&at, end, &sizes))
            return -EBADMSG;
        if (len == wanted && memcmp(found, name, len) == 0) {
            *ret_sizes = sizes;
            return 0;
        }
    }
    return -ENOENT;
}
