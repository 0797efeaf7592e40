/*
 * Facts as text: numbers, and names that may have any bytes and so tell their length first.
 *
 * Each takes something off what lies between `*at` and `end`, which is moved behind it; false for
 * what is no such thing.
 */
#ifndef SERVICE_FACT_TEXT_H
#define SERVICE_FACT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A number and `mark`. */
bool fact_take_number(const char **at, const char *end, char mark, uint64_t *ret_number);
/* The same, which may have a minus in front. */
bool fact_take_signed(const char **at, const char *end, char mark, int64_t *ret_number);
/* "5:users" and `mark`: the name is not copied. */
bool fact_take_name(const char **at, const char *end, char mark, const char **ret_name,
                    size_t *ret_len);

#endif
