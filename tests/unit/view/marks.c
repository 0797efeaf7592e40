/* src/view/marks.c: where a listing goes on. */
#include "view/marks.h"

#include <check.h>
#include <string.h>

#include "dbsnapfs/source/database.h"
#include "dbsnapfs/tree.h"

Suite *suite_view_marks(void);

static struct node_place place;
static struct marks *marks;

static void set(void)
{
    place = (struct node_place){NULL, NULL};
    ck_assert_int_eq(marks_get(&place, 2, &marks), 0);
}

static void clear(void)
{
    node_place_clear(&place);
}

/* The position of an entry: its number, and a text. */
static void note(struct mark *mark, uint64_t cookie)
{
    char text[] = "position";
    const struct value values[] = {{.kind = VALUE_INTEGER, .integer = (int64_t)cookie},
                                   {.kind = VALUE_TEXT, .bytes = text, .len = strlen(text)}};
    ck_assert_int_eq(mark_set(marks, mark, cookie, values), 0);
    memset(text, 'x', strlen(text)); /* it must have been copied */
}

static void check_start(uint64_t cookie, uint64_t from)
{
    const struct mark *start = marks_start(marks, cookie);
    ck_assert_ptr_nonnull(start);
    ck_assert_uint_eq(start->cookie, from);
    ck_assert_int_eq(start->values[0].integer, (int64_t)from);
    ck_assert_uint_eq(start->values[1].len, 8);
    ck_assert_mem_eq(start->values[1].bytes, "position", 8);
}

START_TEST(a_first_piece_starts_at_the_beginning)
{
    ck_assert_ptr_null(marks_start(marks, 0));
    ck_assert_ptr_null(marks_start(marks, 7));
}
END_TEST

START_TEST(a_piece_goes_on_where_the_last_one_ended)
{
    note(&marks->ended, 10);
    check_start(10, 10);
    note(&marks->ended, 20);
    check_start(20, 20);
}
END_TEST

START_TEST(a_piece_in_the_middle_of_the_last_one_starts_where_that_began)
{
    note(&marks->ended, 10);
    check_start(10, 10);
    note(&marks->ended, 20);
    check_start(15, 10);
    note(&marks->ended, 25);
    check_start(30, 25);
}
END_TEST

START_TEST(from_before_the_last_piece_there_is_the_beginning_alone)
{
    note(&marks->ended, 10);
    check_start(10, 10);
    note(&marks->ended, 20);
    ck_assert_ptr_null(marks_start(marks, 9));
    ck_assert_ptr_null(marks_start(marks, 20));
}
END_TEST

START_TEST(positions_of_another_table_are_forgotten)
{
    struct marks *again = NULL;
    note(&marks->ended, 10);
    ck_assert_int_eq(marks_get(&place, 2, &again), 0);
    ck_assert_ptr_eq(again, marks);
    ck_assert_int_eq(marks_get(&place, 1, &again), 0);
    ck_assert_ptr_null(marks_start(again, 10));
}
END_TEST

Suite *suite_view_marks(void)
{
    Suite *suite = suite_create("view/marks");
    TCase *tests = tcase_create("marks");
    tcase_add_checked_fixture(tests, set, clear);
    tcase_add_test(tests, a_first_piece_starts_at_the_beginning);
    tcase_add_test(tests, a_piece_goes_on_where_the_last_one_ended);
    tcase_add_test(tests, a_piece_in_the_middle_of_the_last_one_starts_where_that_began);
    tcase_add_test(tests, from_before_the_last_piece_there_is_the_beginning_alone);
    tcase_add_test(tests, positions_of_another_table_are_forgotten);
    suite_add_tcase(suite, tests);
    return suite;
}
