/* src/table/text_number.c: numbers as text, against what the C library makes of them. */
#include <check.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/util/buf.h"
#include "table/text_internal.h"

Suite *suite_table_text_number(void);

static const char *real_text(double real)
{
    static struct buf out;

    buf_clear(&out);
    text_real(real, &out);
    return buf_text(&out);
}

/* The definition: the shorter of two. */
static void assert_as_defined(double real)
{
    char expected[64];
    size_t len;

    snprintf(expected, sizeof(expected), "%.15g", real);
    if (strtod(expected, NULL) != real)
        snprintf(expected, sizeof(expected), "%.17g", real);
    len = strlen(expected);
    if (!strpbrk(expected, ".en"))
        snprintf(expected + len, sizeof(expected) - len, ".0");
    ck_assert_str_eq(real_text(real), expected);
}

START_TEST(a_real_has_a_point_or_an_exponent)
{
    ck_assert_str_eq(real_text(1), "1.0");
    ck_assert_str_eq(real_text(0.1), "0.1");
    ck_assert_str_eq(real_text(-0.0), "-0.0");
    ck_assert_str_eq(real_text(0), "0.0");
    ck_assert_str_eq(real_text(1e300), "1e+300");
    ck_assert_str_eq(real_text(1e15), "1e+15");
    ck_assert_str_eq(real_text(INFINITY), "inf");
    ck_assert_str_eq(real_text(-INFINITY), "-inf");
    ck_assert_str_eq(real_text(0.1 + 0.2), "0.30000000000000004");
    ck_assert_str_eq(real_text(9007199254740993.0), "9007199254740992.0");
    ck_assert_str_eq(real_text(5e-324), "4.94065645841247e-324");
}
END_TEST

START_TEST(reals_near_each_power_of_ten_are_as_defined)
{
    for (int exponent = -320; exponent <= 308; exponent++) {
        char text[16];
        double real, below, above;

        snprintf(text, sizeof(text), "1e%d", exponent);
        real = below = above = strtod(text, NULL);
        for (int i = 0; i < 40; i++) {
            assert_as_defined(below);
            assert_as_defined(-above);
            assert_as_defined(real * (1 + i));
            below = nextafter(below, 0);
            above = nextafter(above, INFINITY);
        }
    }
}
END_TEST

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

START_TEST(random_bits_are_as_defined)
{
    uint64_t state = 88172645463325252u;

    for (int i = 0; i < 50000; i++) {
        uint64_t bits = next_random(&state);
        double real;

        memcpy(&real, &bits, sizeof(real));
        if (isfinite(real))
            assert_as_defined(real);
        /* And among the plain ones. */
        assert_as_defined(ldexp((double)(bits >> 11), -53 - 14 + (int)(bits & 63)));
    }
}
END_TEST

START_TEST(random_decimals_are_as_defined)
{
    uint64_t state = 1442695040888963407u;

    for (int i = 0; i < 50000; i++) {
        uint64_t bits = next_random(&state);
        double number = (double)(bits % UINT64_C(10000000000000000) >> (bits >> 59));

        assert_as_defined(number / pow(10, (double)(bits >> 32 & 15)));
        assert_as_defined(nextafter(number / 100, 0));
        assert_as_defined(number / 1024);
    }
}
END_TEST

START_TEST(integers_have_their_digits)
{
    static const int64_t integers[] = {0,   1,     -1,       9,         10,        99,
                                       100, 12345, -1234567, INT64_MAX, INT64_MIN, INT64_MIN + 1};
    struct buf out = BUF_INIT;

    for (size_t i = 0; i < sizeof(integers) / sizeof(integers[0]); i++) {
        char expected[32];

        snprintf(expected, sizeof(expected), "%lld", (long long)integers[i]);
        buf_clear(&out);
        text_integer(integers[i], &out);
        ck_assert_str_eq(buf_text(&out), expected);
    }
    buf_free(&out);
}
END_TEST

START_TEST(a_decimal_has_no_more_places_than_are_asked_for)
{
    char text[TEXT_NUMBER_BYTES] = "";

    ck_assert_uint_eq(text_put_decimal(-12.3456, 4, text), 8);
    ck_assert_int_eq(memcmp(text, "-12.3456", 8), 0);
    ck_assert_uint_eq(text_put_decimal(12.34567, 4, text), 0);
    ck_assert_uint_eq(text_put_decimal(0.1 + 0.2, 4, text), 0);
    ck_assert_uint_eq(text_put_decimal(1e15, 4, text), 0);
    ck_assert_uint_eq(text_put_decimal(-0.0, 4, text), 0);
    ck_assert_uint_eq(text_put_decimal(0.0, 4, text), 3);
    ck_assert_uint_eq(text_put_decimal(1e-5, 4, text), 0);
    ck_assert_uint_eq(text_put_decimal(INFINITY, 4, text), 0);
    ck_assert_uint_eq(text_put_decimal(NAN, 4, text), 0);
}
END_TEST

Suite *suite_table_text_number(void)
{
    Suite *suite = suite_create("table/text_number");
    TCase *numbers = tcase_create("numbers");

    tcase_add_test(numbers, a_real_has_a_point_or_an_exponent);
    tcase_add_test(numbers, reals_near_each_power_of_ten_are_as_defined);
    tcase_add_test(numbers, random_bits_are_as_defined);
    tcase_add_test(numbers, random_decimals_are_as_defined);
    tcase_add_test(numbers, integers_have_their_digits);
    tcase_add_test(numbers, a_decimal_has_no_more_places_than_are_asked_for);
    suite_add_tcase(suite, numbers);
    return suite;
}
