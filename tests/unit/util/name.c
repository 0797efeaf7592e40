/* src/util/name.c: names made of data as file names, and back. */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/name.h"

static const struct pair {
    const char *data;
    size_t len;
    const char *name;
} pairs[] = {
#define PAIR(data, name)             \
    {                                \
        data, sizeof(data) - 1, name \
    }
    PAIR("users", "users"),
    PAIR("", "%~"),
    PAIR(".", "%2E"),
    PAIR("..", "%2E."),
    PAIR(".hidden", "%2Ehidden"),
    PAIR("a.b", "a.b"),
    PAIR("a/b", "a%2Fb"),
    PAIR("/", "%2F"),
    PAIR("100%", "100%25"),
    PAIR("%2F", "%252F"),
    PAIR("%~", "%25~"),
    PAIR("a b", "a b"),
    PAIR("a,b", "a,b"),
    PAIR("a\0b", "a%00b"),
    PAIR("\0", "%00"),
    PAIR("line\nend\t\x7f", "line%0Aend%09%7F"),
    PAIR("\x1b[31m", "%1B[31m"),
    PAIR("caf\xc3\xa9", "caf\xc3\xa9"),
    PAIR("\xe6\x97\xa5\xe6\x9c\xac", "\xe6\x97\xa5\xe6\x9c\xac"),
    PAIR("\xf0\x9f\x90\x98", "\xf0\x9f\x90\x98"),
    PAIR("\xc2\x85", "%C2%85"),               /* a control character, U+0085 */
    PAIR("\xc2\xa0", "\xc2\xa0"),             /* not one */
    PAIR("\xff", "%FF"),                      /* never in UTF-8 */
    PAIR("\xc3", "%C3"),                      /* cut short */
    PAIR("\xe6\x97", "%E6%97"),               /* cut short */
    PAIR("\xc3(", "%C3("),                    /* no continuation */
    PAIR("\xc0\xaf", "%C0%AF"),               /* '/' in too long a form */
    PAIR("\xe0\x80\xaf", "%E0%80%AF"),        /* the same in three bytes */
    PAIR("\xed\xa0\x80", "%ED%A0%80"),        /* a surrogate */
    PAIR("\xf4\x90\x80\x80", "%F4%90%80%80"), /* beyond U+10FFFF */
    PAIR("\xef\xbf\xbf", "\xef\xbf\xbf"),     /* U+FFFF can be encoded */
    PAIR("~", "~"),
    PAIR("-rf *", "-rf *"),
};

START_TEST(a_name_made_of_data_has_the_contracts_form)
{
    struct buf out = BUF_INIT;
    ck_assert_int_eq(name_encode(pairs[_i].data, pairs[_i].len, &out), 0);
    ck_assert_str_eq(buf_text(&out), pairs[_i].name);
    buf_free(&out);
}
END_TEST

START_TEST(an_encoded_name_gives_the_data_back)
{
    struct buf out = BUF_INIT;
    ck_assert_int_eq(name_decode(pairs[_i].name, &out), 0);
    ck_assert_uint_eq(out.len, pairs[_i].len);
    ck_assert_mem_eq(buf_text(&out), pairs[_i].data, pairs[_i].len);
    buf_free(&out);
}
END_TEST

START_TEST(encoding_appends_to_what_is_there)
{
    struct buf out = BUF_INIT;
    buf_add_text(&out, "key=");
    ck_assert_int_eq(name_encode(".x", 2, &out), 0);
    ck_assert_str_eq(buf_text(&out), "key=%2Ex");
    buf_free(&out);
}
END_TEST

static const char *const strangers[] = {
    "",    ".",    "..",    ".x",  "%",     "%2",          "%2f",  "%41",  "%G0",  "100%",
    "a/b", "%~%~", "a%~",   "%~a", "\xff",  "%C3%A9",      "a\nb", "\xc3", "%%25", "%2Ea%2Eb",
    "%~0", "%2C",  "%2E.%", "%-1", "%+1+1", "%~%2520abcd", "% 1",  "%0x",
};

START_TEST(a_name_that_no_encoding_gives_is_refused)
{
    struct buf out = BUF_INIT;
    ck_assert_int_eq(name_decode(strangers[_i], &out), -EINVAL);
    ck_assert_uint_eq(out.len, 0);
    buf_free(&out);
}
END_TEST

START_TEST(every_byte_alone_and_behind_a_letter_goes_back)
{
    for (unsigned c = 0; c < 256; c++) {
        for (size_t len = 1; len <= 2; len++) {
            const unsigned char data[2] = {(unsigned char)(len == 1 ? c : 'a'), (unsigned char)c};
            struct buf name = BUF_INIT, back = BUF_INIT;
            ck_assert_int_eq(name_encode(data, len, &name), 0);
            ck_assert_ptr_null(strchr(buf_text(&name), '/'));
            ck_assert_int_ne(buf_text(&name)[0], '.');
            ck_assert_int_eq(name_decode(buf_text(&name), &back), 0);
            ck_assert_uint_eq(back.len, len);
            ck_assert_mem_eq(back.data, data, len);
            buf_free(&name);
            buf_free(&back);
        }
    }
}
END_TEST

START_TEST(a_name_of_255_bytes_stands_whole)
{
    char data[255];
    struct buf name = BUF_INIT, back = BUF_INIT;
    memset(data, 'x', sizeof(data));
    ck_assert_int_eq(name_encode(data, sizeof(data), &name), 0);
    ck_assert_uint_eq(name.len, sizeof(data));
    ck_assert_int_eq(name_decode(buf_text(&name), &back), 0);
    ck_assert_uint_eq(back.len, sizeof(data));
    buf_free(&name);
    buf_free(&back);
}
END_TEST

START_TEST(a_longer_name_is_cut_and_ends_in_a_hash)
{
    char data[256], other[256];
    struct buf name = BUF_INIT, second = BUF_INIT, back = BUF_INIT;
    memset(data, 'x', sizeof(data));
    memset(other, 'x', sizeof(other));
    other[255] = 'y';
    ck_assert_int_eq(name_encode(data, sizeof(data), &name), 0);
    ck_assert_int_eq(name_encode(other, sizeof(other), &second), 0);
    ck_assert_uint_eq(name.len, 255);
    ck_assert_mem_eq(name.data + 237, "%~", 2);
    ck_assert_uint_eq(strspn(name.data + 239, "0123456789abcdef"), 16);
    ck_assert_str_ne(name.data, second.data);
    ck_assert_int_eq(name_decode(name.data, &back), -ENAMETOOLONG);
    ck_assert_uint_eq(back.len, 0);
    buf_free(&name);
    buf_free(&second);
}
END_TEST

START_TEST(a_cut_never_parts_a_character_or_an_escape)
{
    for (size_t lead = 0; lead < 6; lead++) {
        static const unsigned char elephant[4] = {0xf0, 0x9f, 0x90, 0x98};
        static const unsigned char escape_and_sun[4] = {0x01, 0xe6, 0x97, 0xa5};
        unsigned char data[600];
        struct buf name = BUF_INIT, kept = BUF_INIT, back = BUF_INIT;
        memset(data, 'x', sizeof(data));
        for (size_t i = lead; i + 4 <= sizeof(data); i += 4)
            memcpy(data + i, i % 8 < 4 ? elephant : escape_and_sun, 4);
        ck_assert_int_eq(name_encode(data, sizeof(data), &name), 0);
        ck_assert_uint_le(name.len, 255);
        ck_assert_uint_ge(name.len, 252);
        buf_add(&kept, name.data, name.len - 18);
        ck_assert_int_eq(name_decode(kept.data, &back), 0);
        ck_assert_mem_eq(back.data, data, back.len);
        buf_free(&name);
        buf_free(&kept);
        buf_free(&back);
    }
}
END_TEST

static const struct joined {
    size_t count;
    struct name_part parts[3];
    const char *name;
} joined[] = {
#define PART(data)                   \
    {                                \
        NULL, data, sizeof(data) - 1 \
    }
#define KIND(kind, data)             \
    {                                \
        kind, data, sizeof(data) - 1 \
    }
    {1, {PART("a,b")}, "a,b"},
    {1, {PART("")}, "%~"},
    {1, {KIND("text", "1")}, "%~text~1"},
    {1, {KIND("text", "")}, "%~text~"},
    {1, {KIND("text", ".x")}, "%~text~.x"},
    {1, {{"null", NULL, 0}}, "%~null"},
    {1, {KIND("null", "")}, "%~null~"},
    {1, {KIND("blob", "%~text~\xff")}, "%~blob~%25~text~%FF"},
    {2, {PART("a"), PART("b")}, "a,b"},
    {2, {PART("a,b"), PART("c")}, "a%2Cb,c"},
    {2, {PART("a"), PART("b,c")}, "a,b%2Cc"},
    {2, {PART(""), PART("")}, ","},
    {2, {PART(","), PART("")}, "%2C,"},
    {2, {PART(".."), PART("..")}, "%2E.,.."},
    {2, {PART(""), PART(".")}, ",."},
    {2, {PART("/"), PART("%")}, "%2F,%25"},
    {2, {PART("a"), KIND("real", "1.0")}, "a,%~real~1.0"},
    {3, {PART("1"), KIND("null", ""), PART("x\0y")}, "1,%~null~,x%00y"},
    {3, {{"null", NULL, 0}, PART("null"), {"null", NULL, 0}}, "%~null,null,%~null"},
};

START_TEST(parts_are_joined_by_commas)
{
    const struct joined *each = &joined[_i];
    struct buf out = BUF_INIT;
    ck_assert_int_eq(name_encode_parts(each->parts, each->count, NAME_BYTES, &out), 0);
    ck_assert_str_eq(buf_text(&out), each->name);
    buf_free(&out);
}
END_TEST

START_TEST(a_joined_name_gives_its_parts_back)
{
    const struct joined *each = &joined[_i];
    struct name_decoded decoded;
    ck_assert_int_eq(name_decode_parts(each->name, each->count, &decoded), 0);
    ck_assert_uint_eq(decoded.count, each->count);
    for (size_t i = 0; i < each->count; i++) {
        const struct name_part *part = &decoded.parts[i], *given = &each->parts[i];
        ck_assert_uint_eq(part->len, given->len);
        if (given->len > 0)
            ck_assert_mem_eq(part->bytes, given->bytes, given->len);
        ck_assert_int_eq(!part->bytes, !given->bytes);
        ck_assert_int_eq(!part->kind, !given->kind);
        if (part->kind)
            ck_assert_str_eq(part->kind, given->kind);
    }
}
END_TEST

START_TEST(a_joined_name_that_no_encoding_gives_is_refused)
{
    static const char *const names[] = {
        "",     "a",     "%~",   "a,b,c",  "a%2Cb",        ".,a",    "a,b%2c",
        "a,%~", "a,%41", "a,/x", "a,b%2D", "%~text%7E1,b", "a,%~~b", "a,%~T~b"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct name_decoded decoded;
        ck_assert_msg(name_decode_parts(names[i], 2, &decoded) == -EINVAL, "%s", names[i]);
    }
}
END_TEST

START_TEST(a_name_of_commas_alone_has_as_many_parts_as_can_be)
{
    char name[NAME_BYTES + 1];
    struct name_decoded decoded;
    memset(name, ',', NAME_BYTES);
    name[NAME_BYTES] = '\0';
    ck_assert_int_eq(name_decode_parts(name, NAME_PARTS, &decoded), 0);
    ck_assert_uint_eq(decoded.parts[NAME_PARTS - 1].len, 0);
    ck_assert_int_eq(name_decode_parts(name, NAME_PARTS - 1, &decoded), -EINVAL);
    ck_assert_int_eq(name_decode_parts(name, NAME_PARTS + 1, &decoded), -EINVAL);
}
END_TEST

START_TEST(a_cut_joined_name_has_its_first_parts_and_a_beginning)
{
    char data[300];
    struct name_decoded decoded;
    struct buf name = BUF_INIT;
    memset(data, 'x', sizeof(data));
    const struct name_part parts[3] = {{"blob", "a", 1}, {NULL, data, 300}, {NULL, "b", 1}};
    ck_assert_int_eq(name_encode_parts(parts, 3, NAME_BYTES, &name), 0);
    ck_assert_uint_eq(name.len, 255);
    ck_assert_int_eq(name_decode_parts(buf_text(&name), 3, &decoded), 1);
    ck_assert_uint_eq(decoded.count, 2);
    ck_assert_str_eq(decoded.parts[0].kind, "blob");
    ck_assert_mem_eq(decoded.parts[0].bytes, "a", 1);
    ck_assert_uint_eq(decoded.parts[1].len, 237 - strlen("%~blob~a,"));
    buf_free(&name);
}
END_TEST

START_TEST(a_cut_joined_name_knows_where_its_parts_end)
{
    char data[300];
    struct buf names[4] = {BUF_INIT, BUF_INIT, BUF_INIT, BUF_INIT};
    memset(data, 'x', sizeof(data));
    const struct name_part parts[4][2] = {{{NULL, data, 260}, {NULL, data, 40}},
                                          {{NULL, data, 259}, {NULL, data, 41}},
                                          {{"text", data, 260}, {NULL, data, 40}},
                                          {{NULL, data, 260}, {"text", data, 40}}};
    for (size_t i = 0; i < 4; i++)
        ck_assert_int_eq(name_encode_parts(parts[i], 2, NAME_BYTES, &names[i]), 0);
    for (size_t i = 0; i < 4; i++)
        for (size_t j = 0; j < i; j++)
            ck_assert_str_ne(names[i].data, names[j].data);
    for (size_t i = 0; i < 4; i++)
        buf_free(&names[i]);
}
END_TEST

START_TEST(a_name_can_be_made_shorter)
{
    char data[100];
    struct buf name = BUF_INIT;
    memset(data, 'x', sizeof(data));
    const struct name_part part = {NULL, data, 100};
    ck_assert_int_eq(name_encode_parts(&part, 1, 99, &name), 0);
    ck_assert_uint_eq(name.len, 99);
    ck_assert_mem_eq(name.data + 81, "%~", 2);
    buf_clear(&name);
    ck_assert_int_eq(name_encode_parts(&part, 1, 100, &name), 0);
    ck_assert_uint_eq(strspn(name.data, "x"), 100);
    buf_free(&name);
}
END_TEST

Suite *suite_util_name(void);
Suite *suite_util_name(void)
{
    const int pair_count = (int)(sizeof(pairs) / sizeof(pairs[0]));
    const int stranger_count = (int)(sizeof(strangers) / sizeof(strangers[0]));
    Suite *suite = suite_create("util/name");
    TCase *tcase = tcase_create("name");
    tcase_add_loop_test(tcase, a_name_made_of_data_has_the_contracts_form, 0, pair_count);
    tcase_add_loop_test(tcase, an_encoded_name_gives_the_data_back, 0, pair_count);
    tcase_add_test(tcase, encoding_appends_to_what_is_there);
    tcase_add_loop_test(tcase, a_name_that_no_encoding_gives_is_refused, 0, stranger_count);
    tcase_add_test(tcase, every_byte_alone_and_behind_a_letter_goes_back);
    tcase_add_test(tcase, a_name_of_255_bytes_stands_whole);
    tcase_add_test(tcase, a_longer_name_is_cut_and_ends_in_a_hash);
    tcase_add_test(tcase, a_cut_never_parts_a_character_or_an_escape);
    const int joined_count = (int)(sizeof(joined) / sizeof(joined[0]));
    tcase_add_loop_test(tcase, parts_are_joined_by_commas, 0, joined_count);
    tcase_add_loop_test(tcase, a_joined_name_gives_its_parts_back, 0, joined_count);
    tcase_add_test(tcase, a_joined_name_that_no_encoding_gives_is_refused);
    tcase_add_test(tcase, a_name_of_commas_alone_has_as_many_parts_as_can_be);
    tcase_add_test(tcase, a_cut_joined_name_has_its_first_parts_and_a_beginning);
    tcase_add_test(tcase, a_cut_joined_name_knows_where_its_parts_end);
    tcase_add_test(tcase, a_name_can_be_made_shorter);
    suite_add_tcase(suite, tcase);
    return suite;
}
