/*
 * rows/KEY/row.json, and a file for each column that is not NULL: its bytes as they are.
 *
 * Only that column of the row is read. A size is told from the value's head, without the bytes of a
 * BLOB; that of row.json only by making it, so listings leave it out, and reading past the page cache
 * asks for none. Of a backup's row both are remembered. An open file has the value in memory, read
 * once.
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
#include "look.h"
#include "row.h"
#include "row_names.h"
#include "scope.h"

#define NOT_KNOWN UINT64_MAX

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

/* The column's value, or its head if `what` is SELECT_HEADS. -ENOENT: there is no such column any
 * more, or it is NULL. */
static int find_value(const struct row_file *file, struct look *look, enum selected what,
                      struct value *ret_value, struct err *err)
{
    size_t column = row_column_find(look->relation, file->name);
    if (column == NO_COLUMN)
        return err_set(err, ENOENT, "%s: %s has no such column", file->name, file->row->table);
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
    int r = find_value(file, look, SELECT_HEADS, &head, err);
    if (r == 0)
        *ret_size = head_size(&head);
    return r == 0 ? cursor_check(look->cursor, err) : r;
}

static int column_render(const struct row_file *file, struct look *look, struct buf *out,
                         struct err *err)
{
    struct value value;
    int r = find_value(file, look, SELECT_ROWS, &value, err);
    if (r < 0)
        return r;
    if (value.kind == VALUE_TEXT || value.kind == VALUE_BLOB)
        buf_add(out, value.bytes, value.len);
    else
        number_text(&value, out);
    return 0;
}

static int json_render(const struct row_file *file, struct look *look, struct buf *out,
                       struct err *err)
{
    int r = look_row(look, file->row->key, SELECT_ROWS, err);
    return r < 0 ? r : row_text_json(look->relation, look->cursor, out, err);
}

static int render(const struct row_file *file, struct look *look, struct buf *out, struct err *err)
{
    int r = file->json ? json_render(file, look, out, err) : column_render(file, look, out, err);
    if (r == 0 && buf_error(out) < 0)
        r = err_set(err, ENOMEM, "%s: out of memory", file->row->table);
    return r == 0 ? cursor_check(look->cursor, err) : r;
}

static int json_size(const struct row_file *file, struct look *look, uint64_t *ret_size,
                     struct err *err)
{
    struct buf text = BUF_INIT;
    int r = render(file, look, &text, err);
    *ret_size = text.len;
    buf_free(&text);
    return r;
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
    struct buf text = BUF_INIT;
    struct look look;
    (void)writing, (void)request;
    int r = look_begin(file->row->scope, file->row->table, &look, err);
    if (r < 0)
        return r;
    r = render(file, &look, &text, err);
    look_end(&look);
    if (r < 0) {
        buf_free(&text);
        return r;
    }
    bool cached = !scope_is_live(file->row->scope) && !file->json;
    return node_text_file(&text, cached, ret_file, err);
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
