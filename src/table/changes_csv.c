/*
 * A line has the row's name, what it was, and what it is. What a row does not have is empty.
 */
#include "table/changes_csv.h"

#include "dbsnapfs/source/database.h"
#include "dbsnapfs/source/schema.h"
#include "dbsnapfs/table/key.h"
#include "dbsnapfs/util/buf.h"
#include "table/pair.h"
#include "table/text_internal.h"

static void add_names(const struct relation *table, const char *side, struct buf *out)
{
    struct buf name = BUF_INIT;

    for (size_t i = 0; table && i < table->column_count; i++) {
        buf_clear(&name);
        buf_addf(&name, "%s.%s", side, table->columns[i].name);
        buf_add_char(out, ',');
        text_quoted(buf_text(&name), name.len, '"', out);
    }
    out->failed = out->failed || name.failed;
    buf_free(&name);
}

void changes_csv_head(const struct pair *pair, struct buf *out)
{
    buf_add_text(out, "\"op\",\"key\"");
    add_names(pair->before.table, "before", out);
    add_names(pair->after.table, "after", out);
    buf_add_text(out, "\r\n");
}

/* A row that has no name has an empty one, and no quotes. */
static void add_key(const struct relation *table, struct cursor *cursor, struct buf *out)
{
    struct buf name = BUF_INIT;

    buf_add_char(out, ',');
    if (!key_exists(table))
        return;
    key_name(table, cursor, false, &name);
    text_quoted(buf_text(&name), name.len, '"', out);
    out->failed = out->failed || name.failed;
    buf_free(&name);
}

static void add_row(const struct relation *table, struct cursor *cursor, struct buf *out)
{
    for (size_t i = 0; table && i < table->column_count; i++) {
        struct value value;

        buf_add_char(out, ',');
        if (!cursor)
            continue;
        cursor_value(cursor, i, &value);
        text_csv_value(&value, out);
    }
}

void changes_csv_row(const struct pair *pair, enum merge_op op, struct cursor *before,
                     struct cursor *after, struct buf *out)
{
    static const char *const ops[] = {[MERGE_INSERT] = "\"insert\"",
                                      [MERGE_UPDATE] = "\"update\"",
                                      [MERGE_DELETE] = "\"delete\""};

    buf_add_text(out, ops[op]);
    if (after)
        add_key(pair->after.table, after, out);
    else
        add_key(pair->before.table, before, out);
    add_row(pair->before.table, before, out);
    add_row(pair->after.table, after, out);
    buf_add_text(out, "\r\n");
}
