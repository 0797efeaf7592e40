/*
 * src/util/cache.c
 */
#include "dbsnapfs/util/cache.h"

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "dbsnapfs/util/err.h"

static struct cache *cache;
static atomic_int loads, alive;

static int load(void *context, struct cache_key key, void **ret_value, size_t *ret_bytes,
                struct err *err)
{
    uint64_t *value;

    (void)context;
    atomic_fetch_add(&loads, 1);
    if (key.b == 666)
        return err_set(err, EIO, "nothing for %d", (int)key.a);
    if (key.b == 1)
        (void)usleep(20000);
    value = malloc(sizeof *value);
    ck_assert_ptr_nonnull(value);
    *value = key.a;
    atomic_fetch_add(&alive, 1);
    *ret_value = value;
    *ret_bytes = 1000;
    return 0;
}

static void drop(void *value)
{
    atomic_fetch_sub(&alive, 1);
    free(value);
}

static const struct cache_ops ops = {load, drop};

static void set_up(void)
{
    ck_assert_int_eq(cache_new(20000, &ops, &cache, NULL), 0);
}

static void tear_down(void)
{
    cache_free(cache);
    ck_assert_int_eq(atomic_load(&alive), 0);
}

static struct cache_ref *get(uint64_t a)
{
    struct cache_ref *ref = NULL;

    ck_assert_int_eq(cache_get(cache, (struct cache_key){a, 0}, NULL, &ref, NULL), 0);
    ck_assert_uint_eq(*(uint64_t *)cache_value(ref), a);
    return ref;
}

START_TEST(a_value_is_loaded_once)
{
    struct cache_stats stats;

    for (int i = 0; i < 3; i++)
        cache_release(cache, get(7));
    cache_stats(cache, &stats);
    ck_assert_int_eq(atomic_load(&loads), 1);
    ck_assert_uint_eq(stats.hits, 2);
    ck_assert_uint_eq(stats.misses, 1);
}
END_TEST

START_TEST(what_was_used_least_recently_falls_out)
{
    struct cache_stats stats;

    for (uint64_t i = 0; i < 100; i++) {
        cache_release(cache, get(1000));
        cache_release(cache, get(i));
    }
    cache_stats(cache, &stats);
    ck_assert_uint_le(stats.bytes, 20000);
    ck_assert_int_eq(atomic_load(&loads), 101);
}
END_TEST

START_TEST(a_value_lives_while_it_is_held)
{
    struct cache_ref *held = get(5);

    for (uint64_t i = 100; i < 200; i++)
        cache_release(cache, get(i));
    cache_clear(cache);
    ck_assert_uint_eq(*(uint64_t *)cache_value(held), 5);
    cache_release(cache, held);
}
END_TEST

START_TEST(a_failed_load_is_told_and_tried_again)
{
    struct cache_ref *ref = NULL;
    struct err err = ERR_INIT;

    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(cache_get(cache, (struct cache_key){3, 666}, NULL, &ref, &err), -EIO);
        ck_assert_str_eq(err.text, "nothing for 3");
    }
    ck_assert_int_eq(atomic_load(&loads), 2);
}
END_TEST

static void *get_slowly(void *arg)
{
    struct cache_ref *ref = NULL;

    (void)arg;
    ck_assert_int_eq(cache_get(cache, (struct cache_key){9, 1}, NULL, &ref, NULL), 0);
    cache_release(cache, ref);
    return NULL;
}

START_TEST(a_look_waits_for_a_load_and_begins_none)
{
    const struct cache_key key = {9, 1};
    struct cache_ref *ref;
    pthread_t thread;

    ck_assert_ptr_null(cache_peek(cache, key));
    ck_assert_int_eq(atomic_load(&loads), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, get_slowly, NULL), 0);
    while (atomic_load(&loads) == 0)
        (void)usleep(100);
    ref = cache_peek(cache, key);
    ck_assert_ptr_nonnull(ref);
    ck_assert_uint_eq(*(uint64_t *)cache_value(ref), 9);
    cache_release(cache, ref);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_eq(atomic_load(&loads), 1);
}
END_TEST

START_TEST(threads_that_want_the_same_wait_for_one_load)
{
    pthread_t threads[8];

    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, get_slowly, NULL), 0);
    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    ck_assert_int_eq(atomic_load(&loads), 1);
}
END_TEST

Suite *suite_util_cache(void)
{
    Suite *suite = suite_create("util/cache");
    TCase *tests = tcase_create("cache");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_look_waits_for_a_load_and_begins_none);
    tcase_add_test(tests, a_value_is_loaded_once);
    tcase_add_test(tests, what_was_used_least_recently_falls_out);
    tcase_add_test(tests, a_value_lives_while_it_is_held);
    tcase_add_test(tests, a_failed_load_is_told_and_tried_again);
    tcase_add_test(tests, threads_that_want_the_same_wait_for_one_load);
    suite_add_tcase(suite, tests);
    return suite;
}
