/*
 * A signal handler can only reach what is static: this is the one place that has it.
 */
#include "cli/signals.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

static atomic_bool caught;
static atomic_int caught_signal;

static void on_signal(int number)
{
    atomic_store(&caught_signal, number);
    atomic_store(&caught, true);
}

const atomic_bool *signals_catch(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};

    (void)sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct sigaction old;

        /* what nohup ignores stays ignored */
        if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            (void)sigaction(numbers[i], &action, NULL);
    }
    return &caught;
}

int signals_status(int otherwise)
{
    int number = atomic_load(&caught_signal);

    return number > 0 ? 128 + number : otherwise;
}
