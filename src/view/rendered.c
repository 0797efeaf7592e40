/*
 * rows.csv, rows.ndjson, rows.sql and database.sql as nodes.
 *
 * To look one up costs nothing of the table: only who asks for the size (stat, fstat) waits for
 * that, and what is known of a backup from before is told at once. So `cat` of a backup begins at once,
 * and so does a listing.
 */
#include "rendered.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/tree.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"
#include "dbsnapfs/util/name.h"
#include "scope.h"
#include "sizes.h"
#include "tables.h"

/* Longer texts of backups are read past the kernel's cache. */
#define CACHED_BYTES ((uint64_t)64 << 20)

/* Programs that go by it, as diff and grep do, else ask for 4 KiB at a time, past the page cache. */
#define PIECE_BYTES ((uint32_t)1 << 17)

struct rendered_node {
    struct node node;
    struct rendered rendered;
};

static const char *const file_names[] = {
    [TEXT_CSV] = "rows.csv",
    [TEXT_NDJSON] = "rows.ndjson",
    [TEXT_SQL] = "rows.sql",
};

int rendered_copy(const struct rendered *rendered, struct rendered *ret_copy, struct err *err)
{
    struct rendered copy = *rendered;
    if (rendered->table) {
        copy.table = strdup(rendered->table);
        if (!copy.table)
            return err_set(err, ENOMEM, "%s: out of memory", rendered->table);
    }
    copy.scope = scope_ref(rendered->scope);
    *ret_copy = copy;
    return 0;
}

void rendered_release(struct rendered *rendered)
{
    scope_unref(rendered->scope);
    free(rendered->table);
}

int rendered_new(const struct rendered *rendered, struct rendering **ret_rendering, struct err *err)
{
    return rendered->table ? rendering_rows(rendered->table, rendered->form, ret_rendering, err)
                           : rendering_dump(ret_rendering, err);
}

int rendered_path(const struct rendered *rendered, struct buf *out)
{
    buf_add_text(out, scope_is_live(rendered->scope) ? "live/" : "");
    if (!rendered->table) {
        buf_add_text(out, "database.sql");
        return buf_error(out);
    }
    buf_add_text(out, rendered->is_view ? "views/" : "tables/");
    if (name_encode(rendered->table, strlen(rendered->table), out) < 0)
        return -ENOMEM;
    buf_addf(out, "/%s", file_names[rendered->form]);
    return buf_error(out);
}

uint64_t rendered_of_sizes(const struct rendered *rendered, const struct row_sizes *sizes)
{
    if (rendered->table && rendered->form == TEXT_CSV)
        return sizes->csv_bytes;
    if (rendered->table && rendered->form == TEXT_NDJSON)
        return sizes->ndjson_bytes;
    return sizes->sql_bytes;
}

static int rendered_glance(struct node *node, struct node_attr *ret_attr, struct err *err)
{
    const struct rendered *rendered = &((struct rendered_node *)node)->rendered;
    struct row_sizes sizes;
    *ret_attr = (struct node_attr){
        .kind = NODE_FILE,
        .immutable = !scope_is_live(rendered->scope),
        .piece_bytes = PIECE_BYTES,
    };
    if (sizes_known(rendered->scope, rendered->table, &sizes))
        ret_attr->size = rendered_of_sizes(rendered, &sizes);
    return scope_mtime(rendered->scope, &ret_attr->mtime_ns, err);
}

static int rendered_attr(struct node *node, struct node_attr *ret_attr, struct err *err)
{
    const struct rendered *rendered = &((struct rendered_node *)node)->rendered;
    struct row_sizes sizes = {.rows = 0};
    struct node_attr attr;
    int r = rendered_glance(node, &attr, err);
    if (r == 0 && rendered->table)
        r = sizes_rows(rendered->scope, rendered->table, &sizes, err);
    else if (r == 0)
        r = sizes_dump(rendered->scope, &sizes.sql_bytes, err);
    if (r == 0) {
        attr.size = rendered_of_sizes(rendered, &sizes);
        *ret_attr = attr;
    }
    return r;
}

static int rendered_open(struct node *node, bool writing, const struct node_request *request,
                         struct node_file **ret_file, struct err *err)
{
    const struct rendered *rendered = &((struct rendered_node *)node)->rendered;
    struct row_sizes sizes;
    (void)writing;
    if (scope_is_live(rendered->scope))
        return live_open(rendered, request, ret_file, err);
    bool cached = sizes_known(rendered->scope, rendered->table, &sizes) &&
                  rendered_of_sizes(rendered, &sizes) <= CACHED_BYTES;
    return past_open(rendered, cached, ret_file, err);
}

static void rendered_free(struct node *node)
{
    struct rendered_node *rendered = (struct rendered_node *)node;
    rendered_release(&rendered->rendered);
    free(rendered);
}

static const struct node_ops rendered_ops = {
    .attr = rendered_attr,
    .glance = rendered_glance,
    .open = rendered_open,
    .free = rendered_free,
};

static int make(const struct rendered *rendered, struct node **ret_node, struct err *err)
{
    struct rendered_node *node = calloc(1, sizeof(*node));
    if (!node)
        return err_set(err, ENOMEM, "tables: out of memory");
    int r = rendered_copy(rendered, &node->rendered, err);
    if (r < 0) {
        free(node);
        return r;
    }
    node_init(&node->node, &rendered_ops);
    *ret_node = &node->node;
    return 0;
}

int rendered_rows_make(struct scope *scope, const char *table, bool is_view, enum text_form form,
                       struct node **ret_node, struct err *err)
{
    char *name = strdup(table);
    const struct rendered rendered = {scope, name, is_view, form};
    int r =
        name ? make(&rendered, ret_node, err) : err_set(err, ENOMEM, "%s: out of memory", table);
    free(name);
    return r;
}

int dump_make(struct scope *scope, struct node **ret_node, struct err *err)
{
    const struct rendered rendered = {.scope = scope, .form = TEXT_SQL};
    return make(&rendered, ret_node, err);
}
