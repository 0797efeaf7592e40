/*
 * verify: reads back and checks every stored byte, of one backup or of all.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "dbsnapfs/store/repo.h"
#include "dbsnapfs/store/verify.h"
#include "dbsnapfs/util/text.h"
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

static int verify_run(struct service *service, const struct command *command, struct turn *turn,
                      const atomic_bool *cancel, struct result *result, struct err *err)
{
    struct verifying verifying = {turn, &result->details, 0};
    struct verify_report report = {&verifying, verify_damage, verify_progress};
    struct verify_result found = {.damages = 0};
    char bytes[TEXT_BYTES];
    uint64_t id = 0;
    int code;

    code = find_backup(service, command->name, &id, err);
    if (code == 0)
        code = repo_verify(service->repo, id, &report, &found, err);
    if (code == -ECANCELED || (code == 0 && atomic_load(cancel)))
        return err_set(err, ECANCELED, "verify: cancelled");
    if (code != 0)
        return code;
    if (verifying.damages > MAX_PLACES)
        buf_addf(&result->details, "… and %" PRIu64 " more\n", verifying.damages - MAX_PLACES);
    if (found.damages > 0)
        return err_set(err, EBADMSG, "%" PRIu64 " place%s damaged", found.damages,
                       found.damages == 1 ? " is" : "s are");
    text_bytes(found.bytes, bytes);
    buf_addf(&result->line, "%" PRIu64 " backup%s, %" PRIu64 " block%s, %s read, no damage",
             found.backups, found.backups == 1 ? "" : "s", found.blocks,
             found.blocks == 1 ? "" : "s", bytes);
    return 0;
}

static const struct service_key verify_keys[] = {
    COMMAND_QUEUE_KEYS,
    {NULL, NULL, NULL},
};

const struct verb verify_verb = {
    .shown = {"verify", "[BACKUP|all]", "reads back and checks every stored byte", verify_keys},
    .queued = true,
    .run = verify_run,
};
