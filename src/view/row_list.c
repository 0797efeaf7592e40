/*
 * Listings of rows and values.
 *
 * Each piece is a transaction and a cursor of its own, which begins behind the position where the
 * last one ended, by one search; nothing is held in between. An entry's cookie is its number, from 1.
 * Rows without positions can only be counted from the beginning.
 */
#include "row_list.h"

#include <errno.h>
#include <strings.h>

#include "dbsnapfs/source/schema.h"
#include "dbsnapfs/table/key.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"
#include "marks.h"

/* A piece while it is listed. */
struct piece {
    struct marks *marks;
    uint64_t at, cookie; /* entries that are done; those that are to be skipped */
    node_emit emit;
    void *arg;
    struct buf name;
};

static int no_memory(const struct relation *relation, struct err *err)
{
    return err_set(err, ENOMEM, "%s: out of memory", relation->name);
}

/* ---- rows ---- */

static int note_row(struct piece *piece, const struct relation *relation, struct cursor *cursor)
{
    struct marks *marks = piece->marks;
    struct mark *mark = piece->at == piece->cookie ? &marks->began : &marks->ended;
    if (marks->count == 0 || piece->at < piece->cookie)
        return 0;
    for (size_t i = 0; i < relation->position_count; i++)
        cursor_position(cursor, i, &mark->values[i]);
    return mark_set(marks, mark, piece->at, mark->values);
}

/* The row where the cursor is: 1 when there is no room for it. */
static int list_row(struct piece *piece, const struct row_list *list, struct cursor *cursor,
                    struct err *err)
{
    const struct relation *relation = list->selection.relation;
    int r = list->fits ? list->fits(list->arg, cursor, err) : 1;
    if (r <= 0)
        return r;
    if (piece->at >= piece->cookie) {
        buf_clear(&piece->name);
        key_name(relation, cursor, list->selection.what == SELECT_KEYS, &piece->name);
        if (buf_error(&piece->name) < 0)
            return no_memory(relation, err);
        if (piece->emit(piece->arg, buf_text(&piece->name), list->kind, piece->at + 1) != 0)
            return 1;
    }
    piece->at++;
    return note_row(piece, relation, cursor) < 0 ? no_memory(relation, err) : 0;
}

static int list_rows(struct piece *piece, const struct row_list *list,
                     const struct selection *selection, struct err *err)
{
    struct cursor *cursor = NULL;
    int r = cursor_open(list->database, selection, &cursor, err);
    if (r < 0)
        return r;
    while ((r = cursor_next(cursor, err)) > 0) {
        r = list_row(piece, list, cursor, err);
        if (r != 0)
            break;
    }
    cursor_close(cursor);
    return r < 0 ? r : 0;
}

int row_list(const struct row_list *list, struct node_place *place, uint64_t cookie, node_emit emit,
             void *arg, struct err *err)
{
    struct piece piece = {.cookie = cookie, .emit = emit, .arg = arg, .name = BUF_INIT};
    struct selection selection = list->selection;
    if (marks_get(place, selection.relation->position_count, &piece.marks) < 0)
        return no_memory(selection.relation, err);
    const struct mark *start = marks_start(piece.marks, cookie);
    if (start) {
        piece.at = start->cookie;
        selection.after = start->values;
    }
    int r = list_rows(&piece, list, &selection, err);
    buf_free(&piece.name);
    return r;
}

static int take_none(void *arg, const char *name, enum node_kind kind, uint64_t next)
{
    bool *any = arg;
    (void)name, (void)kind, (void)next;
    *any = true;
    return 1;
}

int row_list_any(const struct row_list *list, bool *ret_any, struct err *err)
{
    struct node_place place = {NULL, NULL};
    bool any = false;
    int r = row_list(list, &place, 0, take_none, &any, err);
    node_place_clear(&place);
    if (r == 0)
        *ret_any = any;
    return r;
}

/* ---- values ---- */

/* Can another value be equal to this one in SQLite's eyes? */
static bool has_equals(const struct column *column, const struct value *value)
{
    if (value->kind == VALUE_TEXT)
        return strcasecmp(column->collation, "BINARY") != 0;
    return (value->kind == VALUE_INTEGER || value->kind == VALUE_REAL) &&
           (column->affinity == AFFINITY_BLOB || column->affinity == AFFINITY_REAL);
}

int value_name(struct database *database, const struct relation *relation, size_t column,
               const struct value *value, struct buf *out, struct err *err)
{
    /* All columns: the column alone would be read in its index, which in a damaged database may have
     * rows that the table has not. */
    const struct selection selection = {
        .relation = relation,
        .what = SELECT_HEADS,
        .match_count = 1,
        .match_columns = &column,
        .match_values = value,
    };
    struct cursor *cursor = NULL;
    struct value first;
    int r = cursor_open(database, &selection, &cursor, err);
    if (r < 0)
        return r;
    r = cursor_next(cursor, err);
    if (r > 0) {
        cursor_value(cursor, column, &first);
        /* A BLOB equals nothing but itself, and its bytes are not read. */
        key_value_name(&relation->columns[column], first.kind == VALUE_BLOB ? value : &first, out);
        r = buf_error(out) < 0 ? no_memory(relation, err) : 0;
    } else if (r == 0) {
        r = err_set(err, ENOENT, "%s: no row has this value any more", relation->name);
    }
    cursor_close(cursor);
    return r;
}

/* 1 when there is no room for it. */
static int list_value(struct piece *piece, struct database *database,
                      const struct relation *relation, size_t column, const struct value *value,
                      struct err *err)
{
    int r = 0;
    if (piece->at < piece->cookie)
        return 0;
    buf_clear(&piece->name);
    if (has_equals(&relation->columns[column], value))
        r = value_name(database, relation, column, value, &piece->name, err);
    else
        key_value_name(&relation->columns[column], value, &piece->name);
    if (r == 0 && buf_error(&piece->name) < 0)
        r = no_memory(relation, err);
    if (r < 0)
        return r;
    return piece->emit(piece->arg, buf_text(&piece->name), NODE_DIRECTORY, piece->at + 1) != 0;
}

static int note_value(struct piece *piece, const struct value *value)
{
    struct marks *marks = piece->marks;
    if (piece->at < piece->cookie)
        return 0;
    return mark_set(marks, piece->at == piece->cookie ? &marks->began : &marks->ended, piece->at,
                    value);
}

static int list_values(struct piece *piece, struct database *database,
                       const struct relation *relation, size_t column, const struct value *start,
                       struct err *err)
{
    struct value last = {.kind = VALUE_NULL}, next = {.kind = VALUE_NULL};
    const struct value *after = start;
    int r;
    while ((r = database_next_value(database, relation, column, after, &next, err)) > 0) {
        /* TEXT that is broken in UTF-16 is another value when it comes back. */
        bool stuck = after && value_equal(after, &next);
        value_free(&last);
        last = next;
        after = &last;
        if (stuck)
            break;
        r = list_value(piece, database, relation, column, &last, err);
        if (r != 0)
            break;
        piece->at++;
        if (note_value(piece, &last) < 0) {
            r = no_memory(relation, err);
            break;
        }
    }
    value_free(&last);
    return r < 0 ? r : 0;
}

int value_list(struct database *database, const struct relation *relation, size_t column,
               struct node_place *place, uint64_t cookie, node_emit emit, void *arg,
               struct err *err)
{
    struct piece piece = {.cookie = cookie, .emit = emit, .arg = arg, .name = BUF_INIT};
    if (marks_get(place, 1, &piece.marks) < 0)
        return no_memory(relation, err);
    const struct mark *start = marks_start(piece.marks, cookie);
    if (start)
        piece.at = start->cookie;
    int r = list_values(&piece, database, relation, column, start ? start->values : NULL, err);
    buf_free(&piece.name);
    return r;
}
