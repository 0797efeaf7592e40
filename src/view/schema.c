/*
 * A backup's schema.sql. Its size is wanted by every stat and costs a database opened
 * through the store, so the view remembers it.
 */
#include <errno.h>

#include "dbsnapfs/source/source.h"
#include "dbsnapfs/tree.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"
#include "entry.h"

int schema_render(struct entry *entry, struct buf *out, struct err *err)
{
    struct snapshot *snapshot = NULL;
    size_t before = out->len;
    int r = entry_snapshot_get(entry, &snapshot, err);
    if (r < 0)
        return r;
    r = source_snapshot_schema(snapshot, out, err);
    entry_snapshot_put(entry);
    if (r == 0 && buf_error(out) < 0)
        r = err_set(err, ENOMEM, "schema.sql: out of memory");
    if (r == 0)
        view_note_schema_bytes(entry->view, entry->id, out->len - before);
    return r;
}

static int render(void *context, struct buf *out, struct err *err)
{
    return schema_render(context, out, err);
}

static int size(void *context, uint64_t *ret_size, struct err *err)
{
    struct entry *entry = context;
    if (view_schema_bytes(entry->view, entry->id, ret_size))
        return 0;
    struct buf text = BUF_INIT;
    int r = schema_render(entry, &text, err);
    if (r == 0)
        *ret_size = text.len;
    buf_free(&text);
    return r;
}

int schema_make(void *context, struct node **ret_node, struct err *err)
{
    static const struct node_text text = {.render = render, .size = size, .immutable = true};
    return entry_text_make(&text, context, ret_node, err);
}
