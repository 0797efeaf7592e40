/*
 * src/source/sqlite/patience.c: whose memory is whose.
 */
#include "source/sqlite/patience.h"

#include <check.h>
#include <sqlite3.h>
#include <stddef.h>

Suite *suite_source_sqlite_patience(void);

#define MIB (1 << 20)
#define MOST (64LL * MIB)

static struct patience patience;

/* Takes memory in pieces of a MiB; returns how many it got, which are freed unless they are to be kept. */
static int take(int count, void **kept)
{
    void *pieces[128];
    int got = 0;

    while (got < count && (pieces[got] = sqlite3_malloc(MIB)))
        got++;
    for (int i = 0; i < got; i++)
        if (kept)
            kept[i] = pieces[i];
        else
            sqlite3_free(pieces[i]);
    return got;
}

static void give_back(void **kept, int count)
{
    for (int i = 0; i < count; i++)
        sqlite3_free(kept[i]);
}

START_TEST(memory_that_was_there_before_is_not_held_against_anybody)
{
    void *others = sqlite3_malloc64(200 * MIB);

    ck_assert_ptr_nonnull(others);
    patience_begin(&patience, INT64_MAX, MOST, 0);
    ck_assert_int_eq(take(60, NULL), 60);
    patience_forget(patience_end());
    ck_assert_int_eq(patience.end, PATIENCE_LEFT);
    sqlite3_free(others);
}
END_TEST

START_TEST(who_takes_too_much_gets_no_more)
{
    void *kept[128];
    int got;

    patience_begin(&patience, INT64_MAX, MOST, 0);
    got = take(100, kept);
    ck_assert_int_ge(got, 60);
    ck_assert_int_le(got, 64);
    ck_assert_int_eq(patience.end, PATIENCE_GREEDY);
    ck_assert_ptr_null(sqlite3_malloc(1));
    give_back(kept, got);
    ck_assert_int_eq(patience_end(), 0);
    ck_assert_ptr_nonnull(kept[0] = sqlite3_malloc(1));
    sqlite3_free(kept[0]);
}
END_TEST

START_TEST(what_is_held_counts_from_one_time_to_the_next)
{
    void *kept[128];
    int64_t held;
    int got;

    patience_begin(&patience, INT64_MAX, MOST, 0);
    ck_assert_int_eq(take(50, kept), 50);
    held = patience_end();
    ck_assert_int_ge(held, 50LL * MIB);
    patience_begin(&patience, INT64_MAX, MOST, held);
    got = take(50, kept + 50);
    ck_assert_int_le(got, 14);
    ck_assert_int_eq(patience.end, PATIENCE_GREEDY);
    held = patience_end();
    give_back(kept, 50 + got);
    patience_forget(held);
    patience_begin(&patience, INT64_MAX, MOST, 0);
    ck_assert_int_eq(take(60, NULL), 60);
    patience_forget(patience_end());
}
END_TEST

START_TEST(when_all_together_have_too_much_those_end_that_have_more_than_a_little)
{
    void *kept[128];
    int64_t held;

    patience_begin(&patience, INT64_MAX, MOST, 0);
    ck_assert_int_eq(take(60, kept), 60);
    held = patience_end();
    patience_begin(&patience, INT64_MAX, MOST, 0);
    ck_assert_int_eq(take(7, NULL), 7);
    ck_assert_int_eq(patience.end, PATIENCE_LEFT);
    ck_assert_int_lt(take(20, NULL), 9);
    ck_assert_int_eq(patience.end, PATIENCE_GREEDY);
    patience_forget(patience_end());
    patience_forget(held);
    patience_begin(&patience, INT64_MAX, MOST, 0);
    ck_assert_int_eq(take(20, NULL), 20);
    patience_forget(patience_end());
    give_back(kept, 60);
}
END_TEST

START_TEST(who_takes_too_long_gets_no_more)
{
    patience_begin(&patience, 0, MOST, 0);
    ck_assert_ptr_null(sqlite3_malloc(MIB));
    ck_assert_int_eq(patience.end, PATIENCE_LATE);
    patience_forget(patience_end());
}
END_TEST

Suite *suite_source_sqlite_patience(void)
{
    Suite *suite = suite_create("source/sqlite/patience");
    TCase *tests = tcase_create("patience");

    tcase_add_test(tests, memory_that_was_there_before_is_not_held_against_anybody);
    tcase_add_test(tests, who_takes_too_much_gets_no_more);
    tcase_add_test(tests, what_is_held_counts_from_one_time_to_the_next);
    tcase_add_test(tests, when_all_together_have_too_much_those_end_that_have_more_than_a_little);
    tcase_add_test(tests, who_takes_too_long_gets_no_more);
    suite_add_tcase(suite, tests);
    return suite;
}
