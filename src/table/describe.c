/*
 * Schemas as SQL and as JSON.
 */
#include "dbsnapfs/table/describe.h"

#include <string.h>

#include "dbsnapfs/source/schema.h"
#include "dbsnapfs/table/text.h"
#include "dbsnapfs/util/buf.h"

void describe_schema(const struct relation *relation, struct buf *out)
{
    if (relation->sql[0])
        schema_add_statement(relation->sql, strlen(relation->sql), out);
    for (size_t i = 0; i < relation->part_count; i++)
        schema_add_statement(relation->parts[i].sql, strlen(relation->parts[i].sql), out);
}

static void add_key(const char *key, struct buf *out)
{
    buf_addf(out, ",\"%s\":", key);
}

static void add_string(const char *key, const char *text, struct buf *out)
{
    add_key(key, out);
    if (text)
        text_json_string(text, out);
    else
        buf_add_text(out, "null");
}

static void add_names(const char *key, const struct relation *relation, const size_t *columns,
                      size_t count, struct buf *out)
{
    add_key(key, out);
    for (size_t i = 0; i < count; i++) {
        buf_add_char(out, i > 0 ? ',' : '[');
        if (columns[i] == NO_COLUMN)
            buf_add_text(out, "null");
        else
            text_json_string(relation->columns[columns[i]].name, out);
    }
    buf_add_char(out, ']');
}

/* As they are declared, or else those that the parent's key has; null where nothing tells. */
static void add_parent_columns(const struct foreign_key *foreign_key, struct buf *out)
{
    if (!foreign_key->parent_names) {
        if (foreign_key->parent) {
            add_names("parent_columns", foreign_key->parent, foreign_key->parent_columns,
                      foreign_key->count, out);
        } else {
            add_string("parent_columns", NULL, out);
        }
        return;
    }
    add_key("parent_columns", out);
    for (size_t i = 0; i < foreign_key->count; i++) {
        buf_add_char(out, i > 0 ? ',' : '[');
        text_json_string(foreign_key->parent_names[i], out);
    }
    buf_add_char(out, ']');
}

static bool has_column(const struct foreign_key *foreign_key, size_t column)
{
    for (size_t i = 0; i < foreign_key->count; i++)
        if (foreign_key->columns[i] == column)
            return true;
    return false;
}

static void add_references(const struct relation *relation, size_t column, struct buf *out)
{
    bool any = false;

    add_key("references", out);
    buf_add_char(out, '[');
    for (size_t i = 0; i < relation->foreign_key_count; i++) {
        const struct foreign_key *foreign_key = &relation->foreign_keys[i];

        if (!has_column(foreign_key, column))
            continue;
        buf_add_text(out, any ? ",{\"table\":" : "{\"table\":");
        any = true;
        text_json_string(foreign_key->parent_name, out);
        add_names("columns", relation, foreign_key->columns, foreign_key->count, out);
        add_parent_columns(foreign_key, out);
        add_string("on_update", foreign_key->on_update, out);
        add_string("on_delete", foreign_key->on_delete, out);
        buf_add_char(out, '}');
    }
    buf_add_char(out, ']');
}

static void add_column(const struct relation *relation, size_t number, struct buf *out)
{
    static const char *const generated[] = {NULL, "virtual", "stored"};
    const struct column *column = &relation->columns[number];

    buf_add_text(out, "{\"name\":");
    text_json_string(column->name, out);
    add_string("type", column->type, out);
    add_key("not_null", out);
    buf_add_text(out, column->not_null ? "true" : "false");
    add_string("default", column->default_sql, out);
    add_key("primary_key", out);
    if (column->key_place > 0)
        buf_addf(out, "%zu", column->key_place);
    else
        buf_add_text(out, "null");
    add_string("collation", column->collation, out);
    add_string("generated", generated[column->generated], out);
    add_references(relation, number, out);
    buf_add_char(out, '}');
}

void describe_columns(const struct relation *relation, struct buf *out)
{
    buf_add_text(out, "[\n");
    for (size_t i = 0; i < relation->column_count; i++) {
        add_column(relation, i, out);
        buf_add_text(out, i + 1 < relation->column_count ? ",\n" : "\n");
    }
    buf_add_text(out, "]\n");
}
