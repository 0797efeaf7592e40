/*
 * src/cli/bar.c: cutting to a terminal's width.
 */
#include "cli/bar.h"

#include <check.h>

#include "dbsnapfs/util/buf.h"

static void assert_cut(const char *text, size_t columns, const char *expected)
{
    struct buf line = BUF_INIT;

    buf_add_text(&line, text);
    bar_cut(&line, columns);
    ck_assert_str_eq(buf_text(&line), expected);
    buf_free(&line);
}

START_TEST(a_line_is_cut_to_the_terminals_width)
{
    assert_cut("backup  43 %", 6, "backup");
    assert_cut("backup", 6, "backup");
    assert_cut("backup", 80, "backup");
    assert_cut("backup", 0, "");
}
END_TEST

START_TEST(characters_are_not_cut_in_two)
{
    assert_cut("a\xc3\xa9z", 2, "a\xc3\xa9");
    assert_cut("\xe2\x80\xa6\xe2\x80\xa6", 1, "\xe2\x80\xa6");
}
END_TEST

Suite *suite_cli_bar(void)
{
    Suite *suite = suite_create("cli/bar");
    TCase *tests = tcase_create("bar");

    tcase_add_test(tests, a_line_is_cut_to_the_terminals_width);
    tcase_add_test(tests, characters_are_not_cut_in_two);
    suite_add_tcase(suite, tests);
    return suite;
}
