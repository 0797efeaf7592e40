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
 */
#ifndef DBSNAPFS_SOURCE_SQLITE_PATIENCE_H
#define DBSNAPFS_SOURCE_SQLITE_PATIENCE_H

#include <stdbool.h>
#include <stdint.h>

struct patience {
    int64_t most_bytes; /* that SQLite may have of memory in this process; 0: any */
    int64_t at_most_ns; /* of the thread's processor time, which a busy machine does not eat up */
    int64_t until_ns;   /* 0: not asked yet */
    bool exhausted;     /* memory was refused */
    unsigned asked;
};

/* From now on for this thread, until patience_end(). One at a time. `at_most_ns` INT64_MAX: any. */
void patience_begin(struct patience *patience, int64_t at_most_ns, int64_t most_bytes);
void patience_end(void);

#endif
