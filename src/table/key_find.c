/*
 * Rows and values by their names.
 *
 * A name says which values to search for. What is found is then named itself and must have the name
 * that was asked for: a key in a collation that takes "A" for "a", or a number that SQLite takes for
 * another's equal, leads to a row by one name only.
 *
 * A name that was cut leads to candidates: the rows that have the parts which are whole, or the
 * values that begin with what is left of the first part, one after the other in the order of the
 * index. Where there is no index in such an order all keys are looked at.
 */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "dbsnapfs/source/database.h"
#include "dbsnapfs/source/schema.h"
#include "dbsnapfs/table/key.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"
#include "dbsnapfs/util/name.h"
#include "table/key_internal.h"

struct search {
    struct database *database;
    const struct relation *relation;
    const char *name;
    bool any;        /* what is found is known to have it */
    struct buf text; /* the names of what is found */
};

static int none(const struct search *search, struct err *err)
{
    return err_set(err, ENOENT, "%s: no such row in %s", search->name, search->relation->name);
}

static bool has_name(struct search *search, const struct selection *selection,
                     const struct value *blobs, struct cursor *cursor)
{
    if (search->any)
        return true;
    buf_clear(&search->text);
    key_name_known(search->relation, cursor, selection->what == SELECT_KEYS, blobs, &search->text);
    return strcmp(buf_text(&search->text), search->name) == 0;
}

/* The first row of a selection that has the name. 1: `ret_cursor` stands there; 0: there is none.
 * `blobs`: of a key in a selection of heads. */
static int find_among(struct search *search, const struct selection *selection,
                      const struct value *blobs, struct cursor **ret_cursor, struct err *err)
{
    struct cursor *cursor = NULL;
    int r = cursor_open(search->database, selection, &cursor, err);
    if (r < 0)
        return r;
    while ((r = cursor_next(cursor, err)) > 0) {
        if (has_name(search, selection, blobs, cursor)) {
            *ret_cursor = cursor;
            return 1;
        }
    }
    cursor_close(cursor);
    if (r == 0 && buf_error(&search->text) < 0)
        return err_set(err, ENOMEM, "%s: out of memory", search->relation->name);
    return r;
}

static int find_rowid(struct search *search, int64_t rowid, const struct selection *wanted,
                      struct cursor **ret_cursor, struct err *err)
{
    const struct value position = {.kind = VALUE_INTEGER, .integer = rowid};
    struct selection selection = *wanted;
    selection.at = &position;
    return find_among(search, &selection, NULL, ret_cursor, err);
}

static int find_key(struct search *search, const struct value *values,
                    const struct selection *wanted, struct cursor **ret_cursor, struct err *err)
{
    struct selection selection = *wanted;
    selection.match_count = search->relation->key_count;
    selection.match_columns = search->relation->key;
    selection.match_values = values;
    return find_among(search, &selection, values, ret_cursor, err);
}

static int part_values(const struct relation *relation, const struct name_decoded *decoded,
                       size_t count, struct value *ret_values)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < count; i++)
        r = key_part_value(&relation->columns[relation->key[i]], &decoded->parts[i],
                           &ret_values[i]);
    return r;
}

/* ---- names that were cut ---- */

/* The first value of a column whose name can be the one that was cut, if `value` is NULL, or the
 * next: 1, or 0. */
static int next_candidate(struct search *search, size_t column, const struct value *beginning,
                          const struct value *value, struct value *ret_value, struct err *err)
{
    const struct value *after = value ? value : beginning;
    struct value next = {.kind = VALUE_NULL};
    int r = database_next_value(search->database, search->relation, column, after, &next, err);
    if (r <= 0)
        return r;
    if (value_equal(after, &next) || !key_value_begins(&next, beginning)) {
        value_free(&next);
        return 0;
    }
    *ret_value = next;
    return 1;
}

static bool in_binary_order(const struct relation *relation, size_t column)
{
    return relation_column_indexed(relation, column) &&
           strcasecmp(relation->columns[column].collation, "BINARY") == 0;
}

static int find_by_first(struct search *search, const struct value *beginning,
                         struct cursor **ret_cursor, struct err *err)
{
    struct value value = {.kind = VALUE_NULL}, next = {.kind = VALUE_NULL};
    const struct selection selection = {
        .relation = search->relation,
        .what = SELECT_KEYS,
        .match_count = 1,
        .match_columns = search->relation->key,
        .match_values = &value,
    };
    size_t column = search->relation->key[0];
    int r = next_candidate(search, column, beginning, NULL, &next, err);
    while (r > 0) {
        value_free(&value);
        value = next;
        next = (struct value){.kind = VALUE_NULL};
        r = find_among(search, &selection, NULL, ret_cursor, err);
        if (r != 0)
            break;
        r = next_candidate(search, column, beginning, &value, &next, err);
    }
    value_free(&value);
    return r;
}

/* A cursor of keys. */
static int find_cut(struct search *search, const struct name_decoded *decoded,
                    struct cursor **ret_cursor, struct err *err)
{
    const struct relation *relation = search->relation;
    const size_t whole = decoded->count - 1;
    struct value values[NAME_PARTS];
    struct selection selection = {
        .relation = relation,
        .what = SELECT_KEYS,
        .match_count = whole,
        .match_columns = relation->key,
        .match_values = values,
    };
    if (part_values(relation, decoded, whole, values) < 0)
        return 0;
    if (whole == 0 && in_binary_order(relation, relation->key[0])) {
        const struct column *column = &relation->columns[relation->key[0]];
        if (key_part_beginning(column, &decoded->parts[0], &values[0]) < 0)
            return 0;
        return find_by_first(search, &values[0], ret_cursor, err);
    }
    return find_among(search, &selection, NULL, ret_cursor, err);
}

/* Another cursor at the row where one of keys is; a rowid needs no look at its key. */
static int find_again(struct search *search, struct cursor *keys, const struct selection *wanted,
                      struct cursor **ret_cursor, struct err *err)
{
    const size_t count = search->relation->key_count;
    struct value values[NAME_PARTS];
    size_t copied = 0;
    int r = 0;
    if (search->relation->position_is_rowid) {
        cursor_position(keys, 0, &values[0]);
        search->any = true;
        return find_rowid(search, values[0].integer, wanted, ret_cursor, err);
    }
    if (count > NAME_PARTS)
        return err_set(err, EOVERFLOW, "%s: a key of %zu columns cannot be searched for",
                       search->relation->name, count);
    for (; r == 0 && copied < count; copied++) {
        struct value value;
        cursor_value(keys, copied, &value);
        r = value_copy(&value, &values[copied]);
    }
    if (r < 0)
        copied--;
    r = r < 0 ? err_set(err, ENOMEM, "%s: out of memory", search->relation->name)
              : find_key(search, values, wanted, ret_cursor, err);
    while (copied > 0)
        value_free(&values[--copied]);
    return r;
}

static int find_whole_or_cut(struct search *search, const struct selection *wanted,
                             struct cursor **ret_cursor, struct err *err)
{
    struct name_decoded decoded;
    struct value values[NAME_PARTS];
    struct cursor *keys = NULL;
    int r = name_decode_parts(search->name, search->relation->key_count, &decoded);
    if (r < 0)
        return r == -EINVAL ? 0 : err_set(err, -r, "%s: out of memory", search->relation->name);
    if (r == 0) {
        if (part_values(search->relation, &decoded, decoded.count, values) < 0)
            return 0;
        return find_key(search, values, wanted, ret_cursor, err);
    }
    r = find_cut(search, &decoded, &keys, err);
    if (r > 0 && wanted->what != SELECT_KEYS) {
        r = find_again(search, keys, wanted, ret_cursor, err);
        cursor_close(keys);
    } else if (r > 0) {
        *ret_cursor = keys;
    }
    return r;
}

static int find(struct search *search, const struct selection *wanted, struct cursor **ret_cursor,
                struct err *err)
{
    const struct relation *relation = search->relation;
    const size_t head = strlen(KEY_ROWID);
    const char *name = search->name;
    int64_t rowid = 0;
    if (!key_exists(relation))
        return 0;
    if (key_is_rowid(relation)) {
        if (!key_integer(name, strlen(name), &rowid))
            return 0;
        return find_rowid(search, rowid, wanted, ret_cursor, err);
    }
    if (relation->position_is_rowid && strncmp(name, KEY_ROWID, head) == 0 &&
        key_integer(name + head, strlen(name + head), &rowid))
        return find_rowid(search, rowid, wanted, ret_cursor, err);
    return find_whole_or_cut(search, wanted, ret_cursor, err);
}

int key_find(struct database *database, const struct selection *wanted, const char *name,
             struct cursor **ret_cursor, struct err *err)
{
    struct search search = {database, wanted->relation, name, false, BUF_INIT};
    int r = find(&search, wanted, ret_cursor, err);
    buf_free(&search.text);
    if (r == 0)
        return none(&search, err);
    return r < 0 ? r : 0;
}

/* ---- values ---- */

/* Among all values of the column, in its index's order. */
static int find_value(struct search *search, size_t column, const struct value *beginning,
                      struct value *ret_value, struct err *err)
{
    const bool ordered = in_binary_order(search->relation, column);
    const struct value *after = ordered ? beginning : NULL;
    struct value value = {.kind = VALUE_NULL}, next = {.kind = VALUE_NULL};
    int r;
    while ((r = database_next_value(search->database, search->relation, column, after, &next,
                                    err)) > 0) {
        bool stuck = after && value_equal(after, &next);
        value_free(&value);
        value = next;
        after = &value;
        if (stuck || (ordered && !key_value_begins(&value, beginning))) {
            r = 0;
            break;
        }
        buf_clear(&search->text);
        key_value_name(&search->relation->columns[column], &value, &search->text);
        if (strcmp(buf_text(&search->text), search->name) == 0) {
            *ret_value = value;
            return 1;
        }
    }
    value_free(&value);
    return r;
}

int key_value_find(struct database *database, const struct relation *relation, size_t column,
                   const char *name, struct value *ret_value, struct err *err)
{
    struct search search = {database, relation, name, false, BUF_INIT};
    struct name_decoded decoded;
    struct value value = {.kind = VALUE_NULL};
    int r = name_decode_parts(name, 1, &decoded);
    if (r == 0 && key_part_value(&relation->columns[column], &decoded.parts[0], &value) == 0) {
        if (value_copy(&value, ret_value) < 0)
            return err_set(err, ENOMEM, "%s: out of memory", relation->name);
        return 0;
    }
    if (r == 1 && key_part_beginning(&relation->columns[column], &decoded.parts[0], &value) == 0) {
        r = find_value(&search, column, &value, ret_value, err);
        buf_free(&search.text);
        if (r != 0)
            return r < 0 ? r : 0;
    }
    return err_set(err, ENOENT, "%s: no such value of %s in %s", name,
                   relation->columns[column].name, relation->name);
}
