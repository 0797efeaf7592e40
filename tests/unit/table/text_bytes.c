/* src/table/text_bytes.c: bytes between quotes. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/util/buf.h"
#include "table/text_internal.h"

Suite *suite_table_text_bytes(void);

/* One byte after the other. */
static void quote_slowly(const char *bytes, size_t len, char quote, struct buf *out)
{
    buf_add_char(out, quote);
    for (size_t i = 0; i < len; i++) {
        buf_add_char(out, bytes[i]);
        if (bytes[i] == quote)
            buf_add_char(out, quote);
    }
    buf_add_char(out, quote);
}

static void assert_quoted(const char *bytes, size_t len, char quote)
{
    struct buf quoted = BUF_INIT, expected = BUF_INIT;
    char *exact = malloc(len + 1); /* so that a sanitizer sees what is read behind it */

    ck_assert_ptr_nonnull(exact);
    memcpy(exact, bytes, len);
    text_quoted(exact, len, quote, &quoted);
    quote_slowly(bytes, len, quote, &expected);
    ck_assert_uint_eq(quoted.len, expected.len);
    ck_assert_mem_eq(quoted.data, expected.data, expected.len + 1);
    ck_assert_uint_eq(text_quoted_length(exact, len, quote), expected.len);
    free(exact);
    buf_free(&quoted);
    buf_free(&expected);
}

START_TEST(quotes_are_doubled_wherever_they_stand)
{
    static const char plain[] = "abcdefghijklmnopqr",
                      quoted[] = "\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"";
    char bytes[sizeof(plain) - 1];

    for (unsigned which = 0; which < 1u << 17; which++) {
        for (size_t i = 0; i < sizeof(bytes); i++)
            bytes[i] = (which >> i & 1 ? quoted : plain)[i];
        assert_quoted(bytes, 1 + which % sizeof(bytes), '"');
    }
}
END_TEST

START_TEST(texts_of_any_length_are_quoted)
{
    static const char some[] = "it's {\"a\":\"\",\"b\":[\"\\\"\"]} \xff\x80\xa2\xa7\0\x22";
    char bytes[10000];

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = some[i * i % sizeof(some)];
    for (size_t len = 0; len < 200; len++) {
        assert_quoted(bytes, len, '"');
        assert_quoted(bytes, len, '\'');
    }
    for (size_t len = 4000; len < sizeof(bytes); len += 997)
        assert_quoted(bytes, len, '"');
}
END_TEST

START_TEST(nothing_but_quotes_takes_twice_as_much)
{
    char bytes[5000];

    memset(bytes, '"', sizeof(bytes));
    for (size_t len = 0; len < sizeof(bytes); len += 1 + len / 8)
        assert_quoted(bytes, len, '"');
}
END_TEST

Suite *suite_table_text_bytes(void)
{
    Suite *suite = suite_create("table/text_bytes");
    TCase *tests = tcase_create("text_bytes");

    tcase_add_test(tests, quotes_are_doubled_wherever_they_stand);
    tcase_add_test(tests, texts_of_any_length_are_quoted);
    tcase_add_test(tests, nothing_but_quotes_takes_twice_as_much);
    suite_add_tcase(suite, tests);
    return suite;
}
