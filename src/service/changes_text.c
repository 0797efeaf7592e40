/* What changed, as the text of a fact. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/service/changes.h"
#include "dbsnapfs/util/buf.h"
#include "service/fact_text.h"

#define VERSION 1
#define UNREADABLE " u "

static void write_flags(const struct change_counts *counts, struct buf *out)
{
    size_t before = out->len;

    if (counts->schema)
        buf_add_char(out, 's');
    if (counts->gone)
        buf_add_char(out, 'g');
    if (counts->has_added)
        buf_add_char(out, 'a');
    if (out->len == before)
        buf_add_char(out, '-');
}

static void write_counts(const struct change_counts *counts, struct buf *out)
{
    buf_addf(out, " %" PRIu64 " %" PRIu64 " %" PRIu64 " ", counts->inserted, counts->updated,
             counts->deleted);
    write_flags(counts, out);
    buf_addf(out, " %" PRIu64 " %" PRIu64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 "\n",
             counts->csv_bytes, counts->sql_bytes, counts->rows_added, counts->rows_csv_added,
             counts->rows_ndjson_added, counts->rows_sql_added);
}

void backup_changes_write(const struct backup_changes *changes, struct buf *out)
{
    buf_addf(out, "%d %" PRIu64 "\n", VERSION, changes->before_id);
    for (size_t i = 0; i < changes->count; i++) {
        const struct table_change *change = &changes->tables[i];

        buf_addf(out, "%zu:%s", strlen(change->name), change->name);
        if (change->unreadable)
            buf_addf(out, UNREADABLE "%zu:%s\n", strlen(change->unreadable), change->unreadable);
        else
            write_counts(&change->counts, out);
    }
}

static bool take_flags(const char **at, const char *end, struct change_counts *counts)
{
    for (; *at < end && **at != ' '; ++*at) {
        if (!strchr("sga-", **at))
            return false;
        counts->schema |= **at == 's';
        counts->gone |= **at == 'g';
        counts->has_added |= **at == 'a';
    }
    if (*at == end)
        return false;
    ++*at;
    return true;
}

static bool take_counts(const char **at, const char *end, struct change_counts *counts)
{
    return fact_take_number(at, end, ' ', &counts->inserted) &&
           fact_take_number(at, end, ' ', &counts->updated) &&
           fact_take_number(at, end, ' ', &counts->deleted) && take_flags(at, end, counts) &&
           fact_take_number(at, end, ' ', &counts->csv_bytes) &&
           fact_take_number(at, end, ' ', &counts->sql_bytes) &&
           fact_take_signed(at, end, ' ', &counts->rows_added) &&
           fact_take_signed(at, end, ' ', &counts->rows_csv_added) &&
           fact_take_signed(at, end, ' ', &counts->rows_ndjson_added) &&
           fact_take_signed(at, end, '\n', &counts->rows_sql_added);
}

/* A length and so many bytes, as text: a copy. */
static int take_text(const char **at, const char *end, char mark, char **ret_text)
{
    const char *text = NULL;
    size_t len = 0;

    if (!fact_take_name(at, end, mark, &text, &len) || memchr(text, '\0', len))
        return -EBADMSG;
    *ret_text = strndup(text, len);
    return *ret_text ? 0 : -ENOMEM;
}

static int take_change(const char **at, const char *end, struct table_change *change)
{
    const size_t len = strlen(UNREADABLE) - 1; /* its first blank was behind the name */
    int code = take_text(at, end, ' ', &change->name);

    if (code != 0)
        return code;
    if ((size_t)(end - *at) < len || memcmp(*at, UNREADABLE + 1, len) != 0)
        return take_counts(at, end, &change->counts) ? 0 : -EBADMSG;
    *at += len;
    return take_text(at, end, '\n', &change->unreadable);
}

static void change_release(struct table_change *change)
{
    free(change->name);
    free(change->unreadable);
}

static int read_table(const char **at, const char *end, struct buf *tables)
{
    struct table_change change = {.name = NULL};
    int code = take_change(at, end, &change);

    if (code == 0) {
        buf_add(tables, &change, sizeof change);
        code = buf_error(tables) == 0 ? 0 : -ENOMEM;
    }
    if (code != 0)
        change_release(&change);
    return code;
}

int backup_changes_read(const struct buf *fact, struct backup_changes *ret_changes)
{
    struct backup_changes changes = {.before_id = 0};
    struct buf tables = BUF_INIT;
    const char *at = buf_text(fact), *end = at + fact->len;
    uint64_t version = 0;
    int code = 0;

    if (!fact_take_number(&at, end, ' ', &version) || version != VERSION ||
        !fact_take_number(&at, end, '\n', &changes.before_id))
        return -EBADMSG;
    while (code == 0 && at < end)
        code = read_table(&at, end, &tables);
    changes.count = tables.len / sizeof *changes.tables;
    changes.tables = (struct table_change *)(void *)tables.data;
    if (code != 0)
        backup_changes_free(&changes);
    else
        *ret_changes = changes;
    return code;
}

void backup_changes_free(struct backup_changes *changes)
{
    for (size_t i = 0; i < changes->count; i++)
        change_release(&changes->tables[i]);
    free(changes->tables);
    *changes = (struct backup_changes){.before_id = 0};
}

bool table_change_none(const struct table_change *change)
{
    return !change->unreadable && change_counts_none(&change->counts);
}

const struct table_change *backup_changes_table(const struct backup_changes *changes,
                                                const char *name)
{
    for (size_t i = 0; i < changes->count; i++)
        if (strcmp(changes->tables[i].name, name) == 0)
            return &changes->tables[i];
    return NULL;
}
