/* src/fuse/interrupt.c: which signals end a command. */
#include "fuse/interrupt.h"

#include <check.h>
#include <stdio.h>

static const struct moment {
    const char *what;
    unsigned long long thread, process, blocked, ignored, caught;
    enum interrupt_verdict verdict;
} moments[] = {
#define BIT(n) (1ULL << ((n)-1))
    {"nothing", 0, 0, 0, 0, 0, INTERRUPT_IGNORE},
    {"Ctrl-C, by default deadly", 0, BIT(2), 0, 0, 0, INTERRUPT_CANCEL},
    {"Ctrl-C at a shell that catches it", 0, BIT(2), 0, 0, BIT(2), INTERRUPT_CANCEL},
    {"SIGKILL", BIT(9), 0, 0, 0, 0, INTERRUPT_CANCEL},
    {"SIGTERM, SIGHUP, SIGQUIT", 0, BIT(15) | BIT(1) | BIT(3), 0, 0, 0, INTERRUPT_CANCEL},
    {"a shell's child has ended", 0, BIT(17), 0, 0, BIT(17), INTERRUPT_IGNORE},
    {"a Go program wakes itself", BIT(23), 0, 0, 0, BIT(23), INTERRUPT_IGNORE},
    {"a timer that is caught", 0, BIT(14), 0, 0, BIT(14), INTERRUPT_IGNORE},
    {"a timer that is not", 0, BIT(14), 0, 0, 0, INTERRUPT_CANCEL},
    {"a resized window", 0, BIT(28), 0, 0, 0, INTERRUPT_IGNORE},
    {"Ctrl-Z", 0, BIT(20), 0, 0, 0, INTERRUPT_IGNORE},
    {"Ctrl-C under nohup-like ignoring", 0, BIT(2), 0, BIT(2), 0, INTERRUPT_IGNORE},
    {"Ctrl-C that is blocked", 0, BIT(2), BIT(2), 0, 0, INTERRUPT_IGNORE},
    {"a child has ended and Ctrl-C", 0, BIT(17) | BIT(2), 0, 0, BIT(17), INTERRUPT_CANCEL},
};

START_TEST(only_a_signal_that_ends_something_cancels)
{
    const struct moment *m = &moments[_i];
    char status[400];
    snprintf(status, sizeof(status),
             "Name:\tcp\nState:\tD\nSigQ:\t1/5\nSigPnd:\t%016llx\nShdPnd:\t%016llx\n"
             "SigBlk:\t%016llx\nSigIgn:\t%016llx\nSigCgt:\t%016llx\nCapInh:\t0\n",
             m->thread, m->process, m->blocked, m->ignored, m->caught);
    ck_assert_msg(interrupt_judge(status) == m->verdict, "%s", m->what);
}
END_TEST

Suite *suite_fuse_interrupt(void);
Suite *suite_fuse_interrupt(void)
{
    Suite *suite = suite_create("fuse/interrupt");
    TCase *tcase = tcase_create("interrupt");
    tcase_add_loop_test(tcase, only_a_signal_that_ends_something_cancels, 0,
                        (int)(sizeof(moments) / sizeof(moments[0])));
    suite_add_tcase(suite, tcase);
    return suite;
}
