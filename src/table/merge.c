/*
 * Two cursors side by side.
 *
 * The one that stands first in the order of positions is the one that the other side lacks. Where
 * nobody knows that order, but it is the same on both sides (keys in a collation of a program's
 * own), the earlier row is looked up among the later ones: if it is there, it is ahead, and all
 * that comes before it is new; if not, it is gone.
 *
 * In a rowid table the key may have moved to another rowid. A row that only one side has at a rowid
 * is looked up by its key on the other; its change is told where it is afterwards. So it is where
 * the order is another than before. A key with a NULL is none.
 */
#include "table/merge.h"

#include <stdbool.h>

#include "dbsnapfs/source/database.h"
#include "dbsnapfs/source/pages.h"
#include "dbsnapfs/source/schema.h"
#include "table/pair.h"

/* A side and its cursor. */
struct walk {
    const struct pair_side *side;
    struct cursor *cursor;
    bool there; /* at a row */
    int64_t rowid;
};

struct merge {
    struct pair *pair;
    struct walk before, after;
    merge_each *each;
    void *arg;
    uint64_t *rows_read;
};

static int step(struct merge *merge, struct walk *walk, struct err *err)
{
    int r = walk->cursor ? cursor_next(walk->cursor, err) : 0;

    walk->there = r == 1;
    if (r == 0) { /* it must not be asked again */
        cursor_close(walk->cursor);
        walk->cursor = NULL;
    }
    if (r != 1)
        return r;
    ++*merge->rows_read;
    if (walk->side->table->position_is_rowid) {
        struct value rowid;

        cursor_position(walk->cursor, 0, &rowid);
        walk->rowid = rowid.integer;
    }
    return 0;
}

/* A range begins behind the rowid before it; the lowest has none. */
static int start(struct merge *merge, struct walk *walk, const struct rowid_range *range,
                 struct err *err)
{
    struct selection selection = {.relation = walk->side->table, .what = SELECT_ROWS};
    struct value after = {.kind = VALUE_INTEGER}, last = {.kind = VALUE_INTEGER};
    int r;

    if (!walk->side->table)
        return 0;
    if (range) {
        after.integer = range->first > INT64_MIN ? range->first - 1 : INT64_MIN;
        last.integer = range->last;
        selection.after = range->first > INT64_MIN ? &after : NULL;
        selection.last = &last;
    }
    r = cursor_open(walk->side->database, &selection, &walk->cursor, err);
    return r == 0 ? step(merge, walk, err) : r;
}

static bool cells_equal(struct cursor *a, size_t a_column, struct cursor *b, size_t b_column)
{
    struct value a_value, b_value;

    cursor_value(a, a_column, &a_value);
    cursor_value(b, b_column, &b_value);
    return value_equal(&a_value, &b_value);
}

static bool keys_equal(const struct merge *merge, struct cursor *before, struct cursor *after)
{
    const struct pair *pair = merge->pair;

    for (size_t i = 0; i < pair->key_count; i++)
        if (!cells_equal(before, pair->before.key[i], after, pair->after.key[i]))
            return false;
    return true;
}

static bool is_null(struct cursor *cursor, size_t column)
{
    struct value value;

    cursor_value_head(cursor, column, &value);
    return value.kind == VALUE_NULL;
}

static bool key_has_null(const struct merge *merge, const struct pair_side *side,
                         struct cursor *cursor)
{
    for (size_t i = 0; i < merge->pair->key_count; i++)
        if (is_null(cursor, side->key[i]))
            return true;
    return false;
}

/* A column that one side lacks is as if it was NULL there. */
static bool rows_equal(const struct merge *merge, struct cursor *before, struct cursor *after)
{
    const struct pair *pair = merge->pair;

    for (size_t i = 0; i < pair->after.table->column_count; i++) {
        size_t partner = pair->partners[i];

        if (partner == NO_COLUMN ? !is_null(after, i) : !cells_equal(before, partner, after, i))
            return false;
    }
    for (size_t i = 0; i < pair->dropped_count; i++)
        if (!is_null(before, pair->dropped[i]))
            return false;
    return true;
}

/* 1: `ret_found` is at the row of the other side that has the key of this one; to be closed. What
 * is equal in a collation is not always equal. */
static int find(const struct merge *merge, const struct walk *from, const struct walk *in,
                struct cursor **ret_found, struct err *err)
{
    const struct pair *pair = merge->pair;
    struct selection selection = {.relation = in->side->table,
                                  .what = SELECT_ROWS,
                                  .match_count = pair->key_count,
                                  .match_columns = in->side->key,
                                  .match_values = pair->values};
    bool from_before = from == &merge->before;
    struct cursor *found = NULL;
    int r;

    for (size_t i = 0; i < pair->key_count; i++)
        cursor_value(from->cursor, from->side->key[i], &pair->values[i]);
    r = cursor_open(in->side->database, &selection, &found, err);
    while (r == 0 && (r = cursor_next(found, err)) == 1) {
        ++*merge->rows_read;
        if (keys_equal(merge, from_before ? from->cursor : found,
                       from_before ? found : from->cursor)) {
            *ret_found = found;
            return 1;
        }
        r = 0;
    }
    cursor_close(found);
    return r;
}

static int tell_gone(struct merge *merge, struct err *err)
{
    return merge->each(merge->arg, MERGE_DELETE, merge->before.cursor, NULL, err);
}

static int tell_new(struct merge *merge, struct err *err)
{
    return merge->each(merge->arg, MERGE_INSERT, NULL, merge->after.cursor, err);
}

static int tell_both(const struct merge *merge, struct cursor *before, struct cursor *after,
                     bool moved, struct err *err)
{
    if (!rows_equal(merge, before, after))
        return merge->each(merge->arg, MERGE_UPDATE, before, after, err);
    return moved ? merge->each(merge->arg, MERGE_MOVE, before, after, err) : 0;
}

/* ---- rows that have no partner beside them ---- */

static bool has_key(const struct merge *merge, const struct walk *walk)
{
    return merge->pair->match != PAIR_BY_ROWID && !key_has_null(merge, walk->side, walk->cursor);
}

static int lone_before(struct merge *merge, struct err *err)
{
    struct cursor *found = NULL;
    int r = 0;

    if (has_key(merge, &merge->before))
        r = find(merge, &merge->before, &merge->after, &found, err);
    cursor_close(found);
    return r == 0 ? tell_gone(merge, err) : r < 0 ? r : 0;
}

static int lone_after(struct merge *merge, struct err *err)
{
    struct cursor *found = NULL;
    int r = 0;

    if (has_key(merge, &merge->after))
        r = find(merge, &merge->after, &merge->before, &found, err);
    if (r == 0)
        return tell_new(merge, err);
    if (r > 0)
        r = tell_both(merge, found, merge->after.cursor, true, err);
    if (found && r == 0)
        r = cursor_check(found, err);
    cursor_close(found);
    return r;
}

/* ---- by rowid ---- */

static bool have_same_name(const struct merge *merge)
{
    struct cursor *before = merge->before.cursor, *after = merge->after.cursor;

    if (merge->pair->match == PAIR_BY_ROWID || keys_equal(merge, before, after))
        return true;
    return key_has_null(merge, merge->before.side, before) &&
           key_has_null(merge, merge->after.side, after);
}

static int at_same_rowid(struct merge *merge, struct err *err)
{
    int r;

    if (have_same_name(merge))
        return tell_both(merge, merge->before.cursor, merge->after.cursor, false, err);
    r = lone_before(merge, err);
    return r == 0 ? lone_after(merge, err) : r;
}

static int run_by_rowid(struct merge *merge, struct err *err)
{
    struct walk *before = &merge->before, *after = &merge->after;
    int r = 0;

    while (r == 0 && (before->there || after->there)) {
        bool early = before->there && (!after->there || before->rowid <= after->rowid);
        bool late = after->there && (!before->there || after->rowid <= before->rowid);

        if (early && late)
            r = at_same_rowid(merge, err);
        else
            r = early ? lone_before(merge, err) : lone_after(merge, err);
        if (r == 0 && early)
            r = step(merge, before, err);
        if (r == 0 && late)
            r = step(merge, after, err);
    }
    return r;
}

/* ---- in an order that is the same on both sides ---- */

/* Which row is told and left: the earlier, the later, or both. */
enum turn { TURN_OF_BOTH, TURN_OF_BEFORE, TURN_OF_AFTER };

/* By their positions; of two that are equal there, but not the same, the earlier one first. */
static int compare_turns(struct merge *merge, enum turn *ret_turn, struct err *err)
{
    const struct pair *pair = merge->pair;
    struct value *before = pair->values, *after = pair->values + pair->key_count;
    int order = 0, r;

    for (size_t i = 0; i < pair->key_count; i++) {
        cursor_value(merge->before.cursor, pair->before.key[i], &before[i]);
        cursor_value(merge->after.cursor, pair->after.key[i], &after[i]);
    }
    r = database_compare(pair->after.database, pair->after.table, before, after, &order, err);
    if (r == 0)
        *ret_turn = order <= 0 ? TURN_OF_BEFORE : TURN_OF_AFTER;
    return r;
}

static int look_up_turn(struct merge *merge, bool *ahead, enum turn *ret_turn, struct err *err)
{
    struct cursor *found = NULL;
    int r = *ahead ? 1 : find(merge, &merge->before, &merge->after, &found, err);

    cursor_close(found);
    if (r < 0)
        return r;
    *ahead = r == 1;
    *ret_turn = *ahead ? TURN_OF_AFTER : TURN_OF_BEFORE;
    return 0;
}

static int whose_turn(struct merge *merge, bool *ahead, enum turn *ret_turn, struct err *err)
{
    if (!merge->before.there || !merge->after.there) {
        *ret_turn = merge->before.there ? TURN_OF_BEFORE : TURN_OF_AFTER;
        return 0;
    }
    if (keys_equal(merge, merge->before.cursor, merge->after.cursor)) {
        *ret_turn = TURN_OF_BOTH;
        *ahead = false;
        return 0;
    }
    if (merge->pair->after.table->position_count > 0)
        return compare_turns(merge, ret_turn, err);
    return look_up_turn(merge, ahead, ret_turn, err);
}

static int run_by_turns(struct merge *merge, struct err *err)
{
    bool ahead = false; /* the earlier row is known to come on the other side */
    enum turn turn = TURN_OF_BOTH;

    while (merge->before.there || merge->after.there) {
        int r = whose_turn(merge, &ahead, &turn, err);

        if (r < 0)
            return r;
        if (turn == TURN_OF_BOTH)
            r = tell_both(merge, merge->before.cursor, merge->after.cursor, false, err);
        else
            r = turn == TURN_OF_BEFORE ? tell_gone(merge, err) : tell_new(merge, err);
        if (r == 0 && turn != TURN_OF_AFTER)
            r = step(merge, &merge->before, err);
        if (r == 0 && turn != TURN_OF_BEFORE)
            r = step(merge, &merge->after, err);
        if (r != 0)
            return r;
    }
    return 0;
}

/* ---- in any order ---- */

/* Rows that stand side by side need not be looked up. */
static int run_by_lookup(struct merge *merge, struct err *err)
{
    struct walk *before = &merge->before, *after = &merge->after;
    int r = 0;

    while (r == 0 && (before->there || after->there)) {
        if (before->there && after->there && keys_equal(merge, before->cursor, after->cursor)) {
            r = tell_both(merge, before->cursor, after->cursor, false, err);
        } else {
            if (before->there)
                r = lone_before(merge, err);
            if (r == 0 && after->there)
                r = lone_after(merge, err);
        }
        if (r == 0)
            r = step(merge, before, err);
        if (r == 0)
            r = step(merge, after, err);
    }
    return r;
}

static int run_apart(struct merge *merge, struct err *err)
{
    int r = 0;

    while (r == 0 && merge->before.there) {
        r = tell_gone(merge, err);
        if (r == 0)
            r = step(merge, &merge->before, err);
    }
    while (r == 0 && merge->after.there) {
        r = tell_new(merge, err);
        if (r == 0)
            r = step(merge, &merge->after, err);
    }
    return r;
}

int merge_run(struct pair *pair, const struct rowid_range *range, merge_each *each, void *arg,
              uint64_t *rows_read, struct err *err)
{
    struct merge merge = {.pair = pair,
                          .before = {.side = &pair->before},
                          .after = {.side = &pair->after},
                          .each = each,
                          .arg = arg};
    int r;

    merge.rows_read = rows_read;
    r = start(&merge, &merge.before, range, err);
    if (r == 0)
        r = start(&merge, &merge.after, range, err);
    if (r == 0)
        switch (pair->match) {
        case PAIR_BY_ROWID:
        case PAIR_BY_ROWID_AND_KEY:
            r = run_by_rowid(&merge, err);
            break;
        case PAIR_BY_TURNS:
            r = run_by_turns(&merge, err);
            break;
        case PAIR_BY_LOOKUP:
            r = run_by_lookup(&merge, err);
            break;
        default:
            r = run_apart(&merge, err);
        }
    cursor_close(merge.before.cursor);
    cursor_close(merge.after.cursor);
    return r;
}
