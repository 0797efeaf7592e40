/*
 * Sizes as text. Looking a table up goes through the text from its beginning, without making
 * anything of it: a database of a thousand tables has some fifty KiB of it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "dbsnapfs/service/facts.h"
#include "dbsnapfs/table/rendering.h"
#include "dbsnapfs/util/buf.h"
#include "service/fact_text.h"

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

static bool take_sizes(const char **at, const char *end, struct row_sizes *ret_sizes)
{
    return fact_take_number(at, end, ' ', &ret_sizes->rows) &&
           fact_take_number(at, end, ' ', &ret_sizes->csv_bytes) &&
           fact_take_number(at, end, ' ', &ret_sizes->ndjson_bytes) &&
           fact_take_number(at, end, '\n', &ret_sizes->sql_bytes);
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

        if (!fact_take_name(&at, end, ' ', &found, &len) || !take_sizes(&at, end, &sizes))
            return -EBADMSG;
        if (len == wanted && memcmp(found, name, len) == 0) {
            *ret_sizes = sizes;
            return 0;
        }
    }
    return -ENOENT;
}
