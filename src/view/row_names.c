/* Names of columns' files and of links. */
#include "row_names.h"

#include <stdio.h>
#include <string.h>

#include "dbsnapfs/source/schema.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/name.h"
#include "links.h"

#define LINK_END ".row"
#define HALF 120 /* of what two names may take in one, so that what joins them fits too */

/* Escapes the first character that is not escaped yet. false: there is none. */
static bool escape_one(struct buf *name)
{
    size_t at = 0, len = 1;
    while (at < name->len && name->data[at] == '%')
        at += name->data[at + 1] == '~' ? 2 : 3;
    if (at >= name->len)
        return false;
    while (at + len < name->len && ((unsigned char)name->data[at + len] & 0xc0) == 0x80)
        len++;
    struct buf escaped = BUF_INIT;
    buf_add(&escaped, name->data, at);
    for (size_t i = 0; i < len; i++)
        buf_addf(&escaped, "%%%02X", (unsigned char)name->data[at + i]);
    buf_add(&escaped, name->data + at + len, name->len - at - len);
    buf_free(name);
    *name = escaped;
    return true;
}

/* ---- columns ---- */

static bool is_reserved(const char *name)
{
    size_t len = strlen(name), end = strlen(LINK_END);
    return strcmp(name, ROW_JSON) == 0 || strcmp(name, ROW_REFERENCED) == 0 ||
           (len >= end && strcmp(name + len - end, LINK_END) == 0);
}

void row_column_name(const struct relation *relation, size_t column, struct buf *out)
{
    const char *name = relation->columns[column].name;
    struct buf file = BUF_INIT;
    name_encode(name, strlen(name), &file);
    if (is_reserved(buf_text(&file)))
        escape_one(&file);
    if (file.len > NAME_BYTES) {
        const struct name_part part = {"column", name, strlen(name)};
        buf_clear(&file);
        name_encode_parts(&part, 1, NAME_BYTES, &file);
    }
    buf_add(out, buf_text(&file), file.len);
    out->failed = out->failed || file.failed;
    buf_free(&file);
}

static bool has_file(const struct relation *relation, size_t column, const char *name)
{
    struct buf file = BUF_INIT;
    row_column_name(relation, column, &file);
    bool same = strcmp(buf_text(&file), name) == 0;
    buf_free(&file);
    return same;
}

size_t row_column_find(const struct relation *relation, const char *name)
{
    struct buf plain = BUF_INIT;
    size_t column = 0, end = relation->column_count;
    /* Of many columns only the one that is called so is asked for its file; but all of them for a
     * name that was cut, or escaped where it need not be. */
    if (name_decode(name, &plain) == 0) {
        column = relation_column(relation, buf_text(&plain));
        end = column == NO_COLUMN ? NO_COLUMN : column + 1;
    }
    while (column < end && !has_file(relation, column, name))
        column++;
    buf_free(&plain);
    return column < end ? column : NO_COLUMN;
}

/* ---- lists ---- */

const char *row_names_next(const struct buf *names, const char *name)
{
    const char *next = name ? name + strlen(name) + 1 : buf_text(names);
    return names->len > 0 && next < names->data + names->len ? next : NULL;
}

size_t row_names_find(const struct buf *names, const char *name)
{
    size_t place = 0;
    for (const char *each = row_names_next(names, NULL); each; each = row_names_next(names, each)) {
        if (*each && strcmp(each, name) == 0)
            return place;
        place++;
    }
    return NO_COLUMN;
}

/* Adds a name that no other has; without one where that would be too long. */
static void add_unique(struct buf *names, struct buf *name)
{
    bool ok = true;
    while (ok && row_names_find(names, buf_text(name)) != NO_COLUMN)
        ok = escape_one(name);
    if (ok && name->len <= NAME_BYTES)
        buf_add(names, buf_text(name), name->len);
    buf_add(names, "", 1);
    names->failed = names->failed || name->failed;
}

static void add_columns(const struct relation *relation, const size_t *columns, size_t count,
                        size_t most, struct buf *out)
{
    struct name_writer writer;
    name_begin(&writer, count, most, out);
    for (size_t i = 0; i < count; i++) {
        const char *name = relation->columns[columns[i]].name;
        name_add(&writer, &(struct name_part){NULL, name, strlen(name)});
    }
    name_end(&writer);
}

static void add_relation(const struct relation *relation, size_t most, struct buf *out)
{
    const struct name_part part = {NULL, relation->name, strlen(relation->name)};
    name_encode_parts(&part, 1, most, out);
}

/* ---- links ---- */

static void link_name(const struct relation *relation, const struct foreign_key *key,
                      const struct buf *names, struct buf *out)
{
    add_columns(relation, key->columns, key->count, NAME_BYTES - strlen(LINK_END), out);
    buf_add_text(out, LINK_END);
    if (row_names_find(names, buf_text(out)) == NO_COLUMN)
        return;
    buf_clear(out);
    add_columns(relation, key->columns, key->count, HALF, out);
    buf_add_char(out, '.');
    add_relation(key->parent, HALF, out);
    buf_add_text(out, LINK_END);
}

void row_link_names(const struct relation *relation, struct buf *out)
{
    struct buf name = BUF_INIT;
    for (size_t i = 0; i < relation->foreign_key_count; i++) {
        buf_clear(&name);
        if (!link_exists(relation, &relation->foreign_keys[i])) {
            buf_add(out, "", 1);
            continue;
        }
        link_name(relation, &relation->foreign_keys[i], out, &name);
        add_unique(out, &name);
    }
    buf_free(&name);
}

static void referrer_name(const struct referrer *referrer, size_t most, struct buf *out)
{
    const struct foreign_key *key = referrer->foreign_key;
    buf_clear(out);
    add_relation(referrer->child, most, out);
    buf_add_char(out, '.');
    add_columns(referrer->child, key->columns, key->count, most, out);
}

void row_referrer_names(const struct relation *relation, struct buf *out)
{
    struct buf name = BUF_INIT;
    for (size_t i = 0; i < relation->referrer_count; i++) {
        const struct referrer *referrer = &relation->referrers[i];
        if (!link_is_found(referrer)) {
            buf_add(out, "", 1);
            continue;
        }
        referrer_name(referrer, NAME_BYTES, &name);
        if (name.len > NAME_BYTES)
            referrer_name(referrer, HALF, &name);
        add_unique(out, &name);
    }
    buf_free(&name);
}
