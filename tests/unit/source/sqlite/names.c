/*
 * src/source/sqlite/names.c: many things by their names.
 */
#include "source/sqlite/names.h"

#include <check.h>
#include <stdio.h>

Suite *suite_source_sqlite_names(void);

/* The places of a name's, "3 5 ". */
static const char *places(struct names *names, const char *name)
{
    static char text[100];
    const struct named *first = NULL;
    size_t count = names_find(names, name, &first), used = 0;

    text[0] = '\0';
    for (size_t i = 0; i < count; i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%zu ", first[i].place);
    return text;
}

START_TEST(a_name_is_found_as_sql_compares_it_by_place)
{
    struct names names = NAMES_INIT;

    names_add(&names, "users");
    names_add(&names, "\xc3\xa9");
    names_add(&names, "");
    names_add(&names, "USERS");
    names_add(&names, "user");
    names_add(&names, "Users");
    ck_assert_int_eq(names_sort(&names), 0);
    ck_assert_str_eq(places(&names, "uSERS"), "0 3 5 ");
    ck_assert_str_eq(places(&names, "user"), "4 ");
    ck_assert_str_eq(places(&names, ""), "2 ");
    ck_assert_str_eq(places(&names, "\xc3\xa9"), "1 ");
    ck_assert_str_eq(places(&names, "\xc3\x89"), "");
    ck_assert_str_eq(places(&names, "a"), "");
    ck_assert_str_eq(places(&names, "user s"), "");
    names_free(&names);
}
END_TEST

START_TEST(nothing_is_found_among_none)
{
    struct names names = NAMES_INIT;

    ck_assert_int_eq(names_sort(&names), 0);
    ck_assert_str_eq(places(&names, "a"), "");
    ck_assert_uint_eq(names.compared, 0);
    names_free(&names);
}
END_TEST

START_TEST(a_name_among_many_is_found_by_few_comparisons)
{
    static char made[1000][8];
    struct names names = NAMES_INIT;
    uint64_t sorted;

    for (size_t i = 0; i < 1000; i++) {
        snprintf(made[i], sizeof(made[i]), "%zu", (i * 7) % 1000);
        names_add(&names, made[i]);
    }
    ck_assert_int_eq(names_sort(&names), 0);
    sorted = names.compared;
    ck_assert_uint_le(sorted, 1000 * 20);
    ck_assert_str_eq(places(&names, "21"), "3 ");
    ck_assert_uint_le(names.compared - sorted, 12);
    names_free(&names);
}
END_TEST

Suite *suite_source_sqlite_names(void)
{
    Suite *suite = suite_create("source/sqlite/names");
    TCase *names = tcase_create("names");

    tcase_add_test(names, a_name_is_found_as_sql_compares_it_by_place);
    tcase_add_test(names, nothing_is_found_among_none);
    tcase_add_test(names, a_name_among_many_is_found_by_few_comparisons);
    suite_add_tcase(suite, names);
    return suite;
}
