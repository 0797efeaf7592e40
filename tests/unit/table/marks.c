/*
 * src/table/marks.c: places in a text are found again, and bounded in number.
 */
#include "table/marks.h"

#include <check.h>
#include <string.h>

#include "dbsnapfs/source/database.h"

Suite *suite_table_marks(void);

static struct marks marks;

static void set_up(void)
{
    marks_init(&marks);
}

static void tear_down(void)
{
    marks_release(&marks);
}

static void add(uint64_t offset, int64_t rowid)
{
    struct value position = {.kind = VALUE_INTEGER, .integer = rowid};
    struct mark mark = {offset, 1, 1, &position};

    marks_add(&marks, &mark);
}

static uint64_t found(uint64_t offset)
{
    struct mark mark;
    uint64_t at;

    marks_find(&marks, offset, &mark);
    at = mark.offset;
    mark_release(&mark);
    return at;
}

START_TEST(without_marks_a_text_begins_at_its_beginning)
{
    struct mark mark;

    marks_find(&marks, 12345, &mark);
    ck_assert_uint_eq(mark.offset, 0);
    ck_assert_uint_eq(mark.part, 0);
    ck_assert_uint_eq(mark.position_count, 0);
}
END_TEST

START_TEST(the_last_mark_at_or_before_an_offset_is_found)
{
    add(8 * MARKS_DISTANCE, 8);
    add(2 * MARKS_DISTANCE, 2);
    add(4 * MARKS_DISTANCE, 4);
    ck_assert_uint_eq(found(2 * MARKS_DISTANCE - 1), 0);
    ck_assert_uint_eq(found(2 * MARKS_DISTANCE), 2 * MARKS_DISTANCE);
    ck_assert_uint_eq(found(7 * MARKS_DISTANCE), 4 * MARKS_DISTANCE);
    ck_assert_uint_eq(found(UINT64_MAX), 8 * MARKS_DISTANCE);
}
END_TEST

START_TEST(a_mark_that_is_found_owns_its_position)
{
    char text[] = "position";
    struct value position = {.kind = VALUE_TEXT, .bytes = text, .len = 8};
    struct mark mark = {MARKS_DISTANCE, 3, 1, &position};
    struct mark copy;

    marks_add(&marks, &mark);
    memset(text, 'x', sizeof(text) - 1);
    marks_find(&marks, MARKS_DISTANCE, &copy);
    ck_assert_uint_eq(copy.part, 3);
    ck_assert_uint_eq(copy.position_count, 1);
    ck_assert_uint_eq(copy.position[0].len, 8);
    ck_assert_mem_eq(copy.position[0].bytes, "position", 8);
    mark_release(&copy);
}
END_TEST

START_TEST(a_mark_too_near_to_another_is_not_wanted)
{
    uint64_t next = 0;

    ck_assert(!marks_want(&marks, 1, &next));
    ck_assert_uint_eq(next, MARKS_DISTANCE);
    add(3 * MARKS_DISTANCE, 3);
    ck_assert(marks_want(&marks, MARKS_DISTANCE, &next));
    ck_assert(!marks_want(&marks, 2 * MARKS_DISTANCE + 1, &next));
    ck_assert_uint_eq(next, 4 * MARKS_DISTANCE);
    add(3 * MARKS_DISTANCE + 1, 4);
    ck_assert_uint_eq(marks.count, 1);
}
END_TEST

START_TEST(a_long_position_is_not_kept)
{
    static char text[4096];
    struct value position = {.kind = VALUE_BLOB, .bytes = text, .len = sizeof(text)};
    struct mark mark = {MARKS_DISTANCE, 1, 1, &position};

    marks_add(&marks, &mark);
    ck_assert_uint_eq(marks.count, 0);
}
END_TEST

START_TEST(marks_are_bounded_and_stay_within_twice_their_distance)
{
    const uint64_t count = 100000;

    for (uint64_t i = 1; i <= count; i++)
        add(i * MARKS_DISTANCE, (int64_t)i);
    ck_assert_uint_le(marks.count, MARKS_MAX);
    ck_assert_uint_ge(marks.count, MARKS_MAX / 4);
    for (uint64_t i = 1; i <= count; i++) {
        uint64_t offset = i * MARKS_DISTANCE + 5;

        ck_assert_uint_le(found(offset), offset);
        ck_assert_uint_lt(offset - found(offset), 2 * marks.distance);
    }
}
END_TEST

Suite *suite_table_marks(void)
{
    Suite *suite = suite_create("table/marks");
    TCase *places = tcase_create("places");

    tcase_add_checked_fixture(places, set_up, tear_down);
    tcase_add_test(places, without_marks_a_text_begins_at_its_beginning);
    tcase_add_test(places, the_last_mark_at_or_before_an_offset_is_found);
    tcase_add_test(places, a_mark_that_is_found_owns_its_position);
    tcase_add_test(places, a_mark_too_near_to_another_is_not_wanted);
    tcase_add_test(places, a_long_position_is_not_kept);
    tcase_add_test(places, marks_are_bounded_and_stay_within_twice_their_distance);
    suite_add_tcase(suite, places);
    return suite;
}
