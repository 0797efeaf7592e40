/*
 * A command's way from its line to its result.
 *
 * The line is understood before anything is waited for, so that a mistake is answered at once.
 * A verb that takes turns joins the queue in the caller's thread, which fixes the order; then
 * it waits and runs there too, or, with wait=no, in a thread of its own. The result is noted
 * before the turn ends: whoever runs next finds the log and status in order.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "service/core.h"
#include "service/log.h"
#include "service/watch.h"

#define STARTED "ok started\n"

/* A command that nobody waits for. */
struct detached {
    struct service *service;
    struct command command;
    struct turn turn;
};

static void result_release(struct result *result)
{
    buf_free(&result->line);
    buf_free(&result->details);
    buf_free(&result->logged);
}

/* The result as `control` shows it. */
static void render(int code, const struct err *err, const struct result *result, struct buf *out)
{
    if (code == 0)
        buf_addf(out, "ok %s\n", buf_text(&result->line));
    else
        buf_addf(out, "error: %s\n", err->text);
    buf_add_text(out, buf_text(&result->details));
}

/* Takes `shown` over as the last result. */
static void keep_last(struct service *service, struct buf shown)
{
    struct buf old;

    (void)pthread_mutex_lock(&service->lock);
    old = service->last_result;
    service->last_result = shown;
    (void)pthread_mutex_unlock(&service->lock);
    buf_free(&old);
}

/* Does the log keep what became of it? Commands that only look or cancel others leave no line,
 * but for their mistakes. */
static bool is_logged(const struct command *command, int code)
{
    return code != 0 || (command->verb && command->verb->queued);
}

/* Everything that a finished command leaves behind. `out` may be NULL. */
static void conclude(struct service *service, const struct command *command, int code,
                     struct err *err, const struct result *result, int64_t started_ns,
                     struct buf *out)
{
    const char *verb = command->verb ? command->verb->shown.name : "control";
    const struct buf *text = result->logged.len > 0 ? &result->logged : &result->line;
    struct buf shown = BUF_INIT;

    if (code != 0 && (err->code == 0 || err->text[0] == '\0'))
        (void)err_sys(err, -code, "%s", verb);
    render(code, err, result, &shown);
    if (is_logged(command, code))
        log_line(service, verb, code == 0, code == 0 ? buf_text(text) : err->text,
                 started_ns > 0 ? clock_monotonic_ns() - started_ns : -1);
    if (code != 0 && code != -ECANCELED && code != -ESHUTDOWN)
        service_note_failure(service, verb, err);
    if (out)
        buf_add(out, buf_text(&shown), shown.len);
    (void)pthread_mutex_lock(&service->lock);
    service->commands_done++;
    service->commands_failed += code != 0;
    (void)pthread_mutex_unlock(&service->lock);
    keep_last(service, shown);
}

/* Waits for a turn that was joined, runs, and ends it. */
static int run_in_turn(struct service *service, const struct command *command, struct turn *turn,
                       const atomic_bool *cancel, struct buf *out)
{
    struct result result = {BUF_INIT, BUF_INIT, BUF_INIT};
    struct err err = ERR_INIT;
    struct watch watch;
    bool came;
    int code;

    code = turns_wait(&service->turns, turn, cancel, &err);
    came = code == 0;
    if (came)
        code = watch_start(&watch, &service->turns, turn, cancel, &err);
    if (code == 0) {
        code = command->verb->run(service, command, turn, &turn->cancel, &result, &err);
        watch_end(&watch);
    }
    conclude(service, command, code, &err, &result, turn->started_ns, out);
    if (came)
        turns_end(&service->turns, turn, code);
    result_release(&result);
    return code;
}

static void *run_detached(void *arg)
{
    struct detached *detached = arg;
    struct turns *turns = &detached->service->turns;

    (void)run_in_turn(detached->service, &detached->command, &detached->turn, NULL, NULL);
    command_release(&detached->command);
    free(detached);
    (void)pthread_mutex_lock(&turns->lock);
    turns->threads--;
    (void)pthread_cond_broadcast(&turns->changed);
    (void)pthread_mutex_unlock(&turns->lock);
    return NULL;
}

static int start_thread(struct detached *detached, struct err *err)
{
    struct turns *turns = &detached->service->turns;
    pthread_attr_t attr;
    pthread_t thread;
    int code;

    (void)pthread_mutex_lock(&turns->lock);
    turns->threads++;
    (void)pthread_mutex_unlock(&turns->lock);
    code = pthread_attr_init(&attr);
    if (code == 0) {
        (void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
        code = pthread_create(&thread, &attr, run_detached, detached);
        (void)pthread_attr_destroy(&attr);
    }
    if (code == 0)
        return 0;
    (void)pthread_mutex_lock(&turns->lock);
    turns->threads--;
    (void)pthread_mutex_unlock(&turns->lock);
    return err_sys(err, code, "cannot start a thread");
}

/* Joins the queue and leaves the rest to a thread; takes the command over if it succeeds. */
static int detach(struct service *service, struct command *command, struct err *err)
{
    static const atomic_bool give_up = true;
    struct buf started = BUF_INIT;
    struct detached *detached;
    int code;

    if (!service->mount_point)
        return err_set(err, EINVAL, "wait=no needs a mount: without one nothing stays to run it");
    detached = calloc(1, sizeof *detached);
    if (!detached)
        return err_sys(err, ENOMEM, "%s", command->verb->shown.name);
    buf_add_text(&started, STARTED);
    detached->service = service;
    detached->turn.verb = command->verb->shown.name;
    code =
        turns_join(&service->turns, &detached->turn, command_value(command, "nowait") != NULL, err);
    if (code != 0) {
        buf_free(&started);
        free(detached);
        return code;
    }
    detached->command = *command;
    keep_last(service, started); /* before it can have a result of its own */
    code = start_thread(detached, err);
    if (code != 0) {
        (void)turns_wait(&service->turns, &detached->turn, &give_up, NULL);
        free(detached);
        return code;
    }
    *command = (struct command){.verb = command->verb}; /* its text is the thread's now */
    return 0;
}

static int run_queued(struct service *service, const struct command *command,
                      const atomic_bool *cancel, struct buf *out, bool *ret_concluded,
                      struct err *err)
{
    struct turn turn = {.verb = command->verb->shown.name};
    int code;

    code = turns_join(&service->turns, &turn, command_value(command, "nowait") != NULL, err);
    if (code != 0)
        return code;
    *ret_concluded = true;
    return run_in_turn(service, command, &turn, cancel, out);
}

/* Runs a command that was understood, in the way its verb and keys ask for. */
static int dispatch(struct service *service, struct command *command, const atomic_bool *cancel,
                    struct result *result, struct buf *out, bool *ret_concluded, struct err *err)
{
    const struct verb *verb = command->verb;
    int code;

    if (!verb->queued)
        return verb->run(service, command, NULL, cancel, result, err);
    if (verb->writes && service->read_only)
        return err_set(err, EROFS, "%s: mounted read-only", verb->shown.name);
    if (!command_value(command, "wait"))
        return run_queued(service, command, cancel, out, ret_concluded, err);
    code = detach(service, command, err);
    if (code == 0) {
        buf_add_text(out, STARTED);
        *ret_concluded = true;
    }
    return code;
}

int service_command(struct service *service, const char *line, size_t len,
                    const atomic_bool *cancel, struct buf *out)
{
    struct result result = {BUF_INIT, BUF_INIT, BUF_INIT};
    struct command command = {.verb = NULL};
    struct err err = ERR_INIT;
    bool concluded = false;
    int code;

    code = command_parse(line, len, &command, &err);
    if (code == 0 && !command.verb)
        return 0;
    if (code == 0)
        code = dispatch(service, &command, cancel, &result, out, &concluded, &err);
    if (!concluded)
        conclude(service, &command, code, &err, &result, 0, out);
    result_release(&result);
    command_release(&command);
    return code;
}

void service_refuse(struct service *service, int code, const char *text, struct buf *out)
{
    const struct result result = {BUF_INIT, BUF_INIT, BUF_INIT};
    const struct command command = {.verb = NULL};
    struct err err = ERR_INIT;

    (void)err_set(&err, code, "%s", text);
    conclude(service, &command, -code, &err, &result, 0, out);
}
