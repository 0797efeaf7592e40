/*
 * pages: looks at a database file, or at its copy in a mounted backup, as the pages it is made of.
 *
 * `touched` says how much of a file changed in the terms that matter to a backup tool: which part
 * of the 4 KiB pages, of 64 KiB chunks and of 1 MiB chunks holds a difference. `random-read` says
 * what a query pays that lands on a cold page.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common.h"

static int64_t file_open(const char *path, int *ret_fd)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || fstat(fd, &st))
        die("%s: %s", path, strerror(errno));
    *ret_fd = fd;
    return st.st_size;
}

static void page_read(int fd, int64_t offset, void *page, const char *path)
{
    ssize_t got = pread(fd, page, PAGE_BYTES, offset);

    if (got != PAGE_BYTES)
        die("%s: offset %" PRId64 ": %s", path, offset, got < 0 ? strerror(errno) : "short read");
}

/* Prints which part of B's pages, 64 KiB and 1 MiB chunks differ from A's at the same place. */
static int cmd_touched(const char *path_a, const char *path_b)
{
    static const int64_t pages_per_chunk[3] = {1, 16, 256};
    int64_t touched[3] = {0}, last[3] = {-1, -1, -1};
    unsigned char a[PAGE_BYTES], b[PAGE_BYTES];
    int fd_a, fd_b;
    int64_t pages_a = file_open(path_a, &fd_a) / PAGE_BYTES,
            pages_b = file_open(path_b, &fd_b) / PAGE_BYTES;

    for (int64_t i = 0; i < pages_b; i++) {
        page_read(fd_b, i * PAGE_BYTES, b, path_b);
        if (i < pages_a) {
            page_read(fd_a, i * PAGE_BYTES, a, path_a);
            if (memcmp(a, b, PAGE_BYTES) == 0)
                continue;
        }
        for (int s = 0; s < 3; s++) {
            touched[s] += last[s] != i / pages_per_chunk[s];
            last[s] = i / pages_per_chunk[s];
        }
    }
    for (int s = 0; s < 3; s++) {
        int64_t chunks = (pages_b + pages_per_chunk[s] - 1) / pages_per_chunk[s];

        printf("%s%.1f%%", s ? " " : "", 100.0 * (double)touched[s] / (double)chunks);
    }
    printf("  of the 4 KiB pages, 64 KiB and 1 MiB chunks\n");
    close(fd_a);
    close(fd_b);
    return 0;
}

struct reader {
    pthread_t thread;
    const char *path;
    struct rng rng;
    int64_t count;
    int64_t *times_ns; /* count of them, this reader's part of the whole array */
};

static void *reader_main(void *arg)
{
    struct reader *reader = arg;
    unsigned char page[PAGE_BYTES];
    struct timespec start, end;
    int fd;
    int64_t pages = file_open(reader->path, &fd) / PAGE_BYTES;

    for (int64_t i = 0; i < reader->count; i++) {
        int64_t offset = rng_below(&reader->rng, pages) * PAGE_BYTES;

        clock_gettime(CLOCK_MONOTONIC, &start);
        page_read(fd, offset, page, reader->path);
        clock_gettime(CLOCK_MONOTONIC, &end);
        reader->times_ns[i] =
            (end.tv_sec - start.tv_sec) * 1000000000 + end.tv_nsec - start.tv_nsec;
    }
    close(fd);
    return NULL;
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static int cmd_random_read(const char *path, int64_t count, uint64_t seed, int64_t threads)
{
    struct reader *readers = calloc((size_t)threads, sizeof(*readers));
    int64_t *times_ns = calloc((size_t)(count * threads), sizeof(*times_ns));
    int64_t total = count * threads, sum_ns = 0;

    if (!readers || !times_ns)
        die("out of memory");
    for (int64_t i = 0; i < threads; i++) {
        readers[i] = (struct reader){.path = path,
                                     .rng = {seed + (uint64_t)i * 7919},
                                     .count = count,
                                     .times_ns = times_ns + i * count};
        if (pthread_create(&readers[i].thread, NULL, reader_main, &readers[i]))
            die("cannot start a thread");
    }
    for (int64_t i = 0; i < threads; i++)
        pthread_join(readers[i].thread, NULL);
    qsort(times_ns, (size_t)total, sizeof(*times_ns), by_value);
    for (int64_t i = 0; i < total; i++)
        sum_ns += times_ns[i];
    int64_t slow_ns = times_ns[total * 99 / 100];
    printf("mean %.1f us, p99 %.1f us, %" PRId64 " reads\n", (double)sum_ns / 1e3 / (double)total,
           (double)slow_ns / 1e3, total);
    free(times_ns);
    free(readers);
    return 0;
}

int main(int argc, char **argv)
{
    const char *verb = argc > 1 ? argv[1] : "";
    int64_t threads = 1;

    if (argc > 3 && strcmp(argv[argc - 2], "--threads") == 0) {
        threads = number(argv[argc - 1]);
        argc -= 2;
    }
    if (argc == 4 && strcmp(verb, "touched") == 0)
        return cmd_touched(argv[2], argv[3]);
    if (argc >= 4 && argc <= 5 && strcmp(verb, "random-read") == 0)
        return cmd_random_read(argv[2], number(argv[3]), argc > 4 ? (uint64_t)number(argv[4]) : 1,
                               threads);
    fputs("usage: pages touched A B | pages random-read PATH COUNT [SEED] [--threads N]\n", stderr);
    return 2;
}
