/*
 * src/service/words.c
 */
#include "service/words.h"

#include <check.h>
#include <errno.h>
#include <string.h>

#include "dbsnapfs/service/service.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"

/* The words of a line with "|" between and around them. */
static int joined(const char *line, struct buf *out, struct err *err)
{
    struct words words = {0, NULL};
    int code = words_split(line, strlen(line), &words, err);

    buf_clear(out);
    buf_add_char(out, '|');
    for (size_t i = 0; i < words.count; i++)
        buf_addf(out, "%s|", words.word[i]);
    words_release(&words);
    return code;
}

static void assert_words(const char *line, const char *expected)
{
    struct buf out = BUF_INIT;
    struct err err = ERR_INIT;

    ck_assert_int_eq(joined(line, &out, &err), 0);
    ck_assert_str_eq(buf_text(&out), expected);
    buf_free(&out);
}

static void assert_refused(const char *line, const char *message)
{
    struct buf out = BUF_INIT;
    struct err err = ERR_INIT;

    ck_assert_int_eq(joined(line, &out, &err), -EINVAL);
    ck_assert_str_eq(err.text, message);
    buf_free(&out);
}

START_TEST(blanks_separate_words)
{
    assert_words("  backup \t if-changed ", "|backup|if-changed|");
    assert_words("", "|");
}
END_TEST

START_TEST(quotes_hold_words_together)
{
    assert_words("backup note=\"two words\"", "|backup|note=two words|");
    assert_words("backup 'note=two words'", "|backup|note=two words|");
    assert_words("a\"b\"'c'd", "|abcd|");
    assert_words("\"\" ''", "|||");
}
END_TEST

START_TEST(backslashes_take_meaning_away)
{
    assert_words("two\\ words \\\"", "|two words|\"|");
    assert_words("\"a\\\"b\\\\c\\d\"", "|a\"b\\c\\d|");
    assert_words("'a\\b'", "|a\\b|");
}
END_TEST

START_TEST(what_is_left_open_is_refused)
{
    assert_refused("note='a b", "a quote (') is opened and not closed");
    assert_refused("note=\"a b\\", "a quote (\") is opened and not closed");
    assert_refused("a\\", "the line ends in a backslash");
    assert_refused("a\nb", "a command is one line of text");
}
END_TEST

START_TEST(a_nul_is_refused)
{
    struct words words = {0, NULL};
    struct err err = ERR_INIT;

    ck_assert_int_eq(words_split("a\0b", 3, &words, &err), -EINVAL);
    ck_assert_str_eq(err.text, "a command is one line of text");
}
END_TEST

START_TEST(quoted_words_come_back_as_they_were)
{
    static const char *const samples[] = {"",
                                          "plain",
                                          "two words",
                                          "it's",
                                          "\"",
                                          "back\\slash",
                                          "note=a \"b\" c\\",
                                          "\t tab",
                                          "# no comment",
                                          "d\xc3\xa9j\xc3\xa0 vu",
                                          "$HOME `x` ;|&",
                                          NULL};

    for (size_t i = 0; samples[i]; i++) {
        struct buf line = BUF_INIT;
        struct words words = {0, NULL};

        service_quote(&line, samples[i]);
        ck_assert_int_eq(words_split(buf_text(&line), line.len, &words, NULL), 0);
        ck_assert_uint_eq(words.count, 1);
        ck_assert_str_eq(words.word[0], samples[i]);
        words_release(&words);
        buf_free(&line);
    }
}
END_TEST

Suite *suite_service_words(void)
{
    Suite *suite = suite_create("service/words");
    TCase *tests = tcase_create("words");

    tcase_add_test(tests, blanks_separate_words);
    tcase_add_test(tests, quotes_hold_words_together);
    tcase_add_test(tests, backslashes_take_meaning_away);
    tcase_add_test(tests, what_is_left_open_is_refused);
    tcase_add_test(tests, a_nul_is_refused);
    tcase_add_test(tests, quoted_words_come_back_as_they_were);
    suite_add_tcase(suite, tests);
    return suite;
}
