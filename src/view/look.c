/* Looking at a table or a row: a database from the pool, and what the names lead to in it. */
#include "look.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/table/key.h"
#include "dbsnapfs/tree.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"
#include "scope.h"
#include "table.h"

int look_begin(struct scope *scope, const char *table, struct look *ret_look, struct err *err)
{
    struct look look = {.scope = scope};
    int r = scope_use(scope, NULL, &look.database, err);
    if (r < 0)
        return r;
    r = table_find(look.database, table, &look.relation, err);
    if (r < 0)
        scope_done(scope, look.database);
    else
        *ret_look = look;
    return r;
}

void look_end(struct look *look)
{
    cursor_close(look->cursor);
    scope_done(look->scope, look->database);
}

int look_columns(struct look *look, const char *key, enum selected what, const size_t *columns,
                 size_t count, struct err *err)
{
    const struct selection wanted = {
        .relation = look->relation,
        .what = what,
        .column_count = count,
        .columns = columns,
    };
    cursor_close(look->cursor);
    look->cursor = NULL;
    return key_find(look->database, &wanted, key, &look->cursor, err);
}

int look_row(struct look *look, const char *key, enum selected what, struct err *err)
{
    return look_columns(look, key, what, NULL, 0, err);
}

int look_values(struct look *look, const char *key, const size_t *columns, size_t count,
                struct value *ret_values, struct err *err)
{
    int r = look_columns(look, key, SELECT_ROWS, columns, count, err);
    for (size_t i = 0; r == 0 && i < count; i++)
        cursor_value(look->cursor, columns[i], &ret_values[i]);
    return r == 0 ? cursor_check(look->cursor, err) : r;
}

/* ---- rows by name ---- */

int row_new(struct scope *scope, const char *table, const char *key, struct row **ret_row,
            struct err *err)
{
    struct row *row = calloc(1, sizeof(*row));
    if (!row)
        return err_set(err, ENOMEM, "%s: out of memory", table);
    atomic_init(&row->references, 1);
    row->scope = scope_ref(scope);
    row->table = strdup(table);
    row->key = strdup(key);
    if (!row->table || !row->key) {
        row_unref(row);
        return err_set(err, ENOMEM, "%s: out of memory", table);
    }
    *ret_row = row;
    return 0;
}

struct row *row_ref(struct row *row)
{
    atomic_fetch_add_explicit(&row->references, 1, memory_order_relaxed);
    return row;
}

void row_unref(struct row *row)
{
    if (atomic_fetch_sub_explicit(&row->references, 1, memory_order_acq_rel) != 1)
        return;
    scope_unref(row->scope);
    free(row->table);
    free(row->key);
    free(row);
}

void row_release(void *row)
{
    row_unref(row);
}

/* ---- nodes ---- */

/* Every path through a directory asks for its attributes, and of all that they say the time alone
 * ever changes. Whether the name is still there is asked apart, each time. */
#define FRESH_MS 1000

int look_attr(struct scope *scope, struct node_attr *ret_attr, struct err *err)
{
    int64_t mtime_ns = 0;
    int r = scope_mtime(scope, &mtime_ns, err);
    if (r == 0)
        *ret_attr = (struct node_attr){
            .kind = NODE_DIRECTORY,
            .immutable = !scope_is_live(scope),
            .fresh_ms = FRESH_MS,
            .mtime_ns = mtime_ns,
        };
    return r;
}

static int render_fixed(void *context, struct buf *out, struct err *err)
{
    (void)err;
    buf_add_text(out, context);
    return 0;
}

int look_link(struct scope *scope, const char *target, struct node **ret_node, struct err *err)
{
    int64_t mtime_ns = 0;
    int r = scope_mtime(scope, &mtime_ns, err);
    if (r < 0)
        return r;
    char *text = strdup(target);
    r = text ? node_link_new(render_fixed, text, free, mtime_ns, !scope_is_live(scope), ret_node)
             : -ENOMEM;
    if (r < 0) {
        free(text);
        return err_set(err, ENOMEM, "symbolic link: out of memory");
    }
    return 0;
}
