/* src/view/gather.c: what is gathered is read back, from memory or from a file. */
#include "view/gather.h"

#include <check.h>
#include <string.h>

#include "view/context.h"
#include "view/support.h"

#define MANY ((size_t)3 << 20)

Suite *suite_view_gather(void);

static struct stage stage;
static struct view *view;
static struct gather gather;
static struct err err;

static void set(void)
{
    stage_set(&stage, -1);
    ck_assert_int_eq(view_new(stage.service, &view, &err), 0);
    gather_init(&gather, view);
}

static void clear(void)
{
    gather_release(&gather);
    view_close(view);
    stage_clear(&stage);
}

/* All of it, which must have this length, in one read. */
static void check_file(const char *expected, size_t len)
{
    struct node_file *file = NULL;
    struct buf found = BUF_INIT;
    uint64_t size = 0;
    size_t got = 0;
    ck_assert_msg(gather_file(&gather, false, &file, &err) == 0, "%s", err.text);
    ck_assert(file->direct);
    ck_assert_int_eq(file->ops->size(file, &size, &err), 0);
    ck_assert_uint_eq(size, len);
    ck_assert_int_eq(file->ops->read(file, 0, buf_reserve(&found, len + 1), len + 1, &got, &err),
                     0);
    ck_assert_uint_eq(got, len);
    ck_assert(memcmp(found.data, expected, len) == 0);
    file->ops->close(file);
    buf_free(&found);
}

START_TEST(little_is_kept_in_memory)
{
    ck_assert_int_eq(gather_add(&gather, "one ", 4, &err), 0);
    ck_assert_int_eq(gather_put(&gather, 4, "two", 3, &err), 0);
    ck_assert_int_eq(gather.fd, -1);
    check_file("one two", 7);
}
END_TEST

START_TEST(nothing_is_an_empty_file)
{
    check_file("", 0);
}
END_TEST

/* Pieces of this many bytes. */
START_TEST(much_goes_to_a_file_in_pieces_of_any_size)
{
    static const size_t pieces[] = {4096, 1000, (1 << 20) - 1, 1 << 20, (1 << 20) + 1};
    static char bytes[MANY];
    for (size_t i = 0; i < MANY; i++)
        bytes[i] = (char)(i * 7 + i / 4096);
    for (size_t at = 0; at < MANY; at += pieces[_i])
        ck_assert_int_eq(
            gather_add(&gather, bytes + at, MANY - at < pieces[_i] ? MANY - at : pieces[_i], &err),
            0);
    ck_assert_int_ge(gather.fd, 0);
    check_file(bytes, MANY);
}
END_TEST

START_TEST(gaps_and_the_end_are_zeros_and_the_beginning_may_come_last)
{
    ck_assert_int_eq(gather_put(&gather, 8, "8", 1, &err), 0);
    ck_assert_int_eq(gather_put(&gather, 4, "4", 1, &err), 0);
    ck_assert_int_eq(gather_put(&gather, 0, "0", 1, &err), 0);
    ck_assert_int_eq(gather_extend(&gather, 12, &err), 0);
    check_file("0\0\0\0004\0\0\0008\0\0\0", 12);
}
END_TEST

Suite *suite_view_gather(void)
{
    Suite *suite = suite_create("view/gather");
    TCase *tests = tcase_create("files");
    tcase_add_checked_fixture(tests, set, clear);
    tcase_add_test(tests, little_is_kept_in_memory);
    tcase_add_test(tests, nothing_is_an_empty_file);
    tcase_add_loop_test(tests, much_goes_to_a_file_in_pieces_of_any_size, 0, 5);
    tcase_add_test(tests, gaps_and_the_end_are_zeros_and_the_beginning_may_come_last);
    suite_add_tcase(suite, tests);
    return suite;
}
