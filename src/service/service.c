/*
 * A service joins a source and its repository, and ends them in the right order: first no
 * command is taken any more, then those that run end or undo themselves, then the work
 * in the background, then the repository is closed, which gives its lock back.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/source/source.h"
#include "dbsnapfs/store/repo.h"
#include "service/core.h"
#include "service/log.h"

#define REPO_SUFFIX ".backups"

static int join_text(const char *a, const char *b, char **ret_text, struct err *err)
{
    if (asprintf(ret_text, "%s%s", a, b) >= 0)
        return 0;
    *ret_text = NULL;
    return err_sys(err, ENOMEM, "cannot keep a path");
}

int service_default_repo(const char *source_spec, char **ret_path, struct err *err)
{
    struct source *source = NULL;
    int code;

    code = source_new(source_spec, &source, err);
    if (code == 0)
        code = join_text(source_path(source), REPO_SUFFIX, ret_path, err);
    source_free(source);
    return code;
}

static int open_source(struct service *service, const struct service_config *config,
                       struct err *err)
{
    int code = source_new(config->source, &service->source, err);

    if (code == 0 && !config->source_optional)
        code = source_check(service->source, err);
    return code;
}

static int open_repo(struct service *service, const struct service_config *config, struct err *err)
{
    struct repo_options options = {
        .read_only = config->read_only,
        .optional = config->repo_optional,
        .wait = config->wait,
        .holder = service->holder,
        .source = source_path(service->source),
        .compress = config->compress,
        .cache_bytes = config->cache_bytes,
    };
    char *beside = NULL;
    int code = 0;

    if (!config->repo)
        code = join_text(source_path(service->source), REPO_SUFFIX, &beside, err);
    if (code == 0)
        code = repo_open(config->repo ? config->repo : beside, &options, &service->repo, err);
    if (code == 0)
        code = join_text(repo_path(service->repo), "/log", &service->log_path, err);
    free(beside);
    return code;
}

static int name_holder(struct service *service, const struct service_config *config,
                       struct err *err)
{
    int code = 0;

    if (config->mount_point) {
        code = join_text(config->mount_point, "", &service->mount_point, err);
        if (code == 0)
            code = join_text("mount at ", config->mount_point, &service->holder, err);
    } else {
        code = join_text(config->holder ? config->holder : "dbsnapfs", "", &service->holder, err);
    }
    return code;
}

int service_new(const struct service_config *config, struct service **ret_service, struct err *err)
{
    struct service *service;
    struct err unheard = ERR_INIT;
    int code;

    if (!err)
        err = &unheard;
    service = calloc(1, sizeof *service);
    if (!service)
        return err_sys(err, ENOMEM, "cannot start");
    service->read_only = config->read_only;
    service->compress = config->compress;
    service->started_ns = clock_now_ns();
    (void)pthread_mutex_init(&service->lock, NULL);
    code = turns_init(&service->turns, err);
    if (code != 0) {
        (void)pthread_mutex_destroy(&service->lock);
        free(service);
        return code;
    }
    code = name_holder(service, config, err);
    if (code == 0)
        code = open_source(service, config, err);
    if (code == 0)
        code = open_repo(service, config, err);
    if (code == 0 && service->mount_point && !service->read_only)
        code = background_start(service, err);
    if (code != 0) {
        service_free(service);
        return code;
    }
    *ret_service = service;
    return 0;
}

void service_stop(struct service *service)
{
    struct turns *turns = &service->turns;

    turns_stop(turns);
    /* Commands that somebody waits for end in their callers' threads; the others end here. */
    (void)pthread_mutex_lock(&turns->lock);
    while (turns->threads > 0)
        (void)pthread_cond_wait(&turns->changed, &turns->lock);
    (void)pthread_mutex_unlock(&turns->lock);
}

void service_free(struct service *service)
{
    if (!service)
        return;
    turns_stop(&service->turns);
    turns_drain(&service->turns);
    background_end(service);
    repo_close(service->repo);
    source_free(service->source);
    turns_release(&service->turns);
    (void)pthread_mutex_destroy(&service->lock);
    buf_free(&service->last_result);
    free(service->mount_point);
    free(service->holder);
    free(service->log_path);
    free(service);
}

struct repo *service_repo(struct service *service)
{
    return service->repo;
}

struct source *service_source(struct service *service)
{
    return service->source;
}

const char *service_mount_point(struct service *service)
{
    return service->mount_point;
}

void service_note_failure(struct service *service, const char *verb, const struct err *err)
{
    (void)pthread_mutex_lock(&service->lock);
    service->last_error = *err;
    (void)snprintf(service->last_error_verb, sizeof service->last_error_verb, "%s", verb);
    service->last_error_ns = clock_now_ns();
    (void)pthread_mutex_unlock(&service->lock);
}

void service_note(struct service *service, const char *what, const struct err *err)
{
    log_line(service, what, false, err->text, -1);
    service_note_failure(service, what, err);
}

void service_last_result(struct service *service, struct buf *out)
{
    (void)pthread_mutex_lock(&service->lock);
    buf_add(out, buf_text(&service->last_result), service->last_result.len);
    (void)pthread_mutex_unlock(&service->lock);
}
