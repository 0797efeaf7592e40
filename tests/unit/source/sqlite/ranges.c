/*
 * src/source/sqlite/ranges.c: ranges stay ascending, disjoint and few, and lose nothing.
 */
#include "source/sqlite/ranges.h"

#include <check.h>
#include <stdlib.h>

#include "store/support.h"

Suite *suite_source_sqlite_ranges(void);

static void assert_range(const struct ranges *ranges, size_t index, int64_t first, int64_t last)
{
    ck_assert_uint_lt(index, ranges->count);
    ck_assert_int_eq(ranges->items[index].first, first);
    ck_assert_int_eq(ranges->items[index].last, last);
}

START_TEST(ranges_that_touch_or_overlap_are_one)
{
    struct ranges ranges = {NULL, 0, 0};

    ck_assert_int_eq(ranges_add(&ranges, 1, 5, false), 0);
    ck_assert_int_eq(ranges_add(&ranges, 6, 8, false), 0);
    ck_assert_int_eq(ranges_add(&ranges, 10, 12, false), 0);
    ck_assert_int_eq(ranges_add(&ranges, 20, 22, false), 0);
    ck_assert_uint_eq(ranges.count, 3);
    assert_range(&ranges, 0, 1, 8);
    ck_assert_int_eq(ranges_add(&ranges, 9, 21, false), 0);
    ck_assert_uint_eq(ranges.count, 1);
    assert_range(&ranges, 0, 1, 22);
    ranges_release(&ranges);
}
END_TEST

START_TEST(what_lies_between_is_taken_in_when_asked)
{
    struct ranges ranges = {NULL, 0, 0};

    ck_assert_int_eq(ranges_add(&ranges, 1, 2, true), 0);
    ck_assert_int_eq(ranges_add(&ranges, 50, 60, false), 0);
    ck_assert_int_eq(ranges_add(&ranges, 100, 110, true), 0);
    ck_assert_uint_eq(ranges.count, 2);
    assert_range(&ranges, 1, 50, 110);
    ranges_release(&ranges);
}
END_TEST

START_TEST(the_least_and_the_greatest_rowid_are_ends_like_others)
{
    struct ranges ranges = {NULL, 0, 0};

    ck_assert_int_eq(ranges_add(&ranges, 5, INT64_MAX, false), 0);
    ck_assert_int_eq(ranges_add(&ranges, INT64_MAX, INT64_MAX, false), 0);
    ck_assert_uint_eq(ranges.count, 1);
    ck_assert_int_eq(ranges_add(&ranges, INT64_MIN, INT64_MIN, false), 0);
    assert_range(&ranges, 0, INT64_MIN, INT64_MAX);
    ranges_release(&ranges);
}
END_TEST

START_TEST(many_ranges_become_few_and_lose_nothing)
{
    static int64_t numbers[200000];
    struct ranges ranges = {NULL, 0, 0};
    uint64_t seed = 3;
    int64_t at = 0;

    for (size_t i = 0; i < 200000; i++) {
        at += 2 + (int64_t)(random_next(&seed) % 1000);
        numbers[i] = at;
        ck_assert_int_eq(ranges_add(&ranges, at, at, false), 0);
    }
    ck_assert_uint_le(ranges.count, RANGES_MOST);
    for (size_t i = 0, k = 0; i < 200000; i++) {
        while (k < ranges.count && ranges.items[k].last < numbers[i])
            k++;
        ck_assert(k < ranges.count && ranges.items[k].first <= numbers[i]);
    }
    ranges_release(&ranges);
}
END_TEST

Suite *suite_source_sqlite_ranges(void)
{
    Suite *suite = suite_create("source/sqlite/ranges");
    TCase *tests = tcase_create("ranges");

    tcase_add_test(tests, ranges_that_touch_or_overlap_are_one);
    tcase_add_test(tests, what_lies_between_is_taken_in_when_asked);
    tcase_add_test(tests, the_least_and_the_greatest_rowid_are_ends_like_others);
    tcase_add_test(tests, many_ranges_become_few_and_lose_nothing);
    suite_add_tcase(suite, tests);
    return suite;
}
