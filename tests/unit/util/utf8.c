/* src/util/utf8.c: what is UTF-8 and what is not. (Single characters: see name.c.) */
#include "dbsnapfs/util/utf8.h"

#include <check.h>
#include <string.h>

Suite *suite_util_utf8(void);

START_TEST(text_is_valid_wherever_its_characters_lie)
{
    static const char elephant[] = {'\xf0', '\x9f', '\x90', '\x98'};
    char text[64];

    for (size_t at = 0; at < 40; at++) {
        memset(text, 'a', sizeof(text));
        memcpy(text + at, elephant, sizeof(elephant));
        ck_assert(utf8_valid(text, sizeof(text)));
        ck_assert(utf8_valid(text, at + 4));
        ck_assert(!utf8_valid(text, at + 3));
        text[at] = '\xff';
        ck_assert(!utf8_valid(text, sizeof(text)));
    }
    ck_assert(utf8_valid("", 0));
    ck_assert(utf8_valid("\0", 1));
}
END_TEST

START_TEST(surrogates_and_long_forms_are_not_valid)
{
    ck_assert(!utf8_valid("\xed\xa0\x80", 3));
    ck_assert(!utf8_valid("\xc0\xaf", 2));
    ck_assert(!utf8_valid("\xf4\x90\x80\x80", 4));
    ck_assert(utf8_valid("\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf", 10));
    ck_assert_uint_eq(utf8_length((const unsigned char *)"\xe2\x82\xac", 3), 3);
    ck_assert_uint_eq(utf8_length((const unsigned char *)"\xe2\x82\xac", 2), 0);
}
END_TEST

Suite *suite_util_utf8(void)
{
    Suite *suite = suite_create("util/utf8");
    TCase *utf8 = tcase_create("utf8");

    tcase_add_test(utf8, text_is_valid_wherever_its_characters_lie);
    tcase_add_test(utf8, surrogates_and_long_forms_are_not_valid);
    suite_add_tcase(suite, utf8);
    return suite;
}
