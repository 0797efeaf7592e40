/*
 * Places in a long text from which it can be made: marks.
 *
 * A place is the beginning of a part, or the one behind a row of it whose position is kept. Any number
 * of threads may look for marks and add some.
 */
#ifndef DBSNAPFS_TABLE_MARKS_H
#define DBSNAPFS_TABLE_MARKS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct value;

#define MARKS_DISTANCE (256u << 10)
#define MARKS_MAX 1024u

struct mark {
    uint64_t offset;
    size_t part;
    size_t position_count; /* 0: the part's beginning */
    struct value *position;
};

struct marks {
    pthread_mutex_t lock;
    struct mark *list; /* protected by lock, like all below: by ascending offset */
    size_t count, capacity;
    uint64_t distance; /* none is nearer to another */
};

void marks_init(struct marks *marks);
void marks_release(struct marks *marks);

/* The last one at or before the offset: a copy, for mark_release(). Without any it is the text's
 * beginning, and so where memory runs out. */
void marks_find(struct marks *marks, uint64_t offset, struct mark *ret_mark);

/* Is a mark wanted here? If not, `ret_next` is the offset from which one may be. */
bool marks_want(struct marks *marks, uint64_t offset, uint64_t *ret_next);

/* Adds a copy, if one is wanted there. One for which there is no memory is not missed. */
void marks_add(struct marks *marks, const struct mark *mark);

void mark_release(struct mark *mark);

#endif
