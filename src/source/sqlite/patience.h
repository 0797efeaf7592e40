/*
 * An end to what SQLite does without asking anybody, and to the memory it takes.
 *
 * While SQLite prepares a statement it calls no progress handler (before its version 3.41), and a
 * schema can make that endless: thirty views, each of which joins the one before with itself, are
 * copied a thousand million times. But it asks for memory all the time. So while a thread's patience is
 * watched, memory is refused once it is exhausted; SQLite then gives up with SQLITE_NOMEM.
 *
 * The same ends a view that gathers endless rows in memory. What it had gathered goes back to the
 * system as soon as it ends, not to the heaps of this process.
 *
 * Only what a thread takes while it is watched is held against it, never what others have: the rows of a
 * table with large values are no view's fault. All that are watched have so much together as one may have
 * alone; when that is used up, those end that have more than a little of it.
 */
#ifndef DBSNAPFS_SOURCE_SQLITE_PATIENCE_H
#define DBSNAPFS_SOURCE_SQLITE_PATIENCE_H

#include <stdint.h>

enum patience_end { PATIENCE_LEFT, PATIENCE_LATE, PATIENCE_GREEDY };

struct patience {
    int64_t most_bytes; /* that it may have of memory */
    int64_t held_bytes; /* that it has, as far as it was taken while it was watched */
    int64_t at_most_ns; /* of the thread's processor time, which a busy machine does not eat up */
    int64_t until_ns;   /* 0: not asked yet */
    enum patience_end end; /* if it is not left, memory was refused */
    unsigned asked;
};

/* From now on for this thread, until patience_end(). One at a time. `at_most_ns` INT64_MAX: any.
 * `held_bytes` is what an earlier watch returned, to go on with; 0 at first. */
void patience_begin(struct patience *patience, int64_t at_most_ns, int64_t most_bytes,
                    int64_t held_bytes);
/* Returns what is held; to be given to another watch or to patience_forget(), for it counts on. */
int64_t patience_end(void);
/* It was freed, or is nobody's concern any more. */
void patience_forget(int64_t held_bytes);

#endif
