/*
 * src/util/buf.c, clock.c, err.c, pool.c, sha256.c, text.c
 */
#include <check.h>
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/clock.h"
#include "dbsnapfs/util/err.h"
#include "dbsnapfs/util/pool.h"
#include "dbsnapfs/util/sha256.h"
#include "dbsnapfs/util/text.h"

START_TEST(a_buffer_grows_and_ends_in_nul)
{
    struct buf b = BUF_INIT;

    ck_assert_str_eq(buf_text(&b), "");
    for (int i = 0; i < 1000; i++)
        buf_addf(&b, "%d,", i);
    ck_assert_int_eq(buf_error(&b), 0);
    ck_assert_uint_eq(b.len, 10 * 2 + 90 * 3 + 900 * 4);
    ck_assert_uint_eq(strlen(buf_text(&b)), b.len);
    buf_clear(&b);
    ck_assert_str_eq(buf_text(&b), "");
    buf_free(&b);
}
END_TEST

START_TEST(a_buffer_that_cannot_grow_says_so_at_the_end)
{
    struct buf b = BUF_INIT;

    buf_add_text(&b, "kept");
    ck_assert_ptr_null(buf_reserve(&b, SIZE_MAX - 100));
    buf_add_text(&b, "lost");
    ck_assert_int_eq(buf_error(&b), -ENOMEM);
    ck_assert_str_eq(buf_text(&b), "kept");
    buf_free(&b);
}
END_TEST

START_TEST(times_are_text_in_utc)
{
    char text[CLOCK_TEXT_BYTES];
    int64_t time = 0;

    clock_name(INT64_C(1795351197123456789), text);
    ck_assert_str_eq(text, "2026-11-22T12-39-57Z");
    clock_iso(INT64_C(1795351197123456789), text);
    ck_assert_str_eq(text, "2026-11-22T12:39:57Z");
    clock_sql(INT64_C(1795351197123456789), text);
    ck_assert_str_eq(text, "2026-11-22 12:39:57.123456");
    ck_assert_int_eq(clock_parse_sql(text, &time), 0);
    ck_assert_int_eq(time, INT64_C(1795351197123456000));
    clock_sql(-1, text);
    ck_assert_str_eq(text, "1969-12-31 23:59:59.999999");
    ck_assert_int_eq(clock_parse_sql("2026-11-22 12:39:57", &time), -EINVAL);
    ck_assert_int_eq(clock_parse_sql("2026-11-22 12:39:57.123", &time), -EINVAL);
}
END_TEST

START_TEST(a_condition_that_nobody_signals_is_waited_for_until_then)
{
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t condition;
    int64_t until_ns = clock_monotonic_ns() + 20000000;
    int r;

    ck_assert_int_eq(clock_condition_init(&condition), 0);
    pthread_mutex_lock(&lock);
    while ((r = clock_condition_wait(&condition, &lock, until_ns)) == 0)
        ;
    pthread_mutex_unlock(&lock);
    ck_assert_int_eq(r, -ETIMEDOUT);
    ck_assert_int_ge(clock_monotonic_ns(), until_ns);
    pthread_cond_destroy(&condition);
}
END_TEST

START_TEST(an_error_keeps_code_text_and_place)
{
    struct err err = ERR_INIT;

    ck_assert_int_eq(err_sys(&err, ENOSPC, "%s", "a file"), -ENOSPC);
    ck_assert_str_eq(err.text, "a file: No space left on device");
    err_at(&err, "line %d", 3);
    ck_assert_int_eq(err.code, -ENOSPC);
    ck_assert_str_eq(err.text, "line 3: a file: No space left on device");
    ck_assert_int_eq(err_set(NULL, EIO, "nobody listens"), -EIO);
    ck_assert_int_eq(err_to_mount(-EBADMSG), EIO);
    ck_assert_int_eq(err_to_mount(-ENOENT), ENOENT);
}
END_TEST

START_TEST(numbers_are_read_whole_or_not_at_all)
{
    uint64_t value = 0;

    ck_assert_int_eq(text_parse_u64("18446744073709551615", &value), 0);
    ck_assert_uint_eq(value, UINT64_MAX);
    ck_assert_int_eq(text_parse_u64("18446744073709551616", &value), -ERANGE);
    ck_assert_int_eq(text_parse_u64("12x", &value), -EINVAL);
    ck_assert_int_eq(text_parse_u64("-1", &value), -EINVAL);
    ck_assert_int_eq(text_parse_u64("", &value), -EINVAL);
    ck_assert_int_eq(text_parse_bytes("64M", &value), 0);
    ck_assert_uint_eq(value, 64u << 20);
    ck_assert_int_eq(text_parse_bytes("64MB", &value), -EINVAL);
    ck_assert_int_eq(text_parse_bytes("99999999999G", &value), -ERANGE);
}
END_TEST

START_TEST(sizes_and_durations_are_for_people)
{
    char text[TEXT_BYTES];

    text_bytes(412, text);
    ck_assert_str_eq(text, "412 B");
    text_bytes(1434, text);
    ck_assert_str_eq(text, "1.4 KiB");
    text_bytes(UINT64_C(1) << 30, text);
    ck_assert_str_eq(text, "1.0 GiB");
    text_duration(420000000, text);
    ck_assert_str_eq(text, "0.42 s");
    text_duration(INT64_C(125) * 1000000000, text);
    ck_assert_str_eq(text, "2 min 05 s");
    text_duration(INT64_C(3720) * 1000000000, text);
    ck_assert_str_eq(text, "1 h 02 min");
}
END_TEST

START_TEST(a_digest_is_what_sha256sum_prints_and_begins_anew)
{
    struct sha256 *sum = NULL;
    char hex[SHA256_HEX_BYTES];

    ck_assert_int_eq(sha256_new(&sum, NULL), 0);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(sha256_add(sum, "ab", 2, NULL), 0);
        ck_assert_int_eq(sha256_add(sum, "c", 1, NULL), 0);
        ck_assert_int_eq(sha256_hex(sum, hex, NULL), 0);
        ck_assert_str_eq(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
    sha256_free(sum);
}
END_TEST

static atomic_int runs;

static void job_run(struct pool_job *job)
{
    (void)job;
    atomic_fetch_add(&runs, 1);
}

START_TEST(a_pool_runs_every_job_once_with_any_number_of_threads)
{
    struct pool_job jobs[500];
    struct pool *pool = NULL;

    ck_assert_int_eq(pool_new((unsigned)_i, &pool, NULL), 0);
    for (size_t i = 0; i < 500; i++) {
        jobs[i].run = job_run;
        pool_submit(pool, &jobs[i]);
    }
    for (size_t i = 0; i < 500; i++) {
        pool_wait(pool, &jobs[i]);
        ck_assert(pool_finished(pool, &jobs[i]));
    }
    ck_assert_int_eq(atomic_load(&runs), 500);
    pool_free(pool);
}
END_TEST

struct looking_job {
    struct pool_job job;
    struct pool *pool;
    atomic_bool goes_on;
    bool wanted;
};

static void looking_run(struct pool_job *job)
{
    struct looking_job *looking = (struct looking_job *)job;

    while (!atomic_load(&looking->goes_on))
        sched_yield();
    looking->wanted = pool_wanted(looking->pool);
}

START_TEST(a_job_sees_that_others_wait_for_its_thread)
{
    struct looking_job first = {.job.run = looking_run}, second = {.job.run = looking_run};
    struct pool *pool = NULL;

    ck_assert_int_eq(pool_new(1, &pool, NULL), 0);
    first.pool = second.pool = pool;
    pool_submit(pool, &first.job);
    pool_submit(pool, &second.job);
    atomic_store(&first.goes_on, true);
    atomic_store(&second.goes_on, true);
    pool_wait(pool, &first.job);
    pool_wait(pool, &second.job);
    ck_assert(first.wanted);
    ck_assert(!second.wanted);
    pool_free(pool);
}
END_TEST

static void job_wait_for_go(struct pool_job *job)
{
    job_run(job);
    while (atomic_load(&runs) < 100)
        sched_yield();
}

START_TEST(a_job_that_has_not_begun_can_be_taken_back)
{
    struct pool_job first = {.run = job_wait_for_go}, jobs[4];
    struct pool *pool = NULL;

    ck_assert_int_eq(pool_new(1, &pool, NULL), 0);
    pool_submit(pool, &first);
    while (atomic_load(&runs) == 0)
        sched_yield();
    for (size_t i = 0; i < 4; i++) {
        jobs[i].run = job_run;
        pool_submit(pool, &jobs[i]);
    }
    ck_assert(!pool_take_back(pool, &first));
    ck_assert(pool_take_back(pool, &jobs[1]));
    ck_assert(pool_take_back(pool, &jobs[3]));
    ck_assert(!pool_take_back(pool, &jobs[3]));
    pool_submit(pool, &jobs[1]);
    ck_assert(pool_take_back(pool, &jobs[0]));
    atomic_fetch_add(&runs, 100);
    pool_wait(pool, &jobs[2]);
    pool_wait(pool, &jobs[1]);
    ck_assert(!pool_take_back(pool, &jobs[1]));
    pool_free(pool);
    ck_assert_int_eq(atomic_load(&runs), 103);
}
END_TEST

Suite *suite_util_small(void)
{
    Suite *suite = suite_create("util/small");
    TCase *tests = tcase_create("small");

    tcase_add_test(tests, a_buffer_grows_and_ends_in_nul);
    tcase_add_test(tests, a_buffer_that_cannot_grow_says_so_at_the_end);
    tcase_add_test(tests, times_are_text_in_utc);
    tcase_add_test(tests, a_condition_that_nobody_signals_is_waited_for_until_then);
    tcase_add_test(tests, an_error_keeps_code_text_and_place);
    tcase_add_test(tests, numbers_are_read_whole_or_not_at_all);
    tcase_add_test(tests, sizes_and_durations_are_for_people);
    tcase_add_test(tests, a_digest_is_what_sha256sum_prints_and_begins_anew);
    tcase_add_loop_test(tests, a_pool_runs_every_job_once_with_any_number_of_threads, 0, 4);
    tcase_add_test(tests, a_job_sees_that_others_wait_for_its_thread);
    tcase_add_test(tests, a_job_that_has_not_begun_can_be_taken_back);
    suite_add_tcase(suite, tests);
    return suite;
}
