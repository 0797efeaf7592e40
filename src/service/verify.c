/*
 * verify: reads back and checks every stored byte, of one backup or of all. With `deep`, SQLite checks
 * the images as well: what the store gives back may be just what was in a damaged database.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "dbsnapfs/store/repo.h"
#include "dbsnapfs/store/verify.h"
#include "dbsnapfs/util/text.h"
#include "service/check.h"
#include "service/core.h"

#define MAX_PLACES 100

struct verifying {
    struct turn *turn;
    struct buf *details;
    uint64_t damages;
};

static void verify_damage(void *arg, const char *text)
{
    struct verifying *verifying = arg;

    if (verifying->damages++ < MAX_PLACES)
        buf_addf(verifying->details, "%s\n", text);
}

static int verify_progress(void *arg, uint64_t done_bytes, uint64_t total_bytes)
{
    struct verifying *verifying = arg;

    atomic_store(&verifying->turn->total_bytes, total_bytes);
    atomic_store(&verifying->turn->done_bytes, done_bytes);
    return atomic_load(&verifying->turn->cancel);
}

static int find_backup(struct service *service, const char *name, uint64_t *ret_id, struct err *err)
{
    struct backup_entry entry = {.id = 0};
    int code;

    if (!name || strcmp(name, "all") == 0) {
        *ret_id = 0;
        return 0;
    }
    code = repo_find(service->repo, name, &entry, err);
    if (code == 0) {
        *ret_id = entry.id;
        backup_entry_free(&entry);
    }
    return code;
}

/* ---- SQLite's part ---- */

struct target {
    uint64_t id, image_bytes;
    char name[sizeof(((struct backup_entry *)0)->name)];
};

/* A backup whose stored bytes are damaged is named already. */
static int add_target(void *arg, const struct backup_entry *entry)
{
    struct target target = {entry->id, entry->image_bytes, ""};

    memcpy(target.name, entry->name, sizeof(target.name));
    if (!backup_entry_is_damaged(entry))
        buf_add(arg, &target, sizeof(target));
    return 0;
}

static int find_targets(struct service *service, uint64_t id, struct buf *targets, struct err *err)
{
    struct backup_entry entry = {.id = 0};
    int code;

    if (id == 0) {
        code = repo_list(service->repo, 0, add_target, targets, err);
    } else {
        code = repo_get(service->repo, id, &entry, err);
        if (code == 0) {
            (void)add_target(targets, &entry);
            backup_entry_free(&entry);
        }
    }
    return code == 0 && buf_error(targets) < 0 ? err_set(err, ENOMEM, "out of memory") : code;
}

static int check_deep(struct service *service, uint64_t id, struct verifying *verifying,
                      const atomic_bool *cancel, struct err *err)
{
    const struct check_way way = {.deep = true};
    struct buf targets = BUF_INIT, result = BUF_INIT, line = BUF_INIT;
    int code = find_targets(service, id, &targets, err);
    const struct target *each = (const struct target *)(const void *)buf_text(&targets);
    size_t count = targets.len / sizeof(*each);
    uint64_t total = 0;

    for (size_t i = 0; i < count; i++)
        total += each[i].image_bytes;
    (void)verify_progress(verifying, 0, total);
    for (size_t i = 0; i < count && code == 0; i++) {
        code = check_backup(service, each[i].id, way, cancel, &result, err);
        if (code == 0 && strcmp(buf_text(&result), "ok") != 0) {
            buf_clear(&line);
            buf_addf(&line, "backup %s: %s", each[i].name, buf_text(&result));
            verify_damage(verifying, buf_text(&line));
        }
        atomic_fetch_add(&verifying->turn->done_bytes, each[i].image_bytes);
    }
    buf_free(&targets);
    buf_free(&result);
    buf_free(&line);
    return code;
}

static int verify_run(struct service *service, const struct command *command, struct turn *turn,
                      const atomic_bool *cancel, struct result *result, struct err *err)
{
    struct verifying verifying = {turn, &result->details, 0};
    struct verify_report report = {&verifying, verify_damage, verify_progress};
    struct verify_result found = {.damages = 0};
    bool deep = command_value(command, "deep") != NULL;
    char bytes[TEXT_BYTES];
    uint64_t id = 0;
    int code;

    code = find_backup(service, command->name, &id, err);
    if (code == 0)
        code = repo_verify(service->repo, id, &report, &found, err);
    if (code == 0 && deep && !atomic_load(cancel))
        code = check_deep(service, id, &verifying, cancel, err);
    if (code == -ECANCELED || (code == 0 && atomic_load(cancel)))
        return err_set(err, ECANCELED, "verify: cancelled");
    if (code != 0)
        return code;
    if (verifying.damages > MAX_PLACES)
        buf_addf(&result->details, "… and %" PRIu64 " more\n", verifying.damages - MAX_PLACES);
    if (found.damages > 0)
        return err_set(err, EBADMSG, "%" PRIu64 " place%s damaged", found.damages,
                       found.damages == 1 ? " is" : "s are");
    if (verifying.damages > 0)
        return err_set(err, EBADMSG, "%" PRIu64 " backup%s not good", verifying.damages,
                       verifying.damages == 1 ? " is" : "s are");
    text_bytes(found.bytes, bytes);
    buf_addf(&result->line, "%" PRIu64 " backup%s, %" PRIu64 " block%s, %s read, no damage%s",
             found.backups, found.backups == 1 ? "" : "s", found.blocks,
             found.blocks == 1 ? "" : "s", bytes, deep ? ", and SQLite finds none" : "");
    return 0;
}

static const struct service_key verify_keys[] = {
    {"deep", NULL, "SQLite's integrity check and foreign keys, too"},
    COMMAND_QUEUE_KEYS,
    {NULL, NULL, NULL},
};

const struct verb verify_verb = {
    .shown = {"verify", "[BACKUP|all]", "reads back and checks every stored byte", verify_keys},
    .queued = true,
    .run = verify_run,
};
