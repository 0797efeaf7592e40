/*
 * A reader makes text and goes on: row after row, part after part. What it made last stays, a MiB behind
 * where it is read, since the kernel's read-ahead asks a little out of order.
 *
 * An offset that is not there is come to by going on, if it is near; else by beginning anew at the mark
 * before it, and making what is between. A reader that failed begins anew as well.
 *
 * A row is made whole, but for its large BLOBs, which come in pieces where SQLite can read them so. When
 * the reading is past a long row, its memory is given back. There are no marks within a row.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/source/database.h"
#include "dbsnapfs/source/schema.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"
#include "table/parts.h"
#include "table/rendering_internal.h"

#define KEPT_BYTES ((uint64_t)1 << 20)

struct rendering_reader {
    struct rendering *rendering;
    struct database *database;
    const struct part *parts;
    size_t part_count;
    struct buf part_list; /* holds them */

    struct buf text; /* what was made last … */
    uint64_t offset; /* … and where in the whole it begins */

    size_t part;        /* what is made next … */
    struct mark behind; /* … behind this position in it, if it has one, until there is a cursor */
    struct cursor *cursor;
    bool in_row;               /* the cursor's row is not in the text to its end */
    struct row_text *row_text; /* of row_text_relation's rows */
    const struct relation *row_text_relation;

    uint64_t next_mark; /* no mark is wanted before this offset */
    struct rendering_work work;
};

/* ---- where it is ---- */

static uint64_t end_of(const struct rendering_reader *reader)
{
    return reader->offset + reader->text.len;
}

static void leave_rows(struct rendering_reader *reader)
{
    if (reader->row_text)
        row_text_forget(reader->row_text);
    cursor_close(reader->cursor);
    reader->cursor = NULL;
    reader->in_row = false;
    mark_release(&reader->behind);
}

/* Forgets the text and goes to a mark, which it takes over. */
static void go_to_mark(struct rendering_reader *reader, struct mark *mark)
{
    leave_rows(reader);
    if (reader->text.capacity > 4 * KEPT_BYTES)
        buf_free(&reader->text);
    buf_clear(&reader->text);
    reader->part = mark->part;
    reader->offset = mark->offset;
    reader->next_mark = mark->offset;
    reader->behind = *mark;
    *mark = (struct mark){.offset = 0};
}

static void go_to_beginning(struct rendering_reader *reader)
{
    struct mark beginning = {.offset = 0};

    go_to_mark(reader, &beginning);
}

/* To where going on leads to the offset soonest. */
static void approach(struct rendering_reader *reader, uint64_t offset)
{
    uint64_t end = end_of(reader);
    struct mark mark;

    if (offset >= reader->offset && reader->text.len > 0 && offset <= end + KEPT_BYTES)
        return;
    marks_find(&reader->rendering->marks, offset, &mark);
    if (offset < reader->offset || mark.offset > end)
        go_to_mark(reader, &mark);
    mark_release(&mark);
}

/* ---- making ---- */

static int fail_memory(const struct rendering_reader *reader, struct err *err)
{
    const char *name = reader->rendering->name;

    return err_set(err, ENOMEM, "%s: out of memory", name ? name : "a database's SQL");
}

/* Leaves a mark where it is: behind the cursor's row, or at a part's beginning. */
static int leave_mark(struct rendering_reader *reader, struct err *err)
{
    const struct relation *relation = reader->parts[reader->part].relation;
    struct mark mark = {.offset = end_of(reader), .part = reader->part};

    if (!marks_want(&reader->rendering->marks, mark.offset, &reader->next_mark))
        return 0;
    if (reader->cursor) {
        if (relation->position_count == 0)
            return 0;
        mark.position = calloc(relation->position_count, sizeof(*mark.position));
        if (!mark.position)
            return fail_memory(reader, err);
        mark.position_count = relation->position_count;
        for (size_t i = 0; i < mark.position_count; i++)
            cursor_position(reader->cursor, i, &mark.position[i]);
    }
    marks_add(&reader->rendering->marks, &mark);
    free(mark.position); /* its bytes are the cursor's */
    return 0;
}

static int begin_rows(struct rendering_reader *reader, const struct part *part, struct err *err)
{
    struct selection selection = {.relation = part->relation, .what = SELECT_PIECES};
    int r = 0;

    if (reader->behind.position_count > 0)
        selection.after = reader->behind.position;
    if (reader->row_text_relation != part->relation) {
        row_text_free(reader->row_text);
        reader->row_text = NULL;
        reader->row_text_relation = NULL;
        r = row_text_new(part->relation, part->form, &reader->row_text, err);
        if (r < 0)
            return r;
        reader->row_text_relation = part->relation;
    }
    r = cursor_open(reader->database, &selection, &reader->cursor, err);
    if (r < 0)
        return r;
    if (selection.after)
        reader->work.from_mark++;
    else
        reader->work.from_beginning++;
    mark_release(&reader->behind);
    return 0;
}

static int next_part(struct rendering_reader *reader, struct err *err)
{
    leave_rows(reader);
    if (++reader->part < reader->part_count)
        return end_of(reader) >= reader->next_mark ? leave_mark(reader, err) : 0;
    atomic_store(&reader->rendering->known_bytes, end_of(reader));
    return 0;
}

static int make_piece(struct rendering_reader *reader, const struct part *part, struct err *err)
{
    int r = part->make(part, reader->database, &reader->text, err);

    if (r < 0)
        return r;
    return buf_error(&reader->text) < 0 ? fail_memory(reader, err) : next_part(reader, err);
}

static int make_row(struct rendering_reader *reader, const struct part *part, struct err *err)
{
    int r = reader->cursor ? 0 : begin_rows(reader, part, err);

    if (r < 0)
        return r;
    r = reader->in_row ? 1 : cursor_next(reader->cursor, err);
    if (r == 0)
        return next_part(reader, err);
    if (r > 0)
        r = row_text_add(reader->row_text, reader->database, reader->cursor, &reader->text, err);
    if (r < 0)
        return r;
    if (buf_error(&reader->text) < 0)
        return fail_memory(reader, err);
    reader->in_row = r > 0;
    if (reader->in_row)
        return 0;
    reader->work.rows++;
    return end_of(reader) >= reader->next_mark ? leave_mark(reader, err) : 0;
}

/* Drops text that is long before the offset, when it is so much that moving the rest costs nothing. */
static void trim(struct rendering_reader *reader, uint64_t offset)
{
    struct buf rest = BUF_INIT;
    uint64_t drop = offset > KEPT_BYTES ? offset - KEPT_BYTES : 0;
    size_t kept;

    drop = drop > reader->offset ? drop - reader->offset : 0;
    if (drop > reader->text.len)
        drop = reader->text.len;
    kept = reader->text.len - (size_t)drop;
    if (drop < KEPT_BYTES || drop < kept)
        return;
    if (reader->text.capacity > 4 * KEPT_BYTES && reader->text.capacity / 4 > kept) {
        buf_add(&rest, reader->text.data + drop, kept);
        if (buf_error(&rest) < 0)
            return;
        buf_free(&reader->text);
        reader->text = rest;
    } else {
        memmove(reader->text.data, reader->text.data + drop, kept);
        reader->text.len = kept;
        reader->text.data[kept] = '\0';
    }
    reader->offset += drop;
}

/* Makes text up to `end`, or the end of all. */
static int make_until(struct rendering_reader *reader, uint64_t offset, uint64_t end,
                      struct err *err)
{
    int r = 0;

    while (r == 0 && end_of(reader) < end && reader->part < reader->part_count) {
        const struct part *part = &reader->parts[reader->part];

        r = part->make ? make_piece(reader, part, err) : make_row(reader, part, err);
        if (r == 0)
            trim(reader, offset);
    }
    return r;
}

/* ---- for others ---- */

static int find_parts(struct rendering_reader *reader, struct err *err)
{
    const struct rendering *rendering = reader->rendering;
    const struct relation *relation = NULL;
    const struct schema *schema = NULL;
    int r = rendering->name ? rendering_find(reader->database, rendering->name, &relation, err)
                            : database_schema(reader->database, &schema, err);

    if (r < 0)
        return r;
    if (relation)
        parts_of_rows(relation, rendering->form, &reader->part_list);
    else
        parts_of_dump(schema, &reader->part_list);
    if (buf_error(&reader->part_list) < 0)
        return fail_memory(reader, err);
    reader->parts = (const struct part *)(const void *)reader->part_list.data;
    reader->part_count = reader->part_list.len / sizeof(*reader->parts);
    return 0;
}

int rendering_reader_new(struct rendering *rendering, struct database *database,
                         struct rendering_reader **ret_reader, struct err *err)
{
    struct rendering_reader *reader = calloc(1, sizeof(*reader));
    int r;

    if (!reader)
        return err_set(err, ENOMEM, "out of memory for reading a text");
    reader->rendering = rendering_ref(rendering);
    reader->database = database;
    r = find_parts(reader, err);
    if (r < 0) {
        rendering_reader_free(reader);
        return r;
    }
    *ret_reader = reader;
    return 0;
}

void rendering_reader_free(struct rendering_reader *reader)
{
    if (!reader)
        return;
    leave_rows(reader);
    row_text_free(reader->row_text);
    buf_free(&reader->text);
    buf_free(&reader->part_list);
    rendering_unref(reader->rendering);
    free(reader);
}

int rendering_read(struct rendering_reader *reader, uint64_t offset, void *bytes, size_t len,
                   size_t *ret_len, struct err *err)
{
    uint64_t known = rendering_known_bytes(reader->rendering);
    uint64_t end = offset <= UINT64_MAX - len ? offset + len : UINT64_MAX;
    size_t skip;
    int r;

    if (len == 0 || offset >= known) {
        *ret_len = 0;
        return 0;
    }
    approach(reader, offset);
    r = make_until(reader, offset, end, err);
    if (r < 0) {
        go_to_beginning(reader);
        return r;
    }
    if (offset >= end_of(reader)) {
        *ret_len = 0;
        return 0;
    }
    skip = (size_t)(offset - reader->offset);
    if (len > reader->text.len - skip)
        len = reader->text.len - skip;
    memcpy(bytes, reader->text.data + skip, len);
    *ret_len = len;
    return 0;
}

void rendering_work(const struct rendering_reader *reader, struct rendering_work *ret_work)
{
    *ret_work = reader->work;
}
