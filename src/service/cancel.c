/*
 * cancel: stops the command that runs, and says how that ended.
 */
#include <errno.h>

#include "service/core.h"

static int cancel_run(struct service *service, const struct command *command, struct turn *turn,
                      const atomic_bool *cancel, struct result *result, struct err *err)
{
    const char *verb = NULL;
    int ended = 0;

    (void)command;
    (void)turn;
    if (!turns_cancel(&service->turns, cancel, &verb, &ended)) {
        buf_add_text(&result->line, "nothing is running");
        return 0;
    }
    if (ended == -EINPROGRESS)
        return err_set(err, ECANCELED, "cancel: %s was told to stop and has not ended yet", verb);
    if (ended == 0)
        buf_addf(&result->line, "%s was done before it could be cancelled", verb);
    else
        buf_addf(&result->line, "cancelled %s", verb);
    return 0;
}

const struct verb cancel_verb = {
    .shown = {"cancel", NULL, "stops the command that runs now", NULL},
    .run = cancel_run,
};
