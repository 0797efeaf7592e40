/*
 * dbsnapfs: a SQLite database's time machine, as a file system.
 */
#include <malloc.h>

#include "dbsnapfs/cli.h"

/* glibc gives each thread a heap of its own, and what the caches let go stays in whichever it came
 * from: with one for each of a mount's threads that was half as much again as the caches hold. */
#define HEAPS 2

/* It also raises the size from which a piece of memory is the system's own to that of the largest
 * that was given back. The windows of a MiB that readers of tables have would then lie between
 * small things in the heaps, which twice as much memory was spent on. */
#define OWN_BYTES (256 * 1024)

int main(int argc, char **argv)
{
    mallopt(M_ARENA_MAX, HEAPS);
    mallopt(M_MMAP_THRESHOLD, OWN_BYTES);
    return cli_main(argc, argv);
}
