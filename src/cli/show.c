/*
 * show: what is known of a backup.
 */
#include <inttypes.h>
#include <string.h>

#include "cli/call.h"
#include "dbsnapfs/service/service.h"
#include "dbsnapfs/store/repo.h"
#include "dbsnapfs/util/clock.h"
#include "dbsnapfs/util/err.h"
#include "dbsnapfs/util/text.h"

static void add_text(struct buf *out, const char *name, const char *text)
{
    if (!text || *text == '\0')
        return;
    buf_addf(out, "%-12s ", name);
    call_add_clean(out, text);
    buf_add_char(out, '\n');
}

static void add_bytes(struct buf *out, const char *name, uint64_t bytes)
{
    char text[TEXT_BYTES];

    text_bytes(bytes, text);
    buf_addf(out, "%-12s %s (%" PRIu64 " bytes)\n", name, text, bytes);
}

static void add_entry(const struct backup_entry *entry, struct buf *out)
{
    char started[CLOCK_TEXT_BYTES], checked[CLOCK_TEXT_BYTES], took[TEXT_BYTES];

    clock_iso(entry->started_ns, started);
    text_duration(entry->finished_ns - entry->started_ns, took);
    add_text(out, "name", entry->name);
    buf_addf(out, "%-12s %s, took %s\n", "time", started, took);
    add_text(out, "source", entry->source);
    add_text(out, "note", entry->note);
    add_bytes(out, "size", entry->image_bytes);
    add_bytes(out, "stored", entry->stored_bytes);
    buf_addf(out, "%-12s %" PRIu64 " of %" PRIu64 " of %u bytes, %" PRIu64 " as deltas\n",
             "blocks new", entry->changed_blocks, entry->block_count, entry->block_size,
             entry->delta_blocks);
    add_text(out, "settings", entry->settings);
    add_text(out, "sha256", entry->sha256);
    if (entry->checked_ns == 0) {
        add_text(out, "checked", "never");
        return;
    }
    clock_iso(entry->checked_ns, checked);
    buf_addf(out, "%-12s %s: ", "checked", checked);
    call_add_clean(out, entry->check_result ? entry->check_result : "");
    buf_add_char(out, '\n');
}

static int show_run(const struct call *call)
{
    struct backup_entry entry = {.id = 0};
    struct service *service = NULL;
    struct buf out = BUF_INIT;
    struct err err = ERR_INIT;
    int code;

    code = call_open(call, &service, &err);
    if (code == 0)
        code = repo_find(service_repo(service), call->count > 1 ? call->args[1] : "latest", &entry,
                         &err);
    if (code == 0 && call->options->json) {
        code = backup_entry_json(&entry, &out);
        if (code != 0)
            (void)err_sys(&err, -code, "show");
    } else if (code == 0) {
        add_entry(&entry, &out);
    }
    if (code == 0)
        code = call_print(&out, &err);
    backup_entry_free(&entry);
    service_free(service);
    buf_free(&out);
    return code == 0 ? STATUS_FINE : call_fail(&err);
}

const struct cli_verb show_verb = {
    "show", "SOURCE [BACKUP]", "shows what is known of a backup, the latest by default", 1,
    2,      show_run};
