/*
 * Runs every unit suite, or those named on the command line (a room, or room_file).
 *
 * The list is made from the names of the files under tests/unit: ROOM/FILE.c defines
 * suite_ROOM_FILE(). Check runs each test in a process of its own, so one that crashes
 * or hangs fails alone.
 */
#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUITE(function) Suite *function(void);
#include "suites.h"
#undef SUITE

static const struct suite {
    const char *name;
    Suite *(*make)(void);
} suites[] = {
#define SUITE(function) {&#function[sizeof "suite_" - 1], function},
#include "suites.h"
#undef SUITE
    {NULL, NULL},
};

/* `names` is NULL-terminated; "store" asks for store_frame, store_map and so on. */
static bool suite_wanted(const char *suite, char *const *names)
{
    if (!names[0])
        return true;
    for (; names[0]; names++) {
        size_t length = strlen(names[0]);
        if (!strncmp(suite, names[0], length) && (!suite[length] || suite[length] == '_'))
            return true;
    }
    return false;
}

int main(int argc, char **argv)
{
    (void)argc;
    SRunner *runner = srunner_create(NULL);
    for (const struct suite *suite = suites; suite->name; suite++)
        if (suite_wanted(suite->name, argv + 1))
            srunner_add_suite(runner, suite->make());
    srunner_run_all(runner, CK_ENV);
    int tests_run = srunner_ntests_run(runner);
    int tests_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    if (tests_run == 0)
        fprintf(stderr, "unit: no test ran\n");
    return tests_run > 0 && tests_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
