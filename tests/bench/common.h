/* common: what the bench's programs share: giving up, numbers as arguments, repeatable chance. */
#ifndef DBSNAPFS_BENCH_COMMON_H
#define DBSNAPFS_BENCH_COMMON_H

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define PAGE_BYTES 4096

__attribute__((noreturn, format(printf, 1, 2))) static inline void die(const char *format, ...)
{
    va_list args;

    fputs("bench: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(1);
}

/* A command line's number above 0. */
static inline int64_t number(const char *text)
{
    char *end = NULL;
    long long value = strtoll(text, &end, 10);

    if (value <= 0 || *end)
        die("%s: not a number above 0", text);
    return value;
}

/* splitmix64: small, and the same everywhere */
struct rng {
    uint64_t state;
};

static inline uint64_t rng_next(struct rng *rng)
{
    uint64_t z = rng->state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* 0 … bound-1 */
static inline int64_t rng_below(struct rng *rng, int64_t bound)
{
    return (int64_t)(rng_next(rng) % (uint64_t)bound);
}

/* 0 … 1, without 1 */
static inline double rng_unit(struct rng *rng)
{
    return (double)(rng_next(rng) >> 11) * 0x1p-53;
}

#endif
