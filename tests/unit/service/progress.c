/*
 * src/service/progress.c: the text of a progress bar.
 */
#include <check.h>

#include "dbsnapfs/service/service.h"
#include "dbsnapfs/util/buf.h"

#define SECOND INT64_C(1000000000)
#define MIB (UINT64_C(1) << 20)

static void assert_text(uint64_t done, uint64_t total, int64_t elapsed_ns, const char *expected)
{
    struct service_progress progress = {true, "backup", done, total, 5 * SECOND};
    struct buf out = BUF_INIT;

    service_progress_text(&progress, 5 * SECOND + elapsed_ns, &out);
    ck_assert_str_eq(buf_text(&out), expected);
    buf_free(&out);
}

START_TEST(it_shows_part_rate_and_time_left)
{
    assert_text(450 * MIB, 1024 * MIB, SECOND,
                "backup  43 %  450.0 MiB of 1.0 GiB  450.0 MiB/s  2 s left");
    assert_text(MIB, 1000 * MIB, SECOND,
                "backup  0 %  1.0 MiB of 1000.0 MiB  1.0 MiB/s  16 min 39 s left");
    assert_text(8 * MIB, 8 * MIB, SECOND, "backup  100 %  8.0 MiB of 8.0 MiB  8.0 MiB/s  0 s left");
}
END_TEST

START_TEST(it_guesses_nothing_that_it_cannot_know)
{
    assert_text(0, 0, 0, "backup  0 B");
    assert_text(MIB, 0, SECOND, "backup  1.0 MiB  1.0 MiB/s");
    assert_text(0, MIB, SECOND, "backup  0 %  0 B of 1.0 MiB");
    assert_text(2 * MIB, MIB, SECOND, "backup  2.0 MiB  2.0 MiB/s");
}
END_TEST

Suite *suite_service_progress(void)
{
    Suite *suite = suite_create("service/progress");
    TCase *tests = tcase_create("progress");

    tcase_add_test(tests, it_shows_part_rate_and_time_left);
    tcase_add_test(tests, it_guesses_nothing_that_it_cannot_know);
    suite_add_tcase(suite, tests);
    return suite;
}
