/* src/view/holder.c: who holds something, and when it is given back. */
#include "view/holder.h"

#include <check.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "dbsnapfs/util/clock.h"
#include "dbsnapfs/util/err.h"

#define MOST 3
#define SECOND_NS INT64_C(1000000000)

struct thing {
    struct holder holder;
    atomic_uint given;
};

static struct holders *holders;
static struct thing things[MOST + 2];

static void give(struct holder *holder)
{
    atomic_fetch_add(&((struct thing *)holder)->given, 1);
}

static void set(void)
{
    struct err err = ERR_INIT;
    ck_assert_int_eq(holders_new(MOST, &holders, &err), 0);
    for (size_t i = 0; i < MOST + 2; i++) {
        holder_init(&things[i].holder, give, true);
        atomic_init(&things[i].given, 0);
    }
}

static void clear(void)
{
    for (size_t i = 0; i < MOST + 2; i++)
        holder_release(holders, &things[i].holder);
    holders_free(holders);
}

static void keep(size_t i, int64_t until_ns)
{
    pthread_mutex_lock(&things[i].holder.lock);
    holders_keep(holders, &things[i].holder, until_ns);
    pthread_mutex_unlock(&things[i].holder.lock);
}

static unsigned given(size_t i)
{
    return atomic_load(&things[i].given);
}

static void await_given(size_t i)
{
    const struct timespec nap = {.tv_nsec = 5000000};
    for (int n = 0; n < 4000 && given(i) == 0; n++)
        nanosleep(&nap, NULL);
    ck_assert_uint_eq(given(i), 1);
}

START_TEST(what_is_due_is_given_back_and_the_rest_is_not)
{
    keep(0, clock_monotonic_ns());
    keep(1, HOLDER_FOR_EVER);
    await_given(0);
    ck_assert_uint_eq(given(1), 0);
    ck_assert_uint_eq(holders_count(holders, true), 1);
}
END_TEST

START_TEST(what_is_in_use_is_given_back_when_it_is_not_any_more)
{
    const struct timespec nap = {.tv_nsec = 50000000};
    pthread_mutex_lock(&things[0].holder.lock);
    holders_keep(holders, &things[0].holder, clock_monotonic_ns());
    nanosleep(&nap, NULL);
    ck_assert_uint_eq(given(0), 0);
    pthread_mutex_unlock(&things[0].holder.lock);
    await_given(0);
}
END_TEST

START_TEST(a_use_puts_the_time_off)
{
    keep(0, clock_monotonic_ns() + SECOND_NS / 2);
    keep(0, HOLDER_FOR_EVER);
    keep(1, clock_monotonic_ns() + SECOND_NS);
    await_given(1);
    ck_assert_uint_eq(given(0), 0);
}
END_TEST

START_TEST(what_is_due_is_given_back_while_another_is_held_for_ever)
{
    const struct timespec nap = {.tv_nsec = 50000000};
    keep(0, HOLDER_FOR_EVER);
    nanosleep(&nap, NULL); /* so that the thread sleeps without a time to wake at */
    keep(1, clock_monotonic_ns());
    await_given(1);
}
END_TEST

START_TEST(when_too_many_are_held_the_longest_idle_yields)
{
    for (size_t i = 0; i < MOST; i++)
        keep(i, HOLDER_FOR_EVER);
    keep(0, HOLDER_FOR_EVER);
    keep(MOST, HOLDER_FOR_EVER);
    ck_assert_uint_eq(given(1), 1);
    ck_assert_uint_eq(given(0) + given(2) + given(3), 0);
    ck_assert_uint_eq(holders_count(holders, true), MOST);
}
END_TEST

START_TEST(those_in_use_and_those_that_do_not_yield_are_left_alone)
{
    things[0].holder.yields = false;
    for (size_t i = 0; i <= MOST; i++)
        keep(i, HOLDER_FOR_EVER);
    pthread_mutex_lock(&things[1].holder.lock);
    keep(MOST + 1, HOLDER_FOR_EVER);
    pthread_mutex_unlock(&things[1].holder.lock);
    ck_assert_uint_eq(given(0) + given(1), 0);
    ck_assert_uint_eq(given(2), 1);
    ck_assert_uint_eq(holders_count(holders, false), 1);
}
END_TEST

START_TEST(what_is_held_is_given_back_with_its_holder)
{
    keep(0, HOLDER_FOR_EVER);
    holder_release(holders, &things[0].holder);
    ck_assert_uint_eq(given(0), 1);
    holder_init(&things[0].holder, give, true);
    holder_release(holders, &things[0].holder);
    ck_assert_uint_eq(given(0), 1);
    holder_init(&things[0].holder, give, true);
}
END_TEST

Suite *suite_view_holder(void)
{
    Suite *suite = suite_create("view/holder");
    TCase *tests = tcase_create("holder");
    tcase_add_checked_fixture(tests, set, clear);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, what_is_due_is_given_back_and_the_rest_is_not);
    tcase_add_test(tests, what_is_in_use_is_given_back_when_it_is_not_any_more);
    tcase_add_test(tests, a_use_puts_the_time_off);
    tcase_add_test(tests, what_is_due_is_given_back_while_another_is_held_for_ever);
    tcase_add_test(tests, when_too_many_are_held_the_longest_idle_yields);
    tcase_add_test(tests, those_in_use_and_those_that_do_not_yield_are_left_alone);
    tcase_add_test(tests, what_is_held_is_given_back_with_its_holder);
    suite_add_tcase(suite, tests);
    return suite;
}
