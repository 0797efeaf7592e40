/*
 * SQLite's own allocator with a question in front. It has to be in place before SQLite starts, and
 * whoever uses SQLite first may be anywhere in the program; so it is put there when the program is
 * loaded.
 */
#include "source/sqlite/patience.h"

#include <sqlite3.h>
#include <stddef.h>
#include <time.h>

#define NS INT64_C(1000000000)
#define ASK_EVERY 64u /* allocations: some microseconds of work */

static sqlite3_mem_methods usual; /* set once, before there are threads */
static _Thread_local struct patience *watched;

static int64_t worked_ns(void)
{
    struct timespec now = {.tv_sec = 0};

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * NS + now.tv_nsec;
}

static bool refuses(void)
{
    struct patience *patience = watched;

    if (!patience)
        return false;
    if (!patience->exhausted && ++patience->asked % ASK_EVERY == 0)
        patience->exhausted = worked_ns() >= patience->until_ns;
    return patience->exhausted;
}

static void *patient_malloc(int bytes)
{
    return refuses() ? NULL : usual.xMalloc(bytes);
}

static void *patient_realloc(void *memory, int bytes)
{
    return refuses() ? NULL : usual.xRealloc(memory, bytes);
}

__attribute__((constructor)) static void put_in_place(void)
{
    sqlite3_mem_methods patient;

    if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &usual) != SQLITE_OK || !usual.xMalloc)
        return;
    patient = usual;
    patient.xMalloc = patient_malloc;
    patient.xRealloc = patient_realloc;
    (void)sqlite3_config(SQLITE_CONFIG_MALLOC, &patient);
}

void patience_begin(struct patience *patience, int64_t at_most_ns)
{
    patience->until_ns = worked_ns() + at_most_ns;
    patience->exhausted = false;
    patience->asked = 0;
    watched = patience;
}

void patience_end(void)
{
    watched = NULL;
}
