/* Names are gathered first and looked up one by one then, as a user does. */
#include "table/key_support.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/table/key.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"

static void gather(const struct opened *opened, const char *table, char between, struct buf *out)
{
    const struct selection selection = {.relation = opened_find(opened, table),
                                        .what = SELECT_KEYS};
    struct cursor *cursor = NULL;
    struct err err = ERR_INIT;
    int r;
    ck_assert(key_exists(selection.relation));
    ck_assert_msg(cursor_open(opened->database, &selection, &cursor, &err) == 0, "%s", err.text);
    while ((r = cursor_next(cursor, &err)) > 0) {
        key_name(selection.relation, cursor, true, out);
        buf_add(out, &between, 1);
    }
    ck_assert_msg(r == 0, "%s", err.text);
    cursor_close(cursor);
}

const char *key_names(const struct opened *opened, const char *table)
{
    static struct buf out;
    buf_clear(&out);
    gather(opened, table, ' ', &out);
    if (out.len > 0)
        out.data[--out.len] = '\0';
    return buf_text(&out);
}

int key_look(const struct opened *opened, const char *table, const char *name, int what,
             struct err *err)
{
    const struct relation *relation = opened_find(opened, table);
    struct cursor *cursor = NULL;
    struct buf found = BUF_INIT;
    const struct selection wanted = {.relation = relation, .what = what};
    int r = key_find(opened->database, &wanted, name, &cursor, err);
    if (r < 0)
        return r;
    if (what != SELECT_HEADS) {
        key_name(relation, cursor, what == SELECT_KEYS, &found);
        ck_assert_str_eq(buf_text(&found), name);
    }
    buf_free(&found);
    cursor_close(cursor);
    return 0;
}

void key_check_all(const struct opened *opened, const char *table)
{
    static const int ways[] = {SELECT_KEYS, SELECT_ROWS, SELECT_HEADS};
    struct buf names = BUF_INIT;
    struct err err = ERR_INIT;
    gather(opened, table, '\0', &names);
    for (size_t at = 0; at < names.len; at += strlen(names.data + at) + 1) {
        const char *name = names.data + at;
        ck_assert_uint_le(strlen(name), 255);
        for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
            ck_assert_msg(key_look(opened, table, name, ways[i], &err) == 0, "%s: %s", table,
                          err.text);
        for (size_t other = 0; other < at; other += strlen(names.data + other) + 1)
            ck_assert_str_ne(names.data + other, name);
    }
    buf_free(&names);
}
