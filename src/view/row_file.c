/*
 * rows/KEY/row.json, and a file for each column that is not NULL: its bytes as they are.
 *
 * Only that column of the row is read. Sizes are told from the values' heads, without the bytes of
 * BLOBs; row.json's takes all of the row, so listings leave it out, and reading past the page cache asks
 * for none. Of a backup's row both are remembered. What an open file shows was gathered when it was
 * opened; a large BLOB never is in memory as a whole.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/source/database.h"
#include "dbsnapfs/source/schema.h"
#include "dbsnapfs/table/text.h"
#include "dbsnapfs/tree.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"
#include "gather.h"
#include "look.h"
#include "row.h"
#include "row_names.h"
#include "scope.h"

#define NOT_KNOWN UINT64_MAX
#define PIECE_BYTES ((size_t)1 << 18)

struct row_file {
    struct node node;
    struct row *row;
    _Atomic uint64_t size; /* of a backup's */
    bool json;
    char name[]; /* the column's file */
};

static void number_text(const struct value *value, struct buf *out)
{
    if (value->kind == VALUE_INTEGER)
        buf_addf(out, "%" PRId64, value->integer);
    else
        text_real(value->real, out);
}

/* The column and its value, or its head if `what` is SELECT_HEADS. -ENOENT: there is no such column any
 * more, or it is NULL. */
static int find_value(const struct row_file *file, struct look *look, enum selected what,
                      size_t *ret_column, struct value *ret_value, struct err *err)
{
    size_t column = row_column_find(look->relation, file->name);
    if (column == NO_COLUMN)
        return err_set(err, ENOENT, "%s: %s has no such column", file->name, file->row->table);
    *ret_column = column;
    int r = look_columns(look, file->row->key, what, &column, 1, err);
    if (r < 0)
        return r;
    if (what == SELECT_HEADS)
        cursor_value_head(look->cursor, column, ret_value);
    else
        cursor_value(look->cursor, column, ret_value);
    if (ret_value->kind == VALUE_NULL)
        return err_set(err, ENOENT, "%s: is NULL in this row", file->name);
    return 0;
}

static uint64_t head_size(const struct value *head)
{
    struct buf digits = BUF_INIT;
    uint64_t size = head->len;
    if (head->kind == VALUE_INTEGER || head->kind == VALUE_REAL) {
        number_text(head, &digits);
        size = digits.len;
    }
    buf_free(&digits);
    return size;
}

static int column_size(const struct row_file *file, struct look *look, uint64_t *ret_size,
                       struct err *err)
{
    struct value head;
    size_t column;
    int r = find_value(file, look, SELECT_HEADS, &column, &head, err);
    if (r == 0)
        *ret_size = head_size(&head);
    return r == 0 ? cursor_check(look->cursor, err) : r;
}

static int no_memory(const struct row_file *file, struct err *err)
{
    return err_set(err, ENOMEM, "%s: out of memory", file->row->table);
}

static int gather_blob(const struct row_file *file, struct blob *blob, struct gather *gather,
                       struct err *err)
{
    char *piece = malloc(PIECE_BYTES);
    uint64_t len = blob_len(blob);
    int r = piece ? 0 : no_memory(file, err);
    for (uint64_t at = 0; r == 0 && at < len; at += PIECE_BYTES) {
        size_t count = len - at < PIECE_BYTES ? (size_t)(len - at) : PIECE_BYTES;
        r = blob_read(blob, at, piece, count, err);
        if (r == 0)
            r = gather_add(gather, piece, count, err);
    }
    free(piece);
    return r;
}

static int gather_column(const struct row_file *file, struct look *look, struct gather *gather,
                         struct err *err)
{
    struct buf digits = BUF_INIT;
    struct blob *blob = NULL;
    struct value value;
    size_t column;
    int r = find_value(file, look, SELECT_PIECES, &column, &value, err);
    if (r < 0)
        return r;
    if (value.kind == VALUE_INTEGER || value.kind == VALUE_REAL) {
        number_text(&value, &digits);
        r = gather_add(gather, buf_text(&digits), digits.len, err);
        buf_free(&digits);
        return r;
    }
    if (value.bytes)
        return gather_add(gather, value.bytes, value.len, err);
    r = cursor_blob_open(look->cursor, column, &blob, err);
    if (r == 0)
        r = gather_blob(file, blob, gather, err);
    blob_close(blob);
    return r;
}

static int gather_json(const struct row_file *file, struct look *look, struct gather *gather,
                       struct err *err)
{
    struct row_text *text = NULL;
    struct buf piece = BUF_INIT;
    int r = look_row(look, file->row->key, SELECT_PIECES, err);
    if (r == 0)
        r = row_text_new(look->relation, TEXT_OBJECT, &text, err);
    if (r < 0)
        return r;
    do {
        buf_clear(&piece);
        r = row_text_add(text, look->database, look->cursor, &piece, err);
        if (r >= 0 && buf_error(&piece) < 0)
            r = no_memory(file, err);
        int gathered = r < 0 ? 0 : gather_add(gather, buf_text(&piece), piece.len, err);
        if (gathered < 0)
            r = gathered;
    } while (r == 1);
    row_text_free(text);
    buf_free(&piece);
    return r;
}

static int json_size(const struct row_file *file, struct look *look, uint64_t *ret_size,
                     struct err *err)
{
    struct row_text *text = NULL;
    int r = look_row(look, file->row->key, SELECT_HEADS, err);
    if (r == 0)
        r = row_text_new(look->relation, TEXT_OBJECT, &text, err);
    if (r == 0)
        r = row_text_length(text, look->database, look->cursor, ret_size, err);
    row_text_free(text);
    return r == 0 ? cursor_check(look->cursor, err) : r;
}

static int file_size(struct row_file *file, uint64_t *ret_size, struct err *err)
{
    uint64_t size = atomic_load(&file->size);
    struct look look;
    int r = 0;
    if (size == NOT_KNOWN) {
        r = look_begin(file->row->scope, file->row->table, &look, err);
        if (r < 0)
            return r;
        r = file->json ? json_size(file, &look, &size, err) : column_size(file, &look, &size, err);
        look_end(&look);
    }
    if (r < 0)
        return r;
    if (!scope_is_live(file->row->scope))
        atomic_store(&file->size, size);
    *ret_size = size;
    return 0;
}

static int file_glance(struct node *node, struct node_attr *ret_attr, struct err *err)
{
    const struct row_file *file = (struct row_file *)node;
    int r = look_attr(file->row->scope, ret_attr, err);
    if (r == 0) {
        ret_attr->kind = NODE_FILE;
        ret_attr->fresh_ms = 0;
    }
    return r;
}

static int file_attr(struct node *node, struct node_attr *ret_attr, struct err *err)
{
    struct node_attr attr = {.kind = NODE_FILE};
    int r = file_glance(node, &attr, err);
    if (r == 0)
        r = file_size((struct row_file *)node, &attr.size, err);
    if (r == 0)
        *ret_attr = attr;
    return r;
}

static int file_open(struct node *node, bool writing, const struct node_request *request,
                     struct node_file **ret_file, struct err *err)
{
    const struct row_file *file = (struct row_file *)node;
    struct gather gather;
    struct look look;
    (void)writing, (void)request;
    int r = look_begin(file->row->scope, file->row->table, &look, err);
    if (r < 0)
        return r;
    gather_init(&gather, scope_view(file->row->scope));
    r = file->json ? gather_json(file, &look, &gather, err)
                   : gather_column(file, &look, &gather, err);
    if (r == 0)
        r = cursor_check(look.cursor, err);
    look_end(&look);
    if (r == 0)
        r = gather_file(&gather, !scope_is_live(file->row->scope) && !file->json, ret_file, err);
    gather_release(&gather);
    return r;
}

static void file_free(struct node *node)
{
    struct row_file *file = (struct row_file *)node;
    row_unref(file->row);
    free(file);
}

static const struct node_ops column_ops = {
    .attr = file_attr,
    .open = file_open,
    .free = file_free,
};

static const struct node_ops json_ops = {
    .attr = file_attr,
    .glance = file_glance,
    .open = file_open,
    .free = file_free,
};

/* `size` is taken for a backup's alone. */
static int make(struct row *row, const char *name, bool json, uint64_t size, struct node **ret_node,
                struct err *err)
{
    struct row_file *file = calloc(1, sizeof(*file) + strlen(name) + 1);
    if (!file)
        return err_set(err, ENOMEM, "%s: out of memory", name);
    node_init(&file->node, json ? &json_ops : &column_ops);
    memcpy(file->name, name, strlen(name) + 1);
    atomic_init(&file->size, scope_is_live(row->scope) ? NOT_KNOWN : size);
    file->json = json;
    file->row = row_ref(row);
    *ret_node = &file->node;
    return 0;
}

int row_json_make(struct row *row, struct node **ret_node, struct err *err)
{
    return make(row, ROW_JSON, true, NOT_KNOWN, ret_node, err);
}

int row_column_make(struct row *row, const char *name, const struct value *head,
                    struct node **ret_node, struct err *err)
{
    return make(row, name, false, head_size(head), ret_node, err);
}
