/* Which rows foreign keys lead to, and back. */
#include "links.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "dbsnapfs/source/database.h"
#include "dbsnapfs/source/schema.h"
#include "dbsnapfs/table/key.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"
#include "dbsnapfs/util/name.h"

bool link_exists(const struct relation *child, const struct foreign_key *key)
{
    if (!key->parent || key->parent->broken || child->broken || !key_exists(key->parent))
        return false;
    for (size_t i = 0; i < key->count; i++)
        if (key->columns[i] == NO_COLUMN || key->parent_columns[i] == NO_COLUMN)
            return false;
    return true;
}

/* ---- from a row to the one it names ---- */

/* The name the values would have as the parent's key; false: they are not its key. */
static bool name_as_key(const struct foreign_key *key, const struct value *values, struct buf *out)
{
    const struct relation *parent = key->parent;
    struct value *ordered = NULL;
    size_t found = 0;
    if (parent->key_count == key->count)
        ordered = calloc(key->count, sizeof(*ordered));
    for (size_t i = 0; ordered && i < key->count; i++)
        for (size_t j = 0; j < key->count; j++)
            if (key->parent_columns[j] == parent->key[i]) {
                ordered[i] = values[j];
                found++;
                break;
            }
    bool is_key = ordered && found == key->count;
    if (is_key)
        key_name_of_values(parent, ordered, out);
    free(ordered);
    return is_key;
}

/* No row is called so, whatever the values: "%~missing~x" is no kind of value. */
static void name_missing(const struct foreign_key *key, const struct value *values, struct buf *out)
{
    struct buf text = BUF_INIT;
    for (size_t i = 0; i < key->count; i++) {
        if (i > 0)
            buf_add_char(&text, ',');
        key_value_name(&key->parent->columns[key->parent_columns[i]], &values[i], &text);
    }
    const struct name_part part = {"missing", buf_text(&text), text.len};
    name_encode_parts(&part, 1, NAME_BYTES, out);
    out->failed = out->failed || text.failed;
    buf_free(&text);
}

int link_target(struct database *database, const struct foreign_key *key,
                const struct value *values, struct buf *out, bool *ret_found, struct err *err)
{
    const struct selection selection = {
        .relation = key->parent,
        .what = SELECT_KEYS,
        .match_count = key->count,
        .match_columns = key->parent_columns,
        .match_values = values,
    };
    struct cursor *cursor = NULL;
    int r = cursor_open(database, &selection, &cursor, err);
    if (r < 0)
        return r;
    r = cursor_next(cursor, err);
    if (r > 0)
        key_name(key->parent, cursor, true, out);
    else if (r == 0 && !name_as_key(key, values, out))
        name_missing(key, values, out);
    cursor_close(cursor);
    if (r >= 0 && buf_error(out) < 0)
        r = err_set(err, ENOMEM, "%s: out of memory", key->parent->name);
    if (r < 0)
        return r;
    *ret_found = r > 0;
    return 0;
}

/* ---- from a row to those that name it ---- */

size_t link_match(const struct referrer *referrer, size_t *ret_places, bool *ret_exact)
{
    const struct foreign_key *key = referrer->foreign_key;
    size_t count = 0;
    bool exact = true;
    for (size_t i = 0; i < key->count; i++) {
        const struct column *child = &referrer->child->columns[key->columns[i]];
        const struct column *parent = &key->parent->columns[key->parent_columns[i]];
        if (strcasecmp(child->collation, parent->collation) == 0)
            ret_places[count++] = i;
        else
            exact = false;
        exact = exact && child->affinity == parent->affinity;
    }
    *ret_exact = exact;
    return count;
}

static bool is_among(size_t column, const struct foreign_key *key, const size_t *places,
                     size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (key->columns[places[i]] == column)
            return true;
    return false;
}

bool link_is_found(const struct referrer *referrer)
{
    const struct relation *child = referrer->child;
    const struct foreign_key *key = referrer->foreign_key;
    bool exact = false, found = false;
    if (!key->indexed || !key_exists(child) || !link_exists(child, key))
        return false;
    size_t *places = calloc(key->count, sizeof(*places));
    if (!places)
        return false;
    size_t count = link_match(referrer, places, &exact);
    found = is_among(child->rowid_column, key, places, count);
    for (size_t i = 0; i < child->index_count && !found; i++) {
        const struct table_index *index = &child->indexes[i];
        found = index->usable > 0 && is_among(index->columns[0], key, places, count);
    }
    free(places);
    return found;
}
