/*
 * SQLite's own allocator with a question in front. It has to be in place before SQLite starts, and
 * whoever uses SQLite first may be anywhere in the program; so it is put there when the program is
 * loaded.
 */
#include "source/sqlite/patience.h"

#include <malloc.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#define NS INT64_C(1000000000)
#define ASK_EVERY 64u /* allocations: some microseconds of work */
#define LARGE_BYTES (1 << 16)
#define LITTLE_BYTES (8LL << 20)

/* What a view gathered comes back in small pieces, and the C library keeps them for the next who
 * asks in the same heap: the process would stay at what a view may have, once for each heap. So
 * when more than the first was in use, all is given to the system as soon as less than the second is. */
#define SWOLLEN_BYTES (32LL << 20)
#define SHRUNK_BYTES (8LL << 20)

static sqlite3_mem_methods usual; /* set once, before there are threads */
static _Thread_local struct patience *watched;

static int64_t worked_ns(void)
{
    struct timespec now = {.tv_sec = 0};

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * NS + now.tv_nsec;
}

/* SQLite's own count cannot be asked for: it holds its lock while it asks for memory. */
static atomic_llong in_use;
static atomic_bool is_swollen;   /* since more than SWOLLEN_BYTES were in use */
static atomic_llong held_by_all; /* that are watched */

/* The clock is a system call: it runs from the first question on. */
static bool is_late(struct patience *patience)
{
    int64_t now_ns;

    if (patience->at_most_ns == INT64_MAX)
        return false;
    now_ns = worked_ns();
    if (patience->until_ns == 0)
        patience->until_ns = now_ns + patience->at_most_ns;
    return now_ns >= patience->until_ns;
}

static enum patience_end end_of(struct patience *patience, int bytes)
{
    long long held = patience->held_bytes + bytes;
    long long by_all = atomic_load_explicit(&held_by_all, memory_order_relaxed) + bytes;

    if (is_late(patience))
        return PATIENCE_LATE;
    if (held > patience->most_bytes || (held > LITTLE_BYTES && by_all > patience->most_bytes))
        return PATIENCE_GREEDY;
    return PATIENCE_LEFT;
}

static bool refuses(int bytes)
{
    struct patience *patience = watched;

    if (!patience)
        return false;
    if (patience->end == PATIENCE_LEFT &&
        (bytes >= LARGE_BYTES || ++patience->asked % ASK_EVERY == 0))
        patience->end = end_of(patience, bytes);
    return patience->end != PATIENCE_LEFT;
}

static void hold(long long bytes)
{
    if (!watched)
        return;
    watched->held_bytes += bytes;
    atomic_fetch_add_explicit(&held_by_all, bytes, memory_order_relaxed);
}

static void grow(long long bytes)
{
    hold(bytes);
    if (atomic_fetch_add_explicit(&in_use, bytes, memory_order_relaxed) + bytes > SWOLLEN_BYTES &&
        !atomic_load_explicit(&is_swollen, memory_order_relaxed))
        atomic_store_explicit(&is_swollen, true, memory_order_relaxed);
}

/* After the memory was given back. */
static void shrink(long long bytes)
{
    hold(-bytes);
    if (atomic_fetch_sub_explicit(&in_use, bytes, memory_order_relaxed) - bytes < SHRUNK_BYTES &&
        atomic_load_explicit(&is_swollen, memory_order_relaxed) &&
        atomic_exchange_explicit(&is_swollen, false, memory_order_relaxed))
        (void)malloc_trim(0);
}

static void *patient_malloc(int bytes)
{
    void *memory = refuses(bytes) ? NULL : usual.xMalloc(bytes);

    if (memory)
        grow(usual.xSize(memory));
    return memory;
}

static void patient_free(void *memory)
{
    long long bytes = usual.xSize(memory);

    usual.xFree(memory);
    shrink(bytes);
}

static void *patient_realloc(void *memory, int bytes)
{
    long long before = usual.xSize(memory);
    void *moved = refuses(bytes) ? NULL : usual.xRealloc(memory, bytes);

    if (moved)
        grow(usual.xSize(moved) - before);
    return moved;
}

__attribute__((constructor)) static void put_in_place(void)
{
    sqlite3_mem_methods patient;

    if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &usual) != SQLITE_OK || !usual.xMalloc)
        return;
    patient = usual;
    patient.xMalloc = patient_malloc;
    patient.xFree = patient_free;
    patient.xRealloc = patient_realloc;
    (void)sqlite3_config(SQLITE_CONFIG_MALLOC, &patient);
}

void patience_begin(struct patience *patience, int64_t at_most_ns, int64_t most_bytes,
                    int64_t held_bytes)
{
    *patience = (struct patience){
        .most_bytes = most_bytes,
        .held_bytes = held_bytes,
        .at_most_ns = at_most_ns,
    };
    watched = patience;
}

int64_t patience_end(void)
{
    int64_t held_bytes = watched->held_bytes;

    watched = NULL;
    return held_bytes;
}

void patience_forget(int64_t held_bytes)
{
    atomic_fetch_sub_explicit(&held_by_all, held_bytes, memory_order_relaxed);
}
