/*
 * A sorted list. When it is full, the distance is doubled and what is nearer than that to the mark
 * before it goes, until half of the list is free.
 */
#include "table/marks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/source/database.h"

/* A longer position is not worth a mark: all of them together are to be small. */
#define POSITION_BYTES_MAX 1024u

void marks_init(struct marks *marks)
{
    *marks = (struct marks){.distance = MARKS_DISTANCE};
    pthread_mutex_init(&marks->lock, NULL);
}

void marks_release(struct marks *marks)
{
    for (size_t i = 0; i < marks->count; i++)
        mark_release(&marks->list[i]);
    free(marks->list);
    pthread_mutex_destroy(&marks->lock);
}

void mark_release(struct mark *mark)
{
    for (size_t i = 0; i < mark->position_count; i++)
        value_free(&mark->position[i]);
    free(mark->position);
    *mark = (struct mark){.offset = 0};
}

static int copy_mark(const struct mark *mark, struct mark *ret_copy)
{
    struct mark copy = *mark;

    copy.position_count = 0;
    copy.position = NULL;
    if (mark->position_count > 0) {
        copy.position = calloc(mark->position_count, sizeof(*copy.position));
        if (!copy.position)
            return -ENOMEM;
    }
    for (; copy.position_count < mark->position_count; copy.position_count++) {
        size_t i = copy.position_count;

        if (value_copy(&mark->position[i], &copy.position[i]) < 0) {
            mark_release(&copy);
            return -ENOMEM;
        }
    }
    *ret_copy = copy;
    return 0;
}

/* How many marks are at or before the offset. */
static size_t count_until(const struct marks *marks, uint64_t offset)
{
    size_t low = 0, high = marks->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (marks->list[middle].offset <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void marks_find(struct marks *marks, uint64_t offset, struct mark *ret_mark)
{
    size_t before;

    *ret_mark = (struct mark){.offset = 0};
    pthread_mutex_lock(&marks->lock);
    before = count_until(marks, offset);
    if (before > 0)
        copy_mark(&marks->list[before - 1], ret_mark);
    pthread_mutex_unlock(&marks->lock);
}

/* The text's beginning counts as a mark. */
static bool wants(const struct marks *marks, size_t before, uint64_t offset, uint64_t *ret_next)
{
    uint64_t last = before > 0 ? marks->list[before - 1].offset : 0;

    if (offset - last < marks->distance) {
        *ret_next = last + marks->distance;
        return false;
    }
    if (before < marks->count && marks->list[before].offset - offset < marks->distance) {
        *ret_next = marks->list[before].offset + marks->distance;
        return false;
    }
    return true;
}

bool marks_want(struct marks *marks, uint64_t offset, uint64_t *ret_next)
{
    bool wanted;

    pthread_mutex_lock(&marks->lock);
    wanted = wants(marks, count_until(marks, offset), offset, ret_next);
    pthread_mutex_unlock(&marks->lock);
    return wanted;
}

static void thin(struct marks *marks)
{
    while (marks->count > MARKS_MAX / 2) {
        uint64_t last = 0;
        size_t kept = 0;

        marks->distance *= 2;
        for (size_t i = 0; i < marks->count; i++) {
            if (marks->list[i].offset - last < marks->distance) {
                mark_release(&marks->list[i]);
                continue;
            }
            last = marks->list[i].offset;
            marks->list[kept++] = marks->list[i];
        }
        marks->count = kept;
    }
}

static bool make_room(struct marks *marks)
{
    size_t capacity = marks->capacity > 0 ? marks->capacity * 2 : 16;
    struct mark *list;

    if (marks->count < marks->capacity)
        return true;
    list = realloc(marks->list, capacity * sizeof(*list));
    if (!list)
        return false;
    marks->list = list;
    marks->capacity = capacity;
    return true;
}

static bool is_short(const struct mark *mark)
{
    size_t bytes = 0;

    for (size_t i = 0; i < mark->position_count; i++)
        if (mark->position[i].kind == VALUE_TEXT || mark->position[i].kind == VALUE_BLOB)
            bytes += mark->position[i].len;
    return bytes <= POSITION_BYTES_MAX;
}

void marks_add(struct marks *marks, const struct mark *mark)
{
    struct mark copy;
    uint64_t next;
    size_t before;

    if (!is_short(mark) || copy_mark(mark, &copy) < 0)
        return;
    pthread_mutex_lock(&marks->lock);
    if (marks->count >= MARKS_MAX)
        thin(marks);
    before = count_until(marks, mark->offset);
    if (wants(marks, before, mark->offset, &next) && make_room(marks)) {
        memmove(&marks->list[before + 1], &marks->list[before],
                (marks->count - before) * sizeof(*marks->list));
        marks->list[before] = copy;
        marks->count++;
        copy.position_count = 0;
        copy.position = NULL;
    }
    pthread_mutex_unlock(&marks->lock);
    mark_release(&copy);
}
