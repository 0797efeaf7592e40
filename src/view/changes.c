/*
 * changes/: what differs from the backup before.
 *
 * How much changed in which table is a fact about the backup (service/changes.h), mostly noted
 * before anybody asks; it tells which files there are and how long they are. Their text is made when
 * one is opened, from both backups, and costs what changed.
 *
 * A table that cannot be compared has its two files too: they are empty to look at, and opening one
 * says why. If it can be compared by now, since what was damaged has been put right, all is worked
 * out anew.
 *
 * The backup before may be deleted one day, and then another is the one before. So each use asks the
 * catalog which one it is, and the kernel keeps nothing of these files.
 *
 * The first who asks may wait long for two large backups, and others for him. Each can be interrupted:
 * the next one begins anew then.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "context.h"
#include "dbsnapfs/service/changes.h"
#include "dbsnapfs/store/repo.h"
#include "dbsnapfs/tree.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/clock.h"
#include "dbsnapfs/util/err.h"
#include "dbsnapfs/util/name.h"
#include "entry.h"
#include "gather.h"

#define SUMMARY "summary"
#define FRESH_MS 1000
#define LOOK_NS INT64_C(50000000) /* how often who waits looks whether he is interrupted */

/* What the directory and its files share. */
struct difference {
    atomic_uint references;
    struct entry *entry;
    pthread_mutex_t lock; /* for a moment only */
    pthread_cond_t given_back;
    bool taken; /* protected by lock; who took it has alone: */
    bool known;
    struct backup_changes changes;
};

enum form { FORM_CSV, FORM_SQL, FORM_COUNT };
static const char *const endings[FORM_COUNT] = {[FORM_CSV] = ".csv", [FORM_SQL] = ".sql"};

struct changes_node {
    struct node node;
    struct difference *difference;
    char *table; /* of a file: the database's name; NULL: changes/ itself */
    enum form form;
};

static struct difference *difference_ref(struct difference *difference)
{
    atomic_fetch_add_explicit(&difference->references, 1, memory_order_relaxed);
    return difference;
}

static void difference_release(void *context)
{
    struct difference *difference = context;
    if (atomic_fetch_sub_explicit(&difference->references, 1, memory_order_acq_rel) != 1)
        return;
    backup_changes_free(&difference->changes);
    entry_unref(difference->entry);
    pthread_cond_destroy(&difference->given_back);
    pthread_mutex_destroy(&difference->lock);
    free(difference);
}

/* Is what is known about the backup that is before now? */
static int check_before(struct difference *difference, struct err *err)
{
    struct entry *entry = difference->entry;
    struct backup_entry before = {.id = 0};
    if (!difference->known)
        return 0;
    int r = repo_before(view_repo(entry->view), entry->id, &before, err);
    if (r < 0 && r != -ENOENT)
        return r;
    if (before.id != difference->changes.before_id) {
        backup_changes_free(&difference->changes);
        difference->known = false;
    }
    if (r == 0)
        backup_entry_free(&before);
    return 0;
}

static int difference_take(struct difference *difference, struct err *err)
{
    const atomic_bool *cancel = node_cancel();
    int r = 0;
    pthread_mutex_lock(&difference->lock);
    while (r == 0 && difference->taken) {
        if (cancel && atomic_load(cancel))
            r = err_set(err, ECANCELED, "changes: cancelled");
        else
            clock_condition_wait(&difference->given_back, &difference->lock,
                                 clock_monotonic_ns() + LOOK_NS);
    }
    if (r == 0)
        difference->taken = true;
    pthread_mutex_unlock(&difference->lock);
    return r;
}

static void difference_done(struct difference *difference)
{
    pthread_mutex_lock(&difference->lock);
    difference->taken = false;
    pthread_cond_broadcast(&difference->given_back);
    pthread_mutex_unlock(&difference->lock);
}

/* What changed, the caller's alone until difference_done(). */
static int difference_get(struct difference *difference, const struct backup_changes **ret_changes,
                          struct err *err)
{
    struct repo *repo = view_repo(difference->entry->view);
    uint64_t id = difference->entry->id;
    int r = difference_take(difference, err);
    if (r < 0)
        return r;
    r = check_before(difference, err);
    if (r == 0 && !difference->known) {
        r = backup_changes_find(repo, id, &difference->changes, err);
        if (r == -ENOENT)
            r = backup_changes_make(repo, id, node_cancel(), false, &difference->changes, err);
        difference->known = r == 0;
    }
    if (r < 0) {
        difference_done(difference);
        return r;
    }
    *ret_changes = &difference->changes;
    return 0;
}

/* It is not as it is noted. */
static int difference_renew(struct difference *difference, struct err *err)
{
    struct backup_changes changes = {.before_id = 0};
    int r = difference_take(difference, err);
    if (r < 0)
        return r;
    r = backup_changes_make(view_repo(difference->entry->view), difference->entry->id,
                            node_cancel(), false, &changes, err);
    if (r == 0) {
        backup_changes_free(&difference->changes);
        difference->changes = changes;
        difference->known = true;
    }
    difference_done(difference);
    return r;
}

/* ---- the text of a table's changes ---- */

static int put(void *arg, const void *bytes, size_t len, struct err *err)
{
    return gather_add(arg, bytes, len, err);
}

static int gather_changes(const struct changes_node *file, uint64_t before_id,
                          const atomic_bool *cancel, struct gather *gather, struct err *err)
{
    struct comparison *comparison = NULL;
    bool csv = file->form == FORM_CSV;
    int r = comparison_open(view_repo(gather->view), before_id, file->difference->entry->id, cancel,
                            false, &comparison, err);
    if (r < 0)
        return r;
    r = changes_table(comparison_changes(comparison), file->table, csv ? put : NULL, gather,
                      csv ? NULL : put, gather, NULL, err);
    comparison_close(comparison);
    return r;
}

static int file_open(struct node *node, bool writing, const struct node_request *request,
                     struct node_file **ret_file, struct err *err)
{
    const struct changes_node *file = (struct changes_node *)node;
    const struct backup_changes *changes = NULL;
    struct gather gather;
    (void)writing;
    int r = difference_get(file->difference, &changes, err);
    if (r < 0)
        return r;
    uint64_t before_id = changes->before_id;
    const struct table_change *change = backup_changes_table(changes, file->table);
    bool unreadable = change && change->unreadable;
    difference_done(file->difference);
    gather_init(&gather, file->difference->entry->view);
    r = gather_changes(file, before_id, request->cancel, &gather, err);
    if (r == 0 && unreadable)
        r = difference_renew(file->difference, err);
    if (r == 0)
        r = gather_file(&gather, false, ret_file, err);
    if (r == 0 && unreadable)
        (*ret_file)->direct = true; /* the kernel was told that it is empty */
    gather_release(&gather);
    return r;
}

static int file_attr(struct node *node, struct node_attr *ret_attr, struct err *err)
{
    const struct changes_node *file = (struct changes_node *)node;
    const struct backup_changes *changes = NULL;
    int r = difference_get(file->difference, &changes, err);
    if (r < 0)
        return r;
    const struct table_change *change = backup_changes_table(changes, file->table);
    if (change)
        *ret_attr = (struct node_attr){
            .kind = NODE_FILE,
            .fresh_ms = FRESH_MS,
            .mtime_ns = file->difference->entry->started_ns,
            .size = file->form == FORM_CSV ? change->counts.csv_bytes : change->counts.sql_bytes,
        };
    else
        r = err_set(err, ENOENT, "%s: nothing changed", file->table);
    difference_done(file->difference);
    return r;
}

static void changes_free_node(struct node *node)
{
    struct changes_node *changes = (struct changes_node *)node;
    difference_release(changes->difference);
    free(changes->table);
    free(changes);
}

static const struct node_ops file_ops = {
    .attr = file_attr,
    .open = file_open,
    .free = changes_free_node,
};

static int changes_node_new(struct difference *difference, const struct node_ops *ops,
                            const char *table, enum form form, struct node **ret_node,
                            struct err *err)
{
    struct changes_node *changes = calloc(1, sizeof(*changes));
    char *copy = table ? strdup(table) : NULL;
    if (!changes || (table && !copy)) {
        free(changes);
        free(copy);
        return err_set(err, ENOMEM, "changes: out of memory");
    }
    node_init(&changes->node, ops);
    changes->difference = difference_ref(difference);
    changes->table = copy;
    changes->form = form;
    *ret_node = &changes->node;
    return 0;
}

/* ---- summary ---- */

static void add_reason(const char *reason, struct buf *out)
{
    buf_add_text(out, "  (unreadable: ");
    for (; *reason; reason++) {
        bool control = (unsigned char)*reason < ' ' || *reason == 0x7f;
        buf_add(out, control ? " " : reason, 1); /* it is to stay in one line */
    }
    buf_add_char(out, ')');
}

static void add_table(const struct table_change *change, struct buf *out)
{
    const struct change_counts *counts = &change->counts;
    if (change->unreadable)
        buf_addf(out, "%10s %10s %10s  ", "-", "-", "-");
    else
        buf_addf(out, "%10" PRIu64 " %10" PRIu64 " %10" PRIu64 "  ", counts->inserted,
                 counts->updated, counts->deleted);
    name_encode(change->name, strlen(change->name), out);
    if (change->unreadable)
        add_reason(change->unreadable, out);
    else if (counts->gone)
        buf_add_text(out, "  (gone)");
    else if (counts->schema)
        buf_add_text(out, "  (new SQL)");
    buf_add_char(out, '\n');
}

static int summary_write(const struct difference *difference, const struct backup_changes *changes,
                         struct buf *out, struct err *err)
{
    struct repo *repo = view_repo(difference->entry->view);
    struct backup_entry before = {.id = 0}, after = {.id = 0};
    size_t count = 0;
    if (changes->before_id == 0) {
        buf_add_text(out, "the first backup: there is none before it to compare with\n");
        return 0;
    }
    int r = repo_get(repo, changes->before_id, &before, err);
    if (r == 0)
        r = repo_get(repo, difference->entry->id, &after, err);
    if (r < 0) {
        backup_entry_free(&before);
        return r;
    }
    buf_addf(out, "from %s to %s\n%10s %10s %10s  %s\n", before.name, after.name, "inserted",
             "updated", "deleted", "table");
    for (size_t i = 0; i < changes->count; i++)
        if (!table_change_none(&changes->tables[i])) {
            add_table(&changes->tables[i], out);
            count++;
        }
    if (count == 0)
        buf_add_text(out, "nothing changed\n");
    backup_entry_free(&before);
    backup_entry_free(&after);
    return 0;
}

static int summary_render(void *context, struct buf *out, struct err *err)
{
    struct difference *difference = context;
    const struct backup_changes *changes = NULL;
    int r = difference_get(difference, &changes, err);
    if (r < 0)
        return r;
    r = summary_write(difference, changes, out, err);
    difference_done(difference);
    return r;
}

static int summary_make(struct difference *difference, struct node **ret_node, struct err *err)
{
    static const struct node_text text = {.render = summary_render};
    int r = node_text_new(&text, difference_ref(difference), difference_release,
                          difference->entry->started_ns, ret_node);
    if (r < 0) {
        difference_release(difference);
        return err_set(err, ENOMEM, "changes: out of memory");
    }
    return 0;
}

/* ---- the directory ---- */

/* A table's file is called as TABLE.csv would be if it were data, so that it is cut as a whole. */
static int file_name(const char *table, enum form form, struct buf *out, struct err *err)
{
    struct buf plain = BUF_INIT;
    buf_clear(out);
    buf_addf(&plain, "%s%s", table, endings[form]);
    int r = buf_error(&plain);
    if (r == 0)
        r = name_encode(plain.data, plain.len, out);
    buf_free(&plain);
    return r < 0 ? err_set(err, ENOMEM, "changes: out of memory") : 0;
}

static int directory_attr(struct node *node, struct node_attr *ret_attr, struct err *err)
{
    const struct changes_node *directory = (struct changes_node *)node;
    (void)err;
    *ret_attr = (struct node_attr){
        .kind = NODE_DIRECTORY,
        .permanent = true,
        .fresh_ms = FRESH_MS,
        .mtime_ns = directory->difference->entry->started_ns,
    };
    return 0;
}

static int find_file(const struct changes_node *directory, const struct backup_changes *changes,
                     const char *name, struct node **ret_node, struct err *err)
{
    struct buf called = BUF_INIT;
    int r = 1;
    for (size_t i = 0; r == 1 && i < changes->count * FORM_COUNT; i++) {
        const struct table_change *change = &changes->tables[i / FORM_COUNT];
        enum form form = (enum form)(i % FORM_COUNT);
        if (table_change_none(change))
            continue;
        int named = file_name(change->name, form, &called, err);
        if (named < 0)
            r = named;
        else if (strcmp(buf_text(&called), name) == 0)
            r = changes_node_new(directory->difference, &file_ops, change->name, form, ret_node,
                                 err);
    }
    buf_free(&called);
    return r == 1 ? err_set(err, ENOENT, "%s: nothing changed, or there is no such table", name)
                  : r;
}

static int directory_lookup(struct node *node, const char *name, struct node **ret_node,
                            struct err *err)
{
    const struct changes_node *directory = (struct changes_node *)node;
    const struct backup_changes *changes = NULL;
    if (strcmp(name, SUMMARY) == 0)
        return summary_make(directory->difference, ret_node, err);
    int r = difference_get(directory->difference, &changes, err);
    if (r < 0)
        return r;
    r = find_file(directory, changes, name, ret_node, err);
    difference_done(directory->difference);
    return r;
}

/* Cookies: 1 is behind the summary, 2 behind the first file, and so on. */
static int directory_list(struct node *node, struct node_place *place, uint64_t cookie,
                          node_emit emit, void *arg, struct err *err)
{
    const struct changes_node *directory = (struct changes_node *)node;
    const struct backup_changes *changes = NULL;
    struct buf name = BUF_INIT;
    (void)place;
    if (cookie == 0 && emit(arg, SUMMARY, NODE_FILE, 1) != 0)
        return 0;
    int r = difference_get(directory->difference, &changes, err);
    if (r < 0)
        return r;
    for (uint64_t i = cookie > 0 ? cookie - 1 : 0; r == 0 && i < changes->count * FORM_COUNT; i++) {
        const struct table_change *change = &changes->tables[i / FORM_COUNT];
        if (table_change_none(change))
            continue;
        r = file_name(change->name, (enum form)(i % FORM_COUNT), &name, err);
        if (r == 0 && emit(arg, buf_text(&name), NODE_FILE, i + 2) != 0)
            break;
    }
    difference_done(directory->difference);
    buf_free(&name);
    return r;
}

static const struct node_ops directory_ops = {
    .attr = directory_attr,
    .lookup = directory_lookup,
    .list = directory_list,
    .free = changes_free_node,
};

int changes_make(void *context, struct node **ret_node, struct err *err)
{
    struct difference *difference = calloc(1, sizeof(*difference));
    if (!difference)
        return err_set(err, ENOMEM, "changes: out of memory");
    atomic_init(&difference->references, 1);
    pthread_mutex_init(&difference->lock, NULL);
    clock_condition_init(&difference->given_back);
    difference->entry = entry_ref(context);
    int r = changes_node_new(difference, &directory_ops, NULL, FORM_CSV, ret_node, err);
    difference_release(difference);
    return r;
}
