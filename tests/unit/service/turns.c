/*
 * src/service/turns.c and watch.c
 */
#include "service/turns.h"

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "dbsnapfs/util/clock.h"
#include "dbsnapfs/util/err.h"
#include "service/watch.h"

#define MANY 8

/* A command in a thread: waits for its turn and notes the order in which it came. */
struct runner {
    struct turns *turns;
    struct turn turn;
    const atomic_bool *cancel;
    atomic_uint *order;
    unsigned place;
    int code;
    struct err err;
    pthread_t thread;
};

static void *run(void *arg)
{
    struct runner *runner = arg;

    runner->code = turns_wait(runner->turns, &runner->turn, runner->cancel, &runner->err);
    if (runner->code == 0) {
        if (runner->order)
            runner->place = atomic_fetch_add(runner->order, 1);
        turns_end(runner->turns, &runner->turn, 0);
    }
    return NULL;
}

/* Takes a place in the queue, in this thread, and waits for the turn in another. */
static void start(struct runner *runner, struct turns *turns)
{
    runner->turns = turns;
    runner->turn.verb = "test";
    ck_assert_int_eq(turns_join(turns, &runner->turn, false, &runner->err), 0);
    ck_assert_int_eq(pthread_create(&runner->thread, NULL, run, runner), 0);
}

static void finish(struct runner *runner)
{
    ck_assert_int_eq(pthread_join(runner->thread, NULL), 0);
}

/* A command that runs in this thread from now on. */
static void occupy(struct turns *turns, struct turn *turn)
{
    turn->verb = "backup";
    ck_assert_int_eq(turns_init(turns, NULL), 0);
    ck_assert_int_eq(turns_join(turns, turn, false, NULL), 0);
    ck_assert_int_eq(turns_wait(turns, turn, NULL, NULL), 0);
}

START_TEST(commands_run_in_the_order_they_came)
{
    struct runner runners[MANY] = {{.code = 0}};
    struct turn first = {.verb = NULL};
    atomic_uint order = 0;
    struct turns turns;

    occupy(&turns, &first);
    for (size_t i = 0; i < MANY; i++) {
        runners[i].order = &order;
        start(&runners[i], &turns);
    }
    ck_assert_uint_eq(atomic_load(&order), 0);
    turns_end(&turns, &first, 0);
    for (size_t i = 0; i < MANY; i++) {
        finish(&runners[i]);
        ck_assert_int_eq(runners[i].code, 0);
        ck_assert_uint_eq(runners[i].place, i);
    }
    ck_assert(!atomic_load(&turns.busy));
    turns_release(&turns);
}
END_TEST

START_TEST(nowait_refuses_a_queue)
{
    struct turn first = {.verb = NULL}, second = {.verb = "verify"};
    struct err err = ERR_INIT;
    struct turns turns;

    occupy(&turns, &first);
    ck_assert_int_eq(turns_join(&turns, &second, true, &err), -EBUSY);
    ck_assert_str_eq(err.text, "backup is running and nowait was given");
    turns_end(&turns, &first, 0);
    ck_assert_int_eq(turns_join(&turns, &second, true, &err), 0);
    ck_assert_int_eq(turns_wait(&turns, &second, NULL, &err), 0);
    turns_end(&turns, &second, 0);
    turns_release(&turns);
}
END_TEST

START_TEST(the_33rd_in_the_queue_is_sent_away)
{
    static struct runner runners[TURNS_MAX_WAITING];
    struct turn first = {.verb = NULL}, late = {.verb = "backup"};
    struct err err = ERR_INIT;
    struct turns turns;

    occupy(&turns, &first);
    for (size_t i = 0; i < TURNS_MAX_WAITING; i++)
        start(&runners[i], &turns);
    ck_assert_int_eq(turns_join(&turns, &late, false, &err), -EAGAIN);
    ck_assert_str_eq(err.text, "too many commands are waiting");
    turns_end(&turns, &first, 0);
    for (size_t i = 0; i < TURNS_MAX_WAITING; i++)
        finish(&runners[i]);
    turns_release(&turns);
}
END_TEST

START_TEST(who_waits_can_be_cancelled_and_leaves_the_queue)
{
    struct runner cancelled = {.code = 0}, behind = {.code = 0};
    struct turn first = {.verb = NULL};
    atomic_bool cancel = false;
    struct turns turns;

    occupy(&turns, &first);
    cancelled.cancel = &cancel;
    start(&cancelled, &turns);
    start(&behind, &turns);
    atomic_store(&cancel, true);
    finish(&cancelled);
    ck_assert_int_eq(cancelled.code, -ECANCELED);
    ck_assert_str_eq(cancelled.err.text, "cancelled while it waited");
    turns_end(&turns, &first, 0);
    finish(&behind);
    ck_assert_int_eq(behind.code, 0);
    turns_release(&turns);
}
END_TEST

/* Runs until it is told to stop. */
static void *run_until_cancelled(void *arg)
{
    struct runner *runner = arg;

    ck_assert_int_eq(turns_wait(runner->turns, &runner->turn, NULL, NULL), 0);
    atomic_fetch_add(runner->order, 1);
    while (!atomic_load(&runner->turn.cancel))
        (void)usleep(1000);
    turns_end(runner->turns, &runner->turn, runner->code);
    return NULL;
}

static void start_until_cancelled(struct runner *runner, struct turns *turns, int code)
{
    static atomic_uint running;

    atomic_store(&running, 0);
    *runner = (struct runner){
        .turns = turns, .turn = {.verb = "backup"}, .order = &running, .code = code};
    ck_assert_int_eq(turns_join(turns, &runner->turn, false, NULL), 0);
    ck_assert_int_eq(pthread_create(&runner->thread, NULL, run_until_cancelled, runner), 0);
    while (atomic_load(&running) == 0)
        (void)usleep(1000);
}

START_TEST(cancelling_waits_for_the_end_and_tells_it)
{
    struct runner runner;
    const char *verb = NULL;
    struct turns turns;
    int code = 1;

    ck_assert_int_eq(turns_init(&turns, NULL), 0);
    ck_assert(!turns_cancel(&turns, NULL, &verb, &code));
    start_until_cancelled(&runner, &turns, -ECANCELED);
    ck_assert(turns_cancel(&turns, NULL, &verb, &code));
    ck_assert_str_eq(verb, "backup");
    ck_assert_int_eq(code, -ECANCELED);
    finish(&runner);
    start_until_cancelled(&runner, &turns, 0);
    ck_assert(turns_cancel(&turns, NULL, &verb, &code));
    ck_assert_int_eq(code, 0);
    finish(&runner);
    turns_release(&turns);
}
END_TEST

START_TEST(cancelling_can_itself_be_given_up)
{
    struct turn first = {.verb = NULL};
    atomic_bool cancel = true;
    const char *verb = NULL;
    struct turns turns;
    int code = 1;

    occupy(&turns, &first);
    ck_assert(turns_cancel(&turns, &cancel, &verb, &code));
    ck_assert_int_eq(code, -EINPROGRESS);
    ck_assert(atomic_load(&first.cancel));
    turns_end(&turns, &first, 0);
    turns_release(&turns);
}
END_TEST

START_TEST(stopping_cancels_who_runs_and_refuses_the_others)
{
    struct turn first = {.verb = NULL}, late = {.verb = "backup"};
    struct runner waiting = {.code = 0};
    struct err err = ERR_INIT;
    struct turns turns;

    occupy(&turns, &first);
    start(&waiting, &turns);
    turns_stop(&turns);
    finish(&waiting);
    ck_assert_int_eq(waiting.code, -ESHUTDOWN);
    ck_assert(atomic_load(&first.cancel));
    ck_assert_int_eq(turns_join(&turns, &late, false, &err), -ESHUTDOWN);
    ck_assert_str_eq(err.text, "no command is taken any more: the mount is ending");
    turns_end(&turns, &first, -ECANCELED);
    turns_drain(&turns);
    turns_release(&turns);
}
END_TEST

START_TEST(a_watch_carries_the_callers_wish_over)
{
    struct turn first = {.verb = NULL};
    atomic_bool cancel = false;
    struct watch watch;
    struct turns turns;
    int64_t before;

    occupy(&turns, &first);
    ck_assert_int_eq(watch_start(&watch, &turns, &first, &cancel, NULL), 0);
    ck_assert(!atomic_load(&first.cancel));
    atomic_store(&cancel, true);
    before = clock_monotonic_ns();
    while (!atomic_load(&first.cancel) && clock_monotonic_ns() - before < INT64_C(5000000000))
        (void)usleep(1000);
    ck_assert(atomic_load(&first.cancel));
    watch_end(&watch);
    turns_end(&turns, &first, -ECANCELED);
    turns_release(&turns);
}
END_TEST

START_TEST(a_watch_ends_with_its_command_and_without_a_flag_does_nothing)
{
    struct turn first = {.verb = NULL};
    atomic_bool cancel = false;
    struct watch watch;
    struct turns turns;

    occupy(&turns, &first);
    ck_assert_int_eq(watch_start(&watch, &turns, &first, &cancel, NULL), 0);
    watch_end(&watch);
    ck_assert(!atomic_load(&first.cancel));
    ck_assert_int_eq(watch_start(&watch, &turns, &first, NULL, NULL), 0);
    watch_end(&watch);
    turns_end(&turns, &first, 0);
    turns_release(&turns);
}
END_TEST

Suite *suite_service_turns(void)
{
    Suite *suite = suite_create("service/turns");
    TCase *tests = tcase_create("turns");

    tcase_add_test(tests, commands_run_in_the_order_they_came);
    tcase_add_test(tests, nowait_refuses_a_queue);
    tcase_add_test(tests, the_33rd_in_the_queue_is_sent_away);
    tcase_add_test(tests, who_waits_can_be_cancelled_and_leaves_the_queue);
    tcase_add_test(tests, cancelling_waits_for_the_end_and_tells_it);
    tcase_add_test(tests, cancelling_can_itself_be_given_up);
    tcase_add_test(tests, stopping_cancels_who_runs_and_refuses_the_others);
    tcase_add_test(tests, a_watch_carries_the_callers_wish_over);
    tcase_add_test(tests, a_watch_ends_with_its_command_and_without_a_flag_does_nothing);
    suite_add_tcase(suite, tests);
    return suite;
}
