/*
 * dbsnapfs: a SQLite database's time machine, as a file system.
 */
#include <malloc.h>

#include "dbsnapfs/cli.h"

/* glibc gives each thread a heap of its own, and what the caches let go stays in whichever it came
 * from: with one for each of a mount's threads that was half as much again as the caches hold. */
#define HEAPS 2

int main(int argc, char **argv)
{
    mallopt(M_ARENA_MAX, HEAPS);
    return cli_main(argc, argv);
}
