/*
 * backup: the source's pages, in order, into the repository.
 *
 * The capture and the writer are joined here and know nothing of each other: the capture says
 * first what it is going to send, which is when the writer can be made, and then sends pages.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "dbsnapfs/source/source.h"
#include "dbsnapfs/store/repo.h"
#include "dbsnapfs/store/writer.h"
#include "dbsnapfs/util/text.h"
#include "service/check.h"
#include "service/core.h"

/* One backup under way. */
struct taking {
    struct service *service;
    struct turn *turn;
    struct backup_writer *writer;
    char *settings;
};

static int check_cancel(const struct turn *turn, struct err *err)
{
    return atomic_load(&turn->cancel) ? err_set(err, ECANCELED, "backup: cancelled") : 0;
}

static int take_begin(void *arg, const struct source_info *info, const char *settings,
                      struct err *err)
{
    struct taking *taking = arg;
    int code;

    atomic_store(&taking->turn->total_bytes, info->image_bytes);
    taking->settings = strdup(settings ? settings : "{}");
    if (!taking->settings)
        return err_sys(err, ENOMEM, "backup");
    /* In rollback mode the database's writers are blocked until the capture has ended. */
    code =
        backup_writer_new(taking->service->repo, info->page_size, !info->wal, &taking->writer, err);
    if (code == 0)
        backup_writer_group_by(taking->writer, source_kind_of_page(taking->service->source));
    return code;
}

static int take_put(void *arg, uint64_t offset, const void *bytes, size_t len, struct err *err)
{
    struct taking *taking = arg;
    int code = check_cancel(taking->turn, err);

    if (code == 0)
        code = backup_writer_put(taking->writer, offset, bytes, len, err);
    if (code == 0 && offset + len > atomic_load(&taking->turn->done_bytes))
        atomic_store(&taking->turn->done_bytes, offset + len);
    return code;
}

/* Is this UTF-8, as it has to be in a manifest? */
static bool is_utf8(const char *text)
{
    const unsigned char *s = (const unsigned char *)text;

    while (*s != '\0') {
        unsigned more = *s < 0x80 ? 0 : *s < 0xc2 ? 9 : *s < 0xe0 ? 1 : *s < 0xf0 ? 2 : 3;

        if (*s > 0xf4 || more == 9 || (*s == 0xe0 && s[1] < 0xa0) || (*s == 0xed && s[1] > 0x9f) ||
            (*s == 0xf0 && s[1] < 0x90) || (*s == 0xf4 && s[1] > 0x8f))
            return false;
        for (s++; more > 0; more--, s++)
            if ((*s & 0xc0) != 0x80)
                return false;
    }
    return true;
}

static void describe(const struct backup_entry *entry, int64_t took_ns, struct result *result)
{
    char size[TEXT_BYTES], stored[TEXT_BYTES], took[TEXT_BYTES];
    struct buf rest = BUF_INIT;

    text_bytes(entry->image_bytes, size);
    text_bytes(entry->stored_bytes, stored);
    text_duration(took_ns, took);
    buf_addf(&rest, "%" PRIu64 " of %" PRIu64 " blocks new, %s stored", entry->changed_blocks,
             entry->block_count, stored);
    buf_addf(&result->line, "%s %s in %s, %s", entry->name, size, took, buf_text(&rest));
    buf_addf(&result->logged, "%s %s, %s", entry->name, size, buf_text(&rest));
    if (entry->note && *entry->note != '\0')
        buf_addf(&result->logged, " note=\"%s\"", entry->note);
    buf_free(&rest);
}

/* `backup check`: the entry is there and stays, whatever comes out. */
static int check(struct service *service, const struct backup_entry *entry,
                 const atomic_bool *cancel, struct err *err)
{
    const struct check_way way = {.deep = false};
    struct buf result = BUF_INIT;
    int code = check_backup(service, entry->id, way, cancel, &result, err);

    if (code == 0 && strcmp(buf_text(&result), "ok") != 0)
        code = err_set(err, EBADMSG, "the backup %s was taken, but is not good: %s", entry->name,
                       buf_text(&result));
    else if (code < 0)
        err_at(err, "the backup %s was taken, but not checked", entry->name);
    buf_free(&result);
    return code;
}

/* Ends the image and commits it; the writer is gone afterwards. */
static int commit(struct taking *taking, const struct command *command, uint64_t image_bytes,
                  int64_t started_ns, const atomic_bool *cancel, struct result *result,
                  struct err *err)
{
    const char *note = command_value(command, "note");
    struct backup_entry entry = {.started_ns = started_ns};
    bool stored = false;
    int code;

    entry.note = strdup(note ? note : "");
    entry.source = strdup(source_path(taking->service->source));
    entry.settings = taking->settings;
    taking->settings = NULL;
    if (!entry.note || !entry.source) {
        code = err_sys(err, ENOMEM, "backup");
    } else {
        code = backup_writer_commit(taking->writer, image_bytes,
                                    command_value(command, "if-changed") != NULL, &entry, &stored,
                                    err);
        taking->writer = NULL;
    }
    if (code == 0 && stored)
        describe(&entry, clock_monotonic_ns() - taking->turn->started_ns, result);
    else if (code == 0)
        buf_addf(&result->line, "skipped: nothing has changed since %s", entry.name);
    if (code == 0 && stored)
        background_want(taking->service, entry.name);
    if (code == 0 && command_value(command, "check"))
        code = check(taking->service, &entry, cancel, err);
    backup_entry_free(&entry);
    return code;
}

/* Are these two paths of files that are there, and not the same? */
static bool are_two(const char *a, const char *b)
{
    struct stat one, other;

    return stat(a, &one) == 0 && stat(b, &other) == 0 &&
           (one.st_dev != other.st_dev || one.st_ino != other.st_ino);
}

/* A database may be moved, and have several paths. But where the one that was backed up last is still
 * there and is another, somebody has mixed up repositories: `latest` would be of another database, and
 * restoring it a disaster. */
static int check_source(struct service *service, struct err *err)
{
    const char *path = source_path(service->source);
    struct backup_entry newest;
    int code = repo_find(service->repo, "latest", &newest, err);

    if (code == -ENOENT)
        return 0;
    if (code == 0 && are_two(path, newest.source))
        code =
            err_set(err, EINVAL,
                    "%s: the repository has the backups of %s, which is another database and still "
                    "there; another one needs a repository of its own (-o repo=)",
                    path, newest.source);
    if (code == 0 || code == -EINVAL)
        backup_entry_free(&newest);
    return code;
}

static int backup_run(struct service *service, const struct command *command, struct turn *turn,
                      const atomic_bool *cancel, struct result *result, struct err *err)
{
    struct taking taking = {.service = service, .turn = turn};
    struct source_sink sink = {&taking, take_begin, take_put};
    const char *note = command_value(command, "note");
    int64_t started_ns = clock_now_ns();
    uint64_t image_bytes = 0;
    int code;

    if (note && !is_utf8(note))
        return err_set(err, EINVAL, "backup: note= is not UTF-8 text");
    code = check_source(service, err);
    if (code == 0)
        code = backup_writer_prepare(service->repo, err);
    if (code == 0)
        code = source_capture(service->source, &sink, cancel, &image_bytes, err);
    if (code == 0)
        code = check_cancel(turn, err);
    if (code == 0)
        code = commit(&taking, command, image_bytes, started_ns, cancel, result, err);
    backup_writer_abort(taking.writer);
    free(taking.settings);
    return code;
}

static const struct service_key backup_keys[] = {
    {"note", "TEXT", "a text kept with the backup"},
    {"if-changed", NULL, "only if the database differs from the newest backup"},
    {"check", NULL, "reads the backup back, and fails if it is not good"},
    COMMAND_QUEUE_KEYS,
    {NULL, NULL, NULL},
};

const struct verb backup_verb = {
    .shown = {"backup", NULL, "takes a backup", backup_keys},
    .queued = true,
    .writes = true,
    .run = backup_run,
};
