/*
 * The text of a relation's rows: head, rows, tail.
 */
#include "table/parts.h"

#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"

static int make_head(const struct part *part, struct database *database, struct buf *out,
                     struct err *err)
{
    struct row_text *text = NULL;
    int r = row_text_new(part->relation, part->form, &text, err);

    (void)database;
    if (r == 0)
        row_text_head(text, out);
    row_text_free(text);
    return r;
}

static int make_tail(const struct part *part, struct database *database, struct buf *out,
                     struct err *err)
{
    struct row_text *text = NULL;
    int r = row_text_new(part->relation, part->form, &text, err);

    (void)database;
    if (r == 0)
        row_text_tail(text, out);
    row_text_free(text);
    return r;
}

void parts_of_rows(const struct relation *relation, enum text_form form, struct buf *out)
{
    const struct part parts[] = {{make_head, relation, NULL, form},
                                 {NULL, relation, NULL, form},
                                 {make_tail, relation, NULL, form}};

    buf_add(out, parts, sizeof(parts));
}
