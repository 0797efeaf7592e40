/*
 * src/service/log.c: how a line looks. What is written is tested with the verbs.
 */
#include "service/log.h"

#include <check.h>

#include "dbsnapfs/util/buf.h"

#define TIME_NS INT64_C(1795351197000000000) /* 2026-11-22T12:39:57Z */

static void assert_line(bool ok, const char *text, int64_t duration_ns, const char *expected)
{
    struct buf out = BUF_INIT;

    log_format(TIME_NS, "backup", ok, text, duration_ns, &out);
    ck_assert_str_eq(buf_text(&out), expected);
    buf_free(&out);
}

START_TEST(a_line_has_time_verb_result_and_duration)
{
    assert_line(true, "2026-11-22T12-39-57Z 8.0 MiB", 210000000,
                "2026-11-22T12:39:57Z backup ok 2026-11-22T12-39-57Z 8.0 MiB (0.21 s)\n");
    assert_line(false, "disk full", -1, "2026-11-22T12:39:57Z backup error: disk full\n");
}
END_TEST

START_TEST(control_characters_cannot_forge_a_line)
{
    assert_line(true, "note=\"a\nb\tc\033[2J\x7f\"", -1,
                "2026-11-22T12:39:57Z backup ok note=\"a\\nb\\tc\\x1b[2J\\x7f\"\n");
}
END_TEST

Suite *suite_service_log(void)
{
    Suite *suite = suite_create("service/log");
    TCase *tests = tcase_create("log");

    tcase_add_test(tests, a_line_has_time_verb_result_and_duration);
    tcase_add_test(tests, control_characters_cannot_forge_a_line);
    suite_add_tcase(suite, tests);
    return suite;
}
