/*
 * A row's name, from its key.
 */
#include "dbsnapfs/table/key.h"

#include <inttypes.h>
#include <string.h>

#include "dbsnapfs/source/database.h"
#include "dbsnapfs/source/schema.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/name.h"
#include "table/key_internal.h"

bool key_exists(const struct relation *relation)
{
    return relation->position_is_rowid ||
           (relation->key_count > 0 && relation->kind != RELATION_VIRTUAL);
}

/* The key that a virtual table declares holds nothing to be unique, nor finds it. */
bool key_is_rowid(const struct relation *relation)
{
    return relation->position_is_rowid &&
           (relation->key_count == 0 || relation->kind == RELATION_VIRTUAL ||
            (relation->key_count == 1 && relation->key[0] == relation->rowid_column));
}

static void add_rowid(const char *head, struct cursor *cursor, struct buf *out)
{
    struct value rowid;
    cursor_position(cursor, 0, &rowid);
    buf_addf(out, "%s%" PRId64, head, rowid.integer);
}

static size_t place_of(const struct relation *relation, bool keys, size_t i)
{
    return keys ? i : relation->key[i];
}

static bool has_null(const struct relation *relation, struct cursor *cursor, bool keys)
{
    for (size_t i = 0; i < relation->key_count; i++) {
        struct value value;
        cursor_value_head(cursor, place_of(relation, keys, i), &value);
        if (value.kind == VALUE_NULL)
            return true;
    }
    return false;
}

void key_name_known(const struct relation *relation, struct cursor *cursor, bool keys,
                    const struct value *blobs, struct buf *out)
{
    struct name_writer writer;
    if (key_is_rowid(relation)) {
        add_rowid("", cursor, out);
        return;
    }
    if (relation->position_is_rowid && has_null(relation, cursor, keys)) {
        add_rowid(KEY_ROWID, cursor, out);
        return;
    }
    name_begin(&writer, relation->key_count, NAME_BYTES, out);
    for (size_t i = 0; i < relation->key_count; i++) {
        char digits[KEY_DIGITS];
        struct name_part part;
        struct value value;
        cursor_value(cursor, place_of(relation, keys, i), &value);
        if (value.kind == VALUE_BLOB && blobs && blobs[i].kind == VALUE_BLOB)
            value = blobs[i];
        key_part(&relation->columns[relation->key[i]], &value, digits, &part);
        name_add(&writer, &part);
    }
    name_end(&writer);
}

void key_name(const struct relation *relation, struct cursor *cursor, bool keys, struct buf *out)
{
    key_name_known(relation, cursor, keys, NULL, out);
}

void key_name_of_values(const struct relation *relation, const struct value *values,
                        struct buf *out)
{
    struct name_writer writer;
    name_begin(&writer, relation->key_count, NAME_BYTES, out);
    for (size_t i = 0; i < relation->key_count; i++) {
        char digits[KEY_DIGITS];
        struct name_part part;
        key_part(&relation->columns[relation->key[i]], &values[i], digits, &part);
        name_add(&writer, &part);
    }
    name_end(&writer);
}
