/*
 * rows/KEY/: an object. row.json, a file for each column that is not NULL, a link for each foreign
 * key none of whose columns is, and referenced-by/ where something can refer to it.
 */
#include "row.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/source/database.h"
#include "dbsnapfs/source/schema.h"
#include "dbsnapfs/tree.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"
#include "dbsnapfs/util/name.h"
#include "links.h"
#include "look.h"
#include "row_names.h"
#include "scope.h"

struct row_node {
    struct node node;
    struct row *row;
};

static int no_memory(const struct relation *relation, struct err *err)
{
    return err_set(err, ENOMEM, "%s: out of memory", relation->name);
}

static int no_entry(const char *name, struct err *err)
{
    return err_set(err, ENOENT, "%s: the row has no such column or link", name);
}

static bool has_referrers(const struct relation *relation)
{
    for (size_t i = 0; i < relation->referrer_count; i++)
        if (link_is_found(&relation->referrers[i]))
            return true;
    return false;
}

static bool is_null(const struct look *look, size_t column)
{
    struct value head;
    cursor_value_head(look->cursor, column, &head);
    return head.kind == VALUE_NULL;
}

/* Does the row name another one by this key? */
static bool names_one(const struct look *look, const struct foreign_key *key)
{
    for (size_t i = 0; i < key->count; i++)
        if (is_null(look, key->columns[i]))
            return false;
    return true;
}

/* ---- links ---- */

struct link {
    struct row *row;
    char name[NAME_BYTES + 1];
};

static void link_free(void *context)
{
    struct link *link = context;
    row_unref(link->row);
    free(link);
}

/* The foreign key whose link has this name; NULL: none. */
static const struct foreign_key *key_of_link(const struct relation *relation, const char *name)
{
    struct buf names = BUF_INIT;
    row_link_names(relation, &names);
    size_t place = row_names_find(&names, name);
    buf_free(&names);
    return place == NO_COLUMN ? NULL : &relation->foreign_keys[place];
}

static int render_target(struct look *look, const struct link *link, const struct foreign_key *key,
                         struct buf *out, struct err *err)
{
    struct value *values = calloc(key->count, sizeof(*values));
    bool found = false;
    int r = values ? look_values(look, link->row->key, key->columns, key->count, values, err)
                   : no_memory(look->relation, err);
    if (r == 0 && !names_one(look, key))
        r = err_set(err, ENOENT, "%s: names no row any more", link->name);
    if (r == 0) {
        buf_add_text(out, "../../../");
        name_encode(key->parent->name, strlen(key->parent->name), out);
        buf_add_text(out, "/rows/");
        r = link_target(look->database, key, values, out, &found, err);
    }
    free(values);
    return r;
}

static int link_render(void *context, struct buf *out, struct err *err)
{
    const struct link *link = context;
    struct look look;
    int r = look_begin(link->row->scope, link->row->table, &look, err);
    if (r < 0)
        return r;
    const struct foreign_key *key = key_of_link(look.relation, link->name);
    if (key)
        r = render_target(&look, link, key, out, err);
    else
        r = err_set(err, ENOENT, "%s: there is no such foreign key any more", link->name);
    look_end(&look);
    return r;
}

static int link_make(struct row *row, const char *name, struct node **ret_node, struct err *err)
{
    int64_t mtime_ns = 0;
    int r = scope_mtime(row->scope, &mtime_ns, err);
    if (r < 0)
        return r;
    struct link *link = calloc(1, sizeof(*link));
    if (!link)
        return err_set(err, ENOMEM, "%s: out of memory", name);
    link->row = row_ref(row);
    strncpy(link->name, name, NAME_BYTES);
    r = node_link_new(link_render, link, link_free, mtime_ns, !scope_is_live(row->scope), ret_node);
    if (r < 0) {
        link_free(link);
        return err_set(err, ENOMEM, "%s: out of memory", name);
    }
    return 0;
}

/* ---- the directory ---- */

static int row_attr(struct node *node, struct node_attr *ret_attr, struct err *err)
{
    return look_attr(((struct row_node *)node)->row->scope, ret_attr, err);
}

static int find_column(struct row *row, struct look *look, const char *name, size_t column,
                       struct node **ret_node, struct err *err)
{
    struct value head;
    int r = look_columns(look, row->key, SELECT_HEADS, &column, 1, err);
    if (r < 0)
        return r;
    cursor_value_head(look->cursor, column, &head);
    r = cursor_check(look->cursor, err);
    if (r < 0)
        return r;
    if (head.kind == VALUE_NULL)
        return no_entry(name, err);
    return row_column_make(row, name, &head, ret_node, err);
}

static int find_link(struct row *row, struct look *look, const char *name,
                     const struct foreign_key *key, struct node **ret_node, struct err *err)
{
    int r = look_columns(look, row->key, SELECT_HEADS, key->columns, key->count, err);
    if (r < 0)
        return r;
    return names_one(look, key) ? link_make(row, name, ret_node, err) : no_entry(name, err);
}

/* What needs no column of the row, once it is known to be there. */
static int find_other(struct row *row, struct look *look, const char *name, struct node **ret_node,
                      struct err *err)
{
    int r = look_row(look, row->key, SELECT_KEYS, err);
    if (r < 0)
        return r;
    if (strcmp(name, ROW_JSON) == 0)
        return row_json_make(row, ret_node, err);
    if (strcmp(name, ROW_REFERENCED) == 0 && has_referrers(look->relation))
        return referenced_make(row, ret_node, err);
    return no_entry(name, err);
}

/* No name is that of a column and of something else. */
static int find_in_row(struct row *row, struct look *look, const char *name, struct node **ret_node,
                       struct err *err)
{
    size_t column = row_column_find(look->relation, name);
    if (column != NO_COLUMN)
        return find_column(row, look, name, column, ret_node, err);
    const struct foreign_key *key = key_of_link(look->relation, name);
    if (key)
        return find_link(row, look, name, key, ret_node, err);
    return find_other(row, look, name, ret_node, err);
}

static int row_lookup(struct node *node, const char *name, struct node **ret_node, struct err *err)
{
    struct row *row = ((struct row_node *)node)->row;
    struct look look;
    int r = look_begin(row->scope, row->table, &look, err);
    if (r < 0)
        return r;
    r = find_in_row(row, &look, name, ret_node, err);
    look_end(&look);
    return r;
}

/* A listing from the cookie on, which is the number of entries, also of those that are not shown. */
struct row_listing {
    const struct look *look;
    uint64_t at, cookie;
    node_emit emit;
    void *arg;
    bool full;
};

static void list_one(struct row_listing *listing, const char *name, enum node_kind kind, bool shown)
{
    if (listing->at++ >= listing->cookie && shown && !listing->full)
        listing->full = listing->emit(listing->arg, name, kind, listing->at) != 0;
}

static int list_columns(struct row_listing *listing, struct err *err)
{
    const struct relation *relation = listing->look->relation;
    struct buf name = BUF_INIT;
    int r = 0;
    for (size_t i = 0; i < relation->column_count && r == 0 && !listing->full; i++) {
        buf_clear(&name);
        if (listing->at >= listing->cookie)
            row_column_name(relation, i, &name);
        r = buf_error(&name) < 0 ? no_memory(relation, err) : 0;
        if (r == 0)
            list_one(listing, buf_text(&name), NODE_FILE, !is_null(listing->look, i));
    }
    buf_free(&name);
    return r;
}

static int list_links(struct row_listing *listing, struct err *err)
{
    const struct relation *relation = listing->look->relation;
    struct buf names = BUF_INIT;
    size_t i = 0;
    row_link_names(relation, &names);
    int r = buf_error(&names) < 0 ? no_memory(relation, err) : 0;
    for (const char *name = r == 0 ? row_names_next(&names, NULL) : NULL; name && !listing->full;
         name = row_names_next(&names, name)) {
        list_one(listing, name, NODE_LINK,
                 *name && names_one(listing->look, &relation->foreign_keys[i]));
        i++;
    }
    buf_free(&names);
    return r;
}

static int row_list_entries(struct node *node, struct node_place *place, uint64_t cookie,
                            node_emit emit, void *arg, struct err *err)
{
    const struct row *row = ((struct row_node *)node)->row;
    struct look look;
    struct row_listing listing = {.look = &look, .cookie = cookie, .emit = emit, .arg = arg};
    (void)place;
    int r = look_begin(row->scope, row->table, &look, err);
    if (r < 0)
        return r;
    r = look_row(&look, row->key, SELECT_HEADS, err);
    if (r == 0) {
        list_one(&listing, ROW_JSON, NODE_FILE, true);
        r = list_columns(&listing, err);
    }
    if (r == 0 && !listing.full)
        r = list_links(&listing, err);
    if (r == 0 && !listing.full)
        list_one(&listing, ROW_REFERENCED, NODE_DIRECTORY, has_referrers(look.relation));
    look_end(&look);
    return r;
}

static void row_free(struct node *node)
{
    struct row_node *dir = (struct row_node *)node;
    row_unref(dir->row);
    free(dir);
}

static const struct node_ops row_ops = {
    .attr = row_attr,
    .lookup = row_lookup,
    .list = row_list_entries,
    .free = row_free,
};

int row_make(struct row *row, struct node **ret_node, struct err *err)
{
    struct row_node *dir = calloc(1, sizeof(*dir));
    if (!dir)
        return err_set(err, ENOMEM, "%s: out of memory", row->table);
    node_init(&dir->node, &row_ops);
    dir->node.names_only = scope_is_live(row->scope);
    dir->row = row_ref(row);
    *ret_node = &dir->node;
    return 0;
}
