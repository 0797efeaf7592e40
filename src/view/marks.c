/* Positions that a listing's place keeps, with bytes of their own. */
#include "marks.h"

#include <errno.h>
#include <stdlib.h>

#include "dbsnapfs/source/database.h"
#include "dbsnapfs/tree.h"

static void marks_free(void *kept)
{
    struct marks *marks = kept;
    free(marks->began.values);
    free(marks->ended.values);
    buf_free(&marks->began.bytes);
    buf_free(&marks->ended.bytes);
    free(marks);
}

int marks_get(struct node_place *place, size_t count, struct marks **ret_marks)
{
    struct marks *marks = place->kept;
    if (marks && marks->count == count) {
        *ret_marks = marks;
        return 0;
    }
    node_place_clear(place);
    marks = calloc(1, sizeof(*marks));
    if (!marks)
        return -ENOMEM;
    marks->count = count;
    marks->began.values = calloc(count + 1, sizeof(struct value));
    marks->ended.values = calloc(count + 1, sizeof(struct value));
    if (!marks->began.values || !marks->ended.values) {
        marks_free(marks);
        return -ENOMEM;
    }
    place->kept = marks;
    place->free = marks_free;
    *ret_marks = marks;
    return 0;
}

const struct mark *marks_start(struct marks *marks, uint64_t cookie)
{
    struct mark ended = marks->ended;
    if (ended.set && ended.cookie <= cookie) {
        marks->ended = marks->began;
        marks->began = ended;
    }
    marks->ended.set = false;
    if (marks->began.set && marks->began.cookie <= cookie)
        return &marks->began;
    marks->began.set = false;
    return NULL;
}

int mark_set(struct marks *marks, struct mark *mark, uint64_t cookie, const struct value *values)
{
    size_t at = 0;
    buf_clear(&mark->bytes);
    for (size_t i = 0; i < marks->count; i++) {
        mark->values[i] = values[i];
        if (values[i].kind == VALUE_TEXT || values[i].kind == VALUE_BLOB)
            buf_add(&mark->bytes, values[i].bytes, values[i].len);
    }
    mark->set = buf_error(&mark->bytes) == 0;
    if (!mark->set)
        return -ENOMEM;
    for (size_t i = 0; i < marks->count; i++) {
        struct value *value = &mark->values[i];
        if (value->kind != VALUE_TEXT && value->kind != VALUE_BLOB)
            continue;
        value->bytes = buf_text(&mark->bytes) + at;
        at += value->len;
    }
    mark->cookie = cookie;
    return 0;
}
