/* src/view/ahead.c: text that is made before it is read. */
#include "view/ahead.h"

#include <check.h>
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/util/err.h"

#define CHUNK ((size_t)1 << 19)
#define PIECE ((size_t)1 << 17)

/* A text without end in memory: each byte follows from where it is. */
struct text {
    uint64_t len;
    atomic_ullong made;    /* bytes, in all */
    atomic_uint backwards; /* how often one began before the end of the one before */
    atomic_ullong last_end;
    atomic_int fails; /* so many times, with -EIO */
};

static unsigned char byte_at(uint64_t offset)
{
    return (unsigned char)(offset * UINT64_C(2654435761) >> 13);
}

static int make(void *arg, uint64_t offset, void *bytes, size_t len, size_t *ret_len,
                struct err *err)
{
    struct text *text = arg;
    if (atomic_load(&text->fails) > 0) {
        atomic_fetch_sub(&text->fails, 1);
        return err_set(err, EIO, "damaged");
    }
    if (offset >= text->len)
        len = 0;
    else if (len > text->len - offset)
        len = (size_t)(text->len - offset);
    for (size_t i = 0; i < len; i++)
        ((unsigned char *)bytes)[i] = byte_at(offset + i);
    if (offset < atomic_load(&text->last_end))
        atomic_fetch_add(&text->backwards, 1);
    atomic_store(&text->last_end, offset + len);
    atomic_fetch_add(&text->made, len);
    *ret_len = len;
    return 0;
}

static struct text text;
static struct pool *pool;
static struct ahead ahead;

static void set(void)
{
    memset(&text, 0, sizeof(text));
    text.len = 10 * CHUNK + 12345;
    ck_assert_int_eq(pool_new(2, &pool, NULL), 0);
    ahead_init(&ahead, pool, make, &text);
}

static void clear(void)
{
    ahead_release(&ahead);
    pool_free(pool);
}

/* Reads a piece and checks it; how long it was. */
static size_t read_piece(uint64_t offset, size_t len)
{
    unsigned char *bytes = malloc(len);
    size_t got = 0;
    ck_assert_ptr_nonnull(bytes);
    ck_assert_int_eq(ahead_read(&ahead, offset, bytes, len, &got, NULL), 0);
    for (size_t i = 0; i < got; i++)
        if (bytes[i] != byte_at(offset + i))
            ck_abort_msg("byte %llu is wrong", (unsigned long long)(offset + i));
    ck_assert(got == len || offset + got == text.len || (offset >= text.len && got == 0));
    free(bytes);
    return got;
}

START_TEST(a_text_is_read_to_its_end_and_made_once)
{
    static const size_t pieces[] = {4096, 100000, PIECE, CHUNK, CHUNK + 1, 3 * CHUNK};
    uint64_t offset = 0;
    size_t got;
    while ((got = read_piece(offset, pieces[_i])) > 0)
        offset += got;
    ck_assert_uint_eq(offset, text.len);
    ck_assert_uint_eq(atomic_load(&text.made), text.len);
    ck_assert_uint_eq(atomic_load(&text.backwards), 0);
}
END_TEST

START_TEST(a_text_that_ends_with_a_chunk_ends_there)
{
    uint64_t offset = 0;
    size_t got;
    text.len = 2 * PIECE + 4 * CHUNK;
    while ((got = read_piece(offset, PIECE)) > 0)
        offset += got;
    ck_assert_uint_eq(offset, text.len);
}
END_TEST

START_TEST(reads_out_of_turn_make_nothing_ahead)
{
    uint64_t wanted = 0;
    for (uint64_t i = 0; i < 40; i++) {
        uint64_t offset = (i * 7 % 40) * (text.len / 40);
        wanted += read_piece(offset, 4096);
    }
    ck_assert_uint_eq(atomic_load(&text.made), wanted);
}
END_TEST

START_TEST(what_fails_ahead_is_told_to_who_reads_there)
{
    unsigned char byte;
    size_t got = 0;
    struct err err = ERR_INIT;
    uint64_t offset = 0;
    for (int i = 0; i < 3; i++)
        offset += read_piece(offset, PIECE);
    atomic_store(&text.fails, 100);
    /* The chunk that was being made may be whole still; behind it nothing can be made. */
    uint64_t far = offset + 2 * CHUNK;
    ck_assert_int_eq(ahead_read(&ahead, far, &byte, 1, &got, &err), -EIO);
    ck_assert_str_eq(err.text, "damaged");
    atomic_store(&text.fails, 0);
    while ((got = read_piece(offset, PIECE)) > 0)
        offset += got;
    ck_assert_uint_eq(offset, text.len);
}
END_TEST

struct reading {
    pthread_t thread;
    uint64_t first, step;
};

static void *read_every(void *arg)
{
    const struct reading *reading = arg;
    for (uint64_t offset = reading->first; offset < text.len; offset += reading->step)
        read_piece(offset, PIECE);
    return NULL;
}

START_TEST(several_that_read_at_once_get_the_right_bytes)
{
    struct reading readings[8];
    for (size_t i = 0; i < 8; i++) {
        readings[i].first = i * PIECE;
        readings[i].step = 8 * PIECE;
        ck_assert_int_eq(pthread_create(&readings[i].thread, NULL, read_every, &readings[i]), 0);
    }
    for (size_t i = 0; i < 8; i++)
        pthread_join(readings[i].thread, NULL);
}
END_TEST

START_TEST(closing_waits_for_what_is_being_made)
{
    uint64_t offset = 0;
    for (int i = 0; i < 4; i++)
        offset += read_piece(offset, PIECE);
}
END_TEST

/* Jobs of others that take every thread of the pool until they are let go. */
struct busy {
    struct pool_job job; /* first: the job is this */
    atomic_bool begun, let_go;
};

static void stay(struct pool_job *job)
{
    struct busy *busy = (struct busy *)job;
    atomic_store(&busy->begun, true);
    while (!atomic_load(&busy->let_go))
        sched_yield();
}

static void keep_threads(struct busy busy[2])
{
    for (size_t i = 0; i < 2; i++) {
        busy[i] = (struct busy){.job.run = stay};
        pool_submit(pool, &busy[i].job);
        while (!atomic_load(&busy[i].begun))
            sched_yield();
    }
}

static void let_threads_go(struct busy busy[2])
{
    for (size_t i = 0; i < 2; i++) {
        atomic_store(&busy[i].let_go, true);
        pool_wait(pool, &busy[i].job);
    }
}

START_TEST(a_text_is_read_though_others_keep_all_threads)
{
    struct busy busy[2];
    uint64_t offset = 0;
    size_t got;
    keep_threads(busy);
    while ((got = read_piece(offset, PIECE)) > 0)
        offset += got;
    ck_assert_uint_eq(offset, text.len);
    ck_assert_uint_eq(atomic_load(&text.made), text.len);
    let_threads_go(busy);
}
END_TEST

START_TEST(closing_does_not_wait_for_others)
{
    struct busy busy[2];
    uint64_t offset = 0;
    keep_threads(busy);
    for (int i = 0; i < 4; i++)
        offset += read_piece(offset, PIECE);
    ahead_release(&ahead);
    let_threads_go(busy);
    ck_assert_uint_eq(atomic_load(&text.made), offset);
    ahead_init(&ahead, pool, make, &text);
}
END_TEST

Suite *suite_view_ahead(void);
Suite *suite_view_ahead(void)
{
    Suite *suite = suite_create("view/ahead");
    TCase *tests = tcase_create("ahead");
    tcase_add_checked_fixture(tests, set, clear);
    tcase_add_loop_test(tests, a_text_is_read_to_its_end_and_made_once, 0, 6);
    tcase_add_test(tests, a_text_that_ends_with_a_chunk_ends_there);
    tcase_add_test(tests, reads_out_of_turn_make_nothing_ahead);
    tcase_add_test(tests, what_fails_ahead_is_told_to_who_reads_there);
    tcase_add_test(tests, several_that_read_at_once_get_the_right_bytes);
    tcase_add_test(tests, closing_waits_for_what_is_being_made);
    tcase_add_test(tests, a_text_is_read_though_others_keep_all_threads);
    tcase_add_test(tests, closing_does_not_wait_for_others);
    suite_add_tcase(suite, tests);
    return suite;
}
