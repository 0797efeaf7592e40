/*
 * rows/KEY/referenced-by/TABLE.COLUMN/KEY: links to the rows whose foreign keys name this one.
 *
 * They are searched for by the values that this row has in the columns they refer to, as the
 * columns that refer compare. Where those have another affinity or collation than the parent's, each
 * row found is asked what it names. SQLite's foreign keys would take even more for equal, TEXT '1' in
 * a column without a type for an INTEGER 1; no index leads to such a row. A look-up of one name asks
 * the row with that name alone.
 */
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
#include "row.h"
#include "row_list.h"
#include "row_names.h"
#include "scope.h"

struct referenced_node {
    struct node node;
    struct row *row;
    char name[NAME_BYTES + 1]; /* "" for referenced-by/ itself, else what is below it */
};

static int no_memory(const struct relation *relation, struct err *err)
{
    return err_set(err, ENOMEM, "%s: out of memory", relation->name);
}

static int referenced_attr(struct node *node, struct node_attr *ret_attr, struct err *err)
{
    return look_attr(((struct referenced_node *)node)->row->scope, ret_attr, err);
}

static void referenced_free(struct node *node)
{
    struct referenced_node *referenced = (struct referenced_node *)node;
    row_unref(referenced->row);
    free(referenced);
}

static int make(struct row *row, const char *name, const struct node_ops *ops,
                struct node **ret_node, struct err *err)
{
    struct referenced_node *referenced = calloc(1, sizeof(*referenced));
    if (!referenced)
        return err_set(err, ENOMEM, "%s: out of memory", row->table);
    node_init(&referenced->node, ops);
    referenced->node.names_only = *name;
    referenced->row = row_ref(row);
    strncpy(referenced->name, name, NAME_BYTES);
    *ret_node = &referenced->node;
    return 0;
}

/* ---- the rows that refer to one ---- */

/* A search for them. */
struct search {
    struct look *look;
    const struct row *row;
    const struct referrer *referrer;
    bool exact, has_null;
    size_t count;   /* of columns that are searched for … */
    size_t *places; /* … their places in the foreign key … */
    size_t *columns;
    struct value *values; /* … and the row's values; of all columns at first */
};

/* Does the row that refers, where the cursor is, name ours? */
static int refers_to(const struct search *search, struct cursor *cursor, struct err *err)
{
    const struct foreign_key *key = search->referrer->foreign_key;
    struct value *values = calloc(key->count, sizeof(*values));
    struct buf name = BUF_INIT;
    bool found = false, null = false;
    int r = values ? 0 : no_memory(search->look->relation, err);
    for (size_t i = 0; r == 0 && i < key->count; i++) {
        cursor_value(cursor, key->columns[i], &values[i]);
        null = null || values[i].kind == VALUE_NULL;
    }
    if (r == 0 && !null)
        r = link_target(search->look->database, key, values, &name, &found, err);
    if (r == 0 && found)
        r = strcmp(buf_text(&name), search->row->key) == 0;
    buf_free(&name);
    free(values);
    return r;
}

static int fits(void *arg, struct cursor *cursor, struct err *err)
{
    return refers_to(arg, cursor, err);
}

static void search_end(struct search *search)
{
    free(search->places);
    free(search->columns);
    free(search->values);
}

/* `look` is at no row before, and at the search's row afterwards, whose values it has. */
static int search_begin(struct search *search, struct err *err)
{
    const struct foreign_key *key = search->referrer->foreign_key;
    search->places = calloc(key->count, sizeof(*search->places));
    search->columns = calloc(key->count, sizeof(*search->columns));
    search->values = calloc(key->count, sizeof(*search->values));
    if (!search->places || !search->columns || !search->values)
        return no_memory(search->look->relation, err);
    int r = look_values(search->look, search->row->key, key->parent_columns, key->count,
                        search->values, err);
    if (r < 0)
        return r;
    for (size_t i = 0; i < key->count; i++)
        search->has_null = search->has_null || search->values[i].kind == VALUE_NULL;
    search->count = link_match(search->referrer, search->places, &search->exact);
    for (size_t i = 0; i < search->count; i++) {
        search->columns[i] = key->columns[search->places[i]];
        search->values[i] = search->values[search->places[i]];
    }
    return 0;
}

static struct row_list search_list(struct search *search)
{
    return (struct row_list){
        .database = search->look->database,
        .selection =
            {
                .relation = search->referrer->child,
                .what = search->exact ? SELECT_KEYS : SELECT_ROWS,
                .column_count = search->referrer->foreign_key->count,
                .columns = search->referrer->foreign_key->columns,
                .match_count = search->count,
                .match_columns = search->columns,
                .match_values = search->values,
            },
        .kind = NODE_LINK,
        .fits = search->exact ? NULL : fits,
        .arg = search,
    };
}

/* ---- referenced-by/TABLE.COLUMN/ ---- */

static int find_referrer(const struct look *look, const char *name,
                         const struct referrer **ret_referrer, struct err *err)
{
    struct buf names = BUF_INIT;
    row_referrer_names(look->relation, &names);
    size_t place = row_names_find(&names, name);
    buf_free(&names);
    if (place == NO_COLUMN)
        return err_set(err, ENOENT, "%s: nothing refers to %s by that", name, look->relation->name);
    *ret_referrer = &look->relation->referrers[place];
    return 0;
}

static int referrer_list(struct node *node, struct node_place *place, uint64_t cookie,
                         node_emit emit, void *arg, struct err *err)
{
    const struct referenced_node *referenced = (struct referenced_node *)node;
    struct look look;
    struct search search = {.look = &look, .row = referenced->row};
    int r = look_begin(referenced->row->scope, referenced->row->table, &look, err);
    if (r < 0)
        return r;
    r = find_referrer(&look, referenced->name, &search.referrer, err);
    if (r == 0)
        r = search_begin(&search, err);
    if (r == 0 && !search.has_null) {
        const struct row_list list = search_list(&search);
        r = row_list(&list, place, cookie, emit, arg, err);
    }
    search_end(&search);
    look_end(&look);
    return r;
}

/* Does the row with this name refer to ours? `look` is at ours before, at that one afterwards. */
static int check_refers(struct search *search, const char *name, struct err *err)
{
    struct look *look = search->look;
    const struct foreign_key *key = search->referrer->foreign_key;
    struct value *values = calloc(key->count, sizeof(*values));
    look->relation = search->referrer->child;
    int r = values ? look_values(look, name, key->columns, key->count, values, err)
                   : no_memory(look->relation, err);
    free(values);
    if (r == 0)
        r = refers_to(search, look->cursor, err);
    if (r < 0)
        return r;
    return r > 0 ? 0 : err_set(err, ENOENT, "%s: refers to another row", name);
}

static int referrer_lookup(struct node *node, const char *name, struct node **ret_node,
                           struct err *err)
{
    const struct referenced_node *referenced = (struct referenced_node *)node;
    struct row *row = referenced->row;
    struct buf target = BUF_INIT;
    struct look look;
    struct search search = {.look = &look, .row = row};
    int r = look_begin(row->scope, row->table, &look, err);
    if (r < 0)
        return r;
    r = find_referrer(&look, referenced->name, &search.referrer, err);
    if (r == 0)
        r = check_refers(&search, name, err);
    if (r == 0) {
        const char *child = search.referrer->child->name;
        buf_add_text(&target, "../../../../../");
        name_encode(child, strlen(child), &target);
        buf_addf(&target, "/rows/%s", name);
        r = buf_error(&target) < 0 ? no_memory(look.relation, err) : 0;
    }
    look_end(&look);
    if (r == 0)
        r = look_link(row->scope, buf_text(&target), ret_node, err);
    buf_free(&target);
    return r;
}

static const struct node_ops referrer_ops = {
    .attr = referenced_attr,
    .lookup = referrer_lookup,
    .list = referrer_list,
    .free = referenced_free,
};

/* ---- referenced-by/ ---- */

static int referenced_lookup(struct node *node, const char *name, struct node **ret_node,
                             struct err *err)
{
    struct row *row = ((struct referenced_node *)node)->row;
    const struct referrer *referrer = NULL;
    struct look look;
    int r = look_begin(row->scope, row->table, &look, err);
    if (r < 0)
        return r;
    r = find_referrer(&look, name, &referrer, err);
    look_end(&look);
    return r < 0 ? r : make(row, name, &referrer_ops, ret_node, err);
}

static int has_any(struct look *look, const struct row *row, const struct referrer *referrer,
                   bool *ret_any, struct err *err)
{
    struct search search = {.look = look, .row = row, .referrer = referrer};
    int r = search_begin(&search, err);
    if (r == 0 && !search.has_null) {
        const struct row_list list = search_list(&search);
        r = row_list_any(&list, ret_any, err);
    }
    search_end(&search);
    return r;
}

/* Only those by which a row refers. A cookie is the number of referrers that are done. */
static int list_referrers(struct look *look, const struct row *row, uint64_t cookie, node_emit emit,
                          void *arg, struct err *err)
{
    struct buf names = BUF_INIT;
    uint64_t at = 0;
    row_referrer_names(look->relation, &names);
    int r = buf_error(&names) < 0 ? no_memory(look->relation, err) : 0;
    for (const char *name = r == 0 ? row_names_next(&names, NULL) : NULL; name && r == 0;
         name = row_names_next(&names, name)) {
        const struct referrer *referrer = &look->relation->referrers[at++];
        bool any = false;
        if (at <= cookie || !*name)
            continue;
        r = has_any(look, row, referrer, &any, err);
        if (r == 0 && any && emit(arg, name, NODE_DIRECTORY, at) != 0)
            break;
    }
    buf_free(&names);
    return r;
}

static int referenced_list(struct node *node, struct node_place *place, uint64_t cookie,
                           node_emit emit, void *arg, struct err *err)
{
    const struct row *row = ((struct referenced_node *)node)->row;
    struct look look;
    (void)place;
    int r = look_begin(row->scope, row->table, &look, err);
    if (r < 0)
        return r;
    r = list_referrers(&look, row, cookie, emit, arg, err);
    look_end(&look);
    return r;
}

static const struct node_ops referenced_ops = {
    .attr = referenced_attr,
    .lookup = referenced_lookup,
    .list = referenced_list,
    .free = referenced_free,
};

int referenced_make(struct row *row, struct node **ret_node, struct err *err)
{
    return make(row, "", &referenced_ops, ret_node, err);
}
