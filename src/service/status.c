/*
 * The state of things, gathered once and then written for people or for programs.
 *
 * Gathering takes one lock after the other and asks the catalog for two rows, so it may be done
 * many times a second while a backup runs. What is said of the past comes from the repository;
 * the last error is remembered since the service started, the log has those before.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/source/source.h"
#include "dbsnapfs/store/repo.h"
#include "dbsnapfs/util/text.h"
#include "service/core.h"

struct facts {
    struct service_progress progress;
    unsigned waiting;
    enum background_kind doing; /* in the background, with the backup … */
    char doing_name[40];        /* … of this name, "" when nothing is done */
    struct err last_error;
    char last_error_verb[16];
    int64_t last_error_ns;
    uint64_t commands_done, commands_failed;
    struct repo_totals totals;
    bool has_last;
    struct backup_entry last;
};

static int gather(struct service *service, struct facts *ret_facts, struct err *err)
{
    struct facts facts = {.waiting = 0};
    struct err missing = ERR_INIT;
    int code;

    service_progress(service, &facts.progress);
    (void)pthread_mutex_lock(&service->turns.lock);
    facts.waiting = service->turns.waiting;
    facts.doing = service->background.doing;
    memcpy(facts.doing_name, service->background.name, sizeof facts.doing_name);
    (void)pthread_mutex_unlock(&service->turns.lock);
    (void)pthread_mutex_lock(&service->lock);
    facts.last_error = service->last_error;
    memcpy(facts.last_error_verb, service->last_error_verb, sizeof facts.last_error_verb);
    facts.last_error_ns = service->last_error_ns;
    facts.commands_done = service->commands_done;
    facts.commands_failed = service->commands_failed;
    (void)pthread_mutex_unlock(&service->lock);
    code = repo_totals(service->repo, &facts.totals, err);
    if (code != 0)
        return code;
    if (facts.totals.newest_id > 0) {
        code = repo_get(service->repo, facts.totals.newest_id, &facts.last, &missing);
        if (code != 0 && code != -ENOENT)
            return err_set(err, -code, "%s", missing.text);
        facts.has_last = code == 0;
    }
    *ret_facts = facts;
    return 0;
}

static double ratio(const struct repo_totals *totals)
{
    return totals->stored_bytes > 0 ? (double)totals->logical_bytes / (double)totals->stored_bytes
                                    : 0;
}

/* ---- for people ---- */

static void add_age(int64_t then_ns, struct buf *out)
{
    int64_t age_ns = clock_now_ns() - then_ns;
    char text[TEXT_BYTES];

    text_duration(age_ns > 0 ? age_ns : 0, text);
    buf_addf(out, "%s ago", text);
}

static void add_now(const struct facts *facts, struct buf *out)
{
    buf_add_text(out, "now          ");
    if (facts->progress.active)
        service_progress_text(&facts->progress, clock_monotonic_ns(), out);
    else if (facts->doing_name[0] != '\0')
        buf_addf(out,
                 facts->doing == BACKGROUND_CHECK ? "checks %s in the background"
                                                  : "measures the tables of %s in the background",
                 facts->doing_name);
    else
        buf_add_text(out, "idle");
    if (facts->waiting > 0)
        buf_addf(out, ", %u command%s waiting", facts->waiting, facts->waiting == 1 ? "" : "s");
    buf_add_char(out, '\n');
}

static void add_last_backup(const struct facts *facts, struct buf *out)
{
    const struct backup_entry *last = &facts->last;
    char size[TEXT_BYTES];

    if (!facts->has_last) {
        buf_add_text(out, "last backup  none yet\nlast check   none yet\n");
        return;
    }
    text_bytes(last->image_bytes, size);
    buf_addf(out, "last backup  %s, %s, ", last->name, size);
    add_age(last->started_ns, out);
    buf_add_text(out, "\nlast check   ");
    if (last->checked_ns == 0) {
        buf_add_text(out, "not checked yet\n");
        return;
    }
    buf_addf(out, "%s, ", last->check_result ? last->check_result : "");
    add_age(last->checked_ns, out);
    buf_add_char(out, '\n');
}

static void add_last_error(const struct facts *facts, struct buf *out)
{
    char when[CLOCK_TEXT_BYTES];

    if (facts->last_error.code == 0) {
        buf_add_text(out, "last error   none since the start\n");
        return;
    }
    clock_iso(facts->last_error_ns, when);
    buf_addf(out, "last error   %s %s: %s\n", when, facts->last_error_verb, facts->last_error.text);
}

static void add_totals(const struct facts *facts, struct buf *out)
{
    const struct repo_totals *totals = &facts->totals;
    char logical[TEXT_BYTES], stored[TEXT_BYTES];

    text_bytes(totals->logical_bytes, logical);
    text_bytes(totals->stored_bytes, stored);
    buf_addf(out, "backups      %" PRIu64, totals->backups);
    if (totals->backups > 0)
        buf_addf(out, ", %s stored for %s (%.1f times smaller)", stored, logical, ratio(totals));
    buf_addf(out, "\ncommands     %" PRIu64 " since the start, %" PRIu64 " failed\n",
             facts->commands_done, facts->commands_failed);
}

int service_status(struct service *service, struct buf *out, struct err *err)
{
    struct facts facts = {.waiting = 0};
    int code = gather(service, &facts, err);

    if (code != 0)
        return code;
    buf_addf(out, "source       %s\nrepository   %s\n", source_path(service->source),
             repo_path(service->repo));
    if (service->mount_point)
        buf_addf(out, "mounted at   %s%s\n", service->mount_point,
                 service->read_only ? ", read-only" : "");
    add_now(&facts, out);
    add_last_backup(&facts, out);
    add_last_error(&facts, out);
    add_totals(&facts, out);
    backup_entry_free(&facts.last);
    return buf_error(out) == 0 ? 0 : err_sys(err, ENOMEM, "status");
}

/* ---- for programs ---- */

/* A JSON string of any bytes: paths need not be UTF-8, JSON must be. */
static json_t *json_text(const char *text)
{
    json_t *string = text ? json_string(text) : json_null();
    struct buf ascii = BUF_INIT;

    if (string || !text)
        return string;
    for (; *text != '\0'; text++)
        buf_add_char(&ascii, (char)((unsigned char)*text < 0x80 ? *text : '?'));
    string = json_string(buf_text(&ascii));
    buf_free(&ascii);
    return string;
}

static json_t *json_time(int64_t time_ns)
{
    char text[CLOCK_TEXT_BYTES];

    clock_iso(time_ns, text);
    return json_string(text);
}

static json_t *json_number(uint64_t number)
{
    return json_integer((json_int_t)number);
}

static json_t *json_seconds(int64_t ns)
{
    return json_real((double)(ns > 0 ? ns : 0) / 1e9);
}

static json_t *json_running(const struct service_progress *progress)
{
    if (!progress->active)
        return json_null();
    return json_pack("{s:s, s:o, s:o, s:o}", "verb", progress->verb, "done_bytes",
                     json_number(progress->done_bytes), "total_bytes",
                     json_number(progress->total_bytes), "elapsed_seconds",
                     json_seconds(clock_monotonic_ns() - progress->started_ns));
}

static json_t *json_last_backup(const struct facts *facts)
{
    const struct backup_entry *last = &facts->last;

    if (!facts->has_last)
        return json_null();
    return json_pack(
        "{s:s, s:o, s:o, s:o, s:o, s:o}", "name", last->name, "time", json_time(last->started_ns),
        "age_seconds", json_seconds(clock_now_ns() - last->started_ns), "duration_seconds",
        json_seconds(last->finished_ns - last->started_ns), "image_bytes",
        json_number(last->image_bytes), "stored_bytes", json_number(last->stored_bytes));
}

static json_t *json_last_check(const struct facts *facts)
{
    const struct backup_entry *last = &facts->last;

    if (!facts->has_last || last->checked_ns == 0)
        return json_null();
    return json_pack("{s:s, s:o, s:o}", "backup", last->name, "time", json_time(last->checked_ns),
                     "result", json_text(last->check_result));
}

static json_t *json_last_error(const struct facts *facts)
{
    const char *name;

    if (facts->last_error.code == 0)
        return json_null();
    name = strerrorname_np(-facts->last_error.code);
    return json_pack("{s:s, s:o, s:s, s:o}", "verb", facts->last_error_verb, "time",
                     json_time(facts->last_error_ns), "code", name ? name : "?", "message",
                     json_text(facts->last_error.text));
}

static json_t *json_doing(const struct facts *facts, enum background_kind kind)
{
    bool doing = facts->doing_name[0] != '\0' && facts->doing == kind;

    return json_text(doing ? facts->doing_name : NULL);
}

static json_t *json_status(struct service *service, const struct facts *facts)
{
    char codec[32];

    (void)snprintf(codec, sizeof codec, "%s:%d", codec_name(service->compress.id),
                   service->compress.level);
    return json_pack(
        "{s:s, s:o, s:o, s:o, s:b, s:s, s:o, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:f, s:o, "
        "s:o}",
        "version", DBSNAPFS_VERSION, "source", json_text(source_path(service->source)),
        "repository", json_text(repo_path(service->repo)), "mount_point",
        json_text(service->mount_point), "read_only", service->read_only, "compress", codec,
        "started", json_time(service->started_ns), "waiting", (int)facts->waiting, "running",
        json_running(&facts->progress), "checking", json_doing(facts, BACKGROUND_CHECK),
        "measuring", json_doing(facts, BACKGROUND_FACTS), "last_backup", json_last_backup(facts),
        "last_check", json_last_check(facts), "last_error", json_last_error(facts), "backups",
        json_number(facts->totals.backups), "stored_bytes", json_number(facts->totals.stored_bytes),
        "ratio", ratio(&facts->totals), "logical_bytes", json_number(facts->totals.logical_bytes),
        "commands",
        json_pack("{s:o, s:o}", "done", json_number(facts->commands_done), "failed",
                  json_number(facts->commands_failed)));
}

int service_status_json(struct service *service, struct buf *out, struct err *err)
{
    struct facts facts = {.waiting = 0};
    json_t *status;
    char *text = NULL;
    int code = gather(service, &facts, err);

    if (code != 0)
        return code;
    status = json_status(service, &facts);
    if (status)
        text = json_dumps(status, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
    if (text)
        buf_addf(out, "%s\n", text);
    else
        code = err_sys(err, ENOMEM, "status.json");
    free(text);
    json_decref(status);
    backup_entry_free(&facts.last);
    return code;
}
