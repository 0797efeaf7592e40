/*
 * src/codec: bytes there and back, and streams that are damaged.
 */
#include "dbsnapfs/codec.h"

#include <check.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "dbsnapfs/util/err.h"

#define MOST 65536

static struct codec *codec;
static uint8_t plain[MOST], dict[MOST], packed[MOST * 2], back[MOST];

static void set_up(void)
{
    ck_assert_int_eq(codec_new(&codec, NULL), 0);
    for (size_t i = 0; i < MOST; i++) {
        dict[i] = (uint8_t)(i * i >> 7 ^ i % 251);
        plain[i] = i % 97 ? dict[i] : (uint8_t)i;
    }
}

static void tear_down(void)
{
    codec_free(codec);
}

static const char *const choices[] = {"none",      "deflate:1", "deflate",
                                      "deflate:9", "zstd:1",    "zstd:19"};
static const size_t lengths[] = {1, 511, 4096, 65535, 65536};

/* false where this build has no such codec */
static bool choice_parse(const char *text, struct codec_choice *ret_choice)
{
    struct err err = ERR_INIT;
    int code = codec_parse(text, ret_choice, &err);

    if (code == -ENOTSUP) {
        ck_assert_ptr_nonnull(strstr(err.text, "was built without lib"));
        return false;
    }
    ck_assert_msg(code == 0, "%s", err.text);
    return true;
}

START_TEST(bytes_come_back_from_every_codec_with_and_without_dictionary)
{
    struct codec_choice choice;

    if (!choice_parse(choices[_i], &choice))
        return;
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        for (size_t dict_len = 0; dict_len <= lengths[i]; dict_len += lengths[i]) {
            size_t len = lengths[i], got = 0;

            ck_assert_int_eq(codec_compress(codec, choice, dict, dict_len, plain, len, packed,
                                            codec_bound(len), &got),
                             0);
            memset(back, 0, sizeof back);
            ck_assert_int_eq(
                codec_decompress(codec, choice.id, dict, dict_len, packed, got, back, len), 0);
            ck_assert_mem_eq(back, plain, len);
        }
    }
}
END_TEST

START_TEST(a_result_that_does_not_fit_is_refused)
{
    struct codec_choice choice;
    size_t got = 0;

    if (!choice_parse(choices[_i], &choice))
        return;
    ck_assert_int_eq(codec_compress(codec, choice, NULL, 0, plain, 4096, packed, 10, &got),
                     -ENOSPC);
}
END_TEST

START_TEST(a_stream_of_another_length_is_damaged)
{
    struct codec_choice choice;
    size_t got = 0;

    if (!choice_parse(choices[_i], &choice))
        return;
    ck_assert_int_eq(
        codec_compress(codec, choice, NULL, 0, plain, 4096, packed, codec_bound(4096), &got), 0);
    ck_assert_int_eq(codec_decompress(codec, choice.id, NULL, 0, packed, got - 1, back, 4096),
                     -EBADMSG);
    ck_assert_int_eq(codec_decompress(codec, choice.id, NULL, 0, packed, got + 1, back, 4096),
                     -EBADMSG);
    ck_assert_int_eq(codec_decompress(codec, choice.id, NULL, 0, packed, got, back, 4095),
                     -EBADMSG);
    ck_assert_int_eq(codec_decompress(codec, choice.id, NULL, 0, packed, got, back, 4097),
                     -EBADMSG);
    ck_assert_int_eq(codec_decompress(codec, choice.id, NULL, 0, packed, got, back, 4096), 0);
}
END_TEST

START_TEST(a_codec_is_usable_after_damage)
{
    struct codec_choice choice;
    size_t got = 0;

    if (!choice_parse(choices[_i], &choice))
        return;
    memset(packed, 0x5a, 300);
    for (size_t dict_len = 0; dict_len <= 4096; dict_len += 4096)
        ck_assert_int_eq(
            codec_decompress(codec, choice.id, dict, dict_len, packed, 300, back, 4096), -EBADMSG);
    ck_assert_int_eq(
        codec_compress(codec, choice, dict, 4096, plain, 4096, packed, codec_bound(4096), &got), 0);
    ck_assert_int_eq(codec_decompress(codec, choice.id, dict, 4096, packed, got, back, 4096), 0);
    ck_assert_mem_eq(back, plain, 4096);
}
END_TEST

START_TEST(names_and_levels_that_nobody_knows_are_refused)
{
    static const char *const bad[] = {
        "", "gzip", "deflat", "deflate:", "deflate:0", "deflate:10", "none:1", "deflatex:1"};
    struct codec_choice choice;
    struct err err = ERR_INIT;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(codec_parse(bad[i], &choice, &err) == -EINVAL, "%s", bad[i]);
    ck_assert_str_eq(err.text,
                     "compress=deflatex:1: known are none, deflate[:1-9] and zstd[:1-19]");
    ck_assert_int_eq(codec_parse("deflate:12", &choice, &err), -EINVAL);
    ck_assert_str_eq(err.text, "compress=deflate:12: the level of deflate is a number from 1 to 9");
}
END_TEST

START_TEST(an_unknown_number_is_no_codec)
{
    ck_assert_ptr_null(codec_name((enum codec_id)3));
    ck_assert(!codec_available((enum codec_id)255));
    ck_assert_int_eq(codec_decompress(codec, (enum codec_id)9, NULL, 0, packed, 1, back, 1),
                     -ENOTSUP);
}
END_TEST

Suite *suite_codec_codec(void)
{
    Suite *suite = suite_create("codec/codec");
    TCase *tests = tcase_create("codec");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, bytes_come_back_from_every_codec_with_and_without_dictionary, 0, 6);
    tcase_add_loop_test(tests, a_result_that_does_not_fit_is_refused, 0, 6);
    tcase_add_loop_test(tests, a_stream_of_another_length_is_damaged, 0, 6);
    tcase_add_loop_test(tests, a_codec_is_usable_after_damage, 0, 6);
    tcase_add_test(tests, names_and_levels_that_nobody_knows_are_refused);
    tcase_add_test(tests, an_unknown_number_is_no_codec);
    suite_add_tcase(suite, tests);
    return suite;
}
