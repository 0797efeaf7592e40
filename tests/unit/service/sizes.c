/*
 * src/service/sizes.c: sizes of tables as text.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/service/facts.h"
#include "dbsnapfs/table/rendering.h"
#include "dbsnapfs/util/buf.h"

static struct buf fact = BUF_INIT;

static void set_up(void)
{
    sizes_begin(&fact);
}

static void tear_down(void)
{
    buf_free(&fact);
}

static void add(const char *name, uint64_t rows)
{
    const struct row_sizes sizes = {rows, rows + 1, rows + 2, rows + 3};

    sizes_add(&fact, name, &sizes);
}

static void assert_found(const char *name, uint64_t rows)
{
    struct row_sizes sizes = {.rows = 0};

    ck_assert_int_eq(sizes_find(&fact, name, &sizes), 0);
    ck_assert_uint_eq(sizes.rows, rows);
    ck_assert_uint_eq(sizes.csv_bytes, rows + 1);
    ck_assert_uint_eq(sizes.ndjson_bytes, rows + 2);
    ck_assert_uint_eq(sizes.sql_bytes, rows + 3);
}

START_TEST(the_text_is_as_the_manual_has_it)
{
    add("users", 3);
    ck_assert_str_eq(buf_text(&fact), "1\n5:users 3 4 5 6\n");
}
END_TEST

START_TEST(a_table_is_found_whatever_its_name)
{
    static const char *const names[] = {"a", "", "1:a 1 1 1 1\n", "\n", "a b", "\xff", "\"'%", "A"};
    struct row_sizes sizes;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        add(names[i], i * 1000);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_found(names[i], i * 1000);
    ck_assert_int_eq(sizes_find(&fact, "b", &sizes), -ENOENT);
}
END_TEST

START_TEST(the_greatest_numbers_come_back)
{
    add("big", UINT64_MAX - 3);
    assert_found("big", UINT64_MAX - 3);
}
END_TEST

START_TEST(another_version_knows_nothing)
{
    struct row_sizes sizes;

    buf_clear(&fact);
    ck_assert(!sizes_are_current(&fact));
    ck_assert_int_eq(sizes_find(&fact, "a", &sizes), -ENOENT);
    buf_add_text(&fact, "2\n1:a 1 1 1 1\n");
    ck_assert(!sizes_are_current(&fact));
    ck_assert_int_eq(sizes_find(&fact, "a", &sizes), -ENOENT);
}
END_TEST

START_TEST(what_is_no_such_text_is_told)
{
    static const char *const wrong[] = {"9:a 1 1 1 1\n",
                                        "1:a 1 1 1\n",
                                        "1:a 1 1 1 1",
                                        "1a 1 1 1 1\n",
                                        "-1:a 1 1 1 1\n",
                                        "1:a 1 1 1 99999999999999999999\n",
                                        "x",
                                        "18446744073709551615:a 1 1 1 1\n"};
    struct row_sizes sizes;

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        buf_clear(&fact);
        sizes_begin(&fact);
        buf_add_text(&fact, wrong[i]);
        ck_assert_msg(sizes_find(&fact, "b", &sizes) == -EBADMSG, "%s", wrong[i]);
    }
}
END_TEST

Suite *suite_service_sizes(void)
{
    Suite *suite = suite_create("service/sizes");
    TCase *tests = tcase_create("sizes");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, the_text_is_as_the_manual_has_it);
    tcase_add_test(tests, a_table_is_found_whatever_its_name);
    tcase_add_test(tests, the_greatest_numbers_come_back);
    tcase_add_test(tests, another_version_knows_nothing);
    tcase_add_test(tests, what_is_no_such_text_is_told);
    suite_add_tcase(suite, tests);
    return suite;
}
