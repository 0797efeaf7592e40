/*
 * list: the backups, oldest first, as a table or as JSON; for a directory of the tree see entries.c.
 *
 * The table is made in two passes over rows of text, since a column is as wide as its widest
 * entry; nothing is printed unless everything could be read.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/call.h"
#include "dbsnapfs/service/service.h"
#include "dbsnapfs/store/repo.h"
#include "dbsnapfs/util/err.h"
#include "dbsnapfs/util/text.h"

enum { NAME, SIZE, STORED, CHANGED, CHECKED, NOTE, COLUMNS };

static const char *const titles[COLUMNS] = {"NAME", "SIZE", "STORED", "CHANGED", "CHECKED", "NOTE"};
static const bool right[COLUMNS] = {[SIZE] = true, [STORED] = true, [CHANGED] = true};

struct table {
    struct buf cells; /* NUL-terminated, row by row */
    size_t rows;
    size_t widths[COLUMNS];
};

static void add_cell(struct table *table, size_t column, const char *text)
{
    struct buf clean = BUF_INIT;

    call_add_clean(&clean, text);
    if (clean.len > table->widths[column])
        table->widths[column] = clean.len;
    buf_add(&table->cells, buf_text(&clean), clean.len + 1);
    buf_free(&clean);
}

static int add_row(void *arg, const struct backup_entry *entry)
{
    char size[TEXT_BYTES], stored[TEXT_BYTES], changed[TEXT_BYTES];
    const char *check = entry->check_result ? entry->check_result : "";
    struct table *table = arg;

    text_bytes(entry->image_bytes, size);
    text_bytes(entry->stored_bytes, stored);
    text_bytes(entry->changed_blocks * entry->block_size, changed);
    add_cell(table, NAME, entry->name);
    add_cell(table, SIZE, size);
    add_cell(table, STORED, stored);
    add_cell(table, CHANGED, changed);
    add_cell(table, CHECKED,
             entry->checked_ns == 0     ? "not yet"
             : strcmp(check, "ok") == 0 ? "ok"
                                        : "DAMAGED");
    add_cell(table, NOTE, entry->note ? entry->note : "");
    table->rows++;
    return 0;
}

static void format_table(const struct table *table, struct buf *out)
{
    const char *cell = buf_text(&table->cells);

    for (size_t row = 0; row < table->rows; row++) {
        size_t kept = out->len;

        for (size_t column = 0; column < COLUMNS; column++, cell += strlen(cell) + 1) {
            int width = (int)table->widths[column];

            buf_addf(out, "%s%*s", column > 0 ? "  " : "", right[column] ? width : -width, cell);
            if (*cell != '\0')
                kept = out->len - (right[column] ? 0 : (size_t)width - strlen(cell));
        }
        if (buf_error(out) == 0)
            out->len = kept; /* no blanks at the end of a line */
        buf_add_char(out, '\n');
    }
}

static int list_table(struct repo *repo, struct buf *out, struct err *err)
{
    struct table table = {.cells = BUF_INIT, .rows = 1};
    int code;

    for (size_t column = 0; column < COLUMNS; column++)
        add_cell(&table, column, titles[column]);
    code = repo_list(repo, 0, add_row, &table, err);
    if (code == 0 && buf_error(&table.cells) != 0)
        code = err_sys(err, ENOMEM, "list");
    if (code == 0)
        format_table(&table, out);
    buf_free(&table.cells);
    return code;
}

static int add_object(void *arg, const struct backup_entry *entry)
{
    struct buf *out = arg;

    buf_add_text(out, out->len > 2 ? ",\n" : "");
    if (backup_entry_json(entry, out) != 0)
        out->failed = true;
    if (out->len > 0 && out->data[out->len - 1] == '\n')
        out->len--;
    return 0;
}

static int list_json(struct repo *repo, struct buf *out, struct err *err)
{
    int code;

    buf_add_text(out, "[\n");
    code = repo_list(repo, 0, add_object, out, err);
    buf_add_text(out, out->len > 2 ? "\n]\n" : "]\n");
    return code;
}

static int list_backups(const struct call *call)
{
    struct service *service = NULL;
    struct buf out = BUF_INIT;
    struct err err = ERR_INIT;
    int code;

    code = call_open(call, &service, &err);
    if (code == 0)
        code = call->options->json ? list_json(service_repo(service), &out, &err)
                                   : list_table(service_repo(service), &out, &err);
    if (code == 0)
        code = call_print(&out, &err);
    service_free(service);
    buf_free(&out);
    return code == 0 ? STATUS_FINE : call_fail(&err);
}

static int list_run(const struct call *call)
{
    return call->count > 1 ? entries_run(call) : list_backups(call);
}

const struct cli_verb list_verb = {
    "list", "SOURCE [PATH]", "lists the backups, or a directory of the tree", 1, 2, list_run};
