/*
 * A walk through the backups, from the oldest to the newest, with one look-up of the row in each.
 *
 * Where it is known that the table did not change since the backup before (service/changes.h), the
 * row did not either, and the backup is not opened.
 *
 * A row is compared with the one before it by a digest of its column names and values, so nothing
 * of it has to be kept. A backup that is damaged there is told, and does not end the walk: the row
 * after it is compared with the one before.
 *
 * A backup may be deleted. Then what was found may name it; that shows in the number of backups,
 * and the walk begins anew.
 *
 * `lock` of a row's versions is held while backups are looked at, so two who ask for the same row
 * do not both walk; the cache's lock is held for its list alone.
 */
#include "versions.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "context.h"
#include "dbsnapfs/service/changes.h"
#include "dbsnapfs/source/database.h"
#include "dbsnapfs/source/schema.h"
#include "dbsnapfs/store/repo.h"
#include "dbsnapfs/table/key.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"
#include "dbsnapfs/util/name.h"
#include "dbsnapfs/util/sha256.h"
#include "scope.h"
#include "tables.h"

#define ROWS_KEPT 16

struct versions {
    atomic_uint references;
    struct view *view; /* not held: the view's cache holds this */
    char *table, *key;
    pthread_mutex_t lock;
    /* all protected by lock */
    uint64_t last_id, looked_at;   /* the newest backup that was looked at, and how many were */
    char digest[SHA256_HEX_BYTES]; /* of the row there, "" where it is not */
    char last_name[40];            /* the last backup that had it */
    bool is_virtual;               /* the table's content is in other tables */
    bool is_unsure;                /* what the row is in the backup that was looked at last */
    uint64_t opened;               /* how many backups were opened */
    struct version *all;
    size_t count, room;
};

struct versions_cache {
    pthread_mutex_t lock;
    struct versions *rows[ROWS_KEPT]; /* protected by lock; the last one used is first */
};

/* ---- one row in one backup ---- */

static int digest_value(struct sha256 *sha256, const struct column *column,
                        const struct value *value, struct err *err)
{
    struct buf head = BUF_INIT;
    buf_addf(&head, "%zu:%s=%d:%zu:", strlen(column->name), column->name, (int)value->kind,
             value->len);
    buf_add(&head, &value->integer, sizeof(value->integer));
    buf_add(&head, &value->real, sizeof(value->real));
    int r = buf_error(&head);
    if (r < 0)
        r = err_set(err, ENOMEM, "history: out of memory");
    else
        r = sha256_add(sha256, head.data, head.len, err);
    if (r == 0 && value->len > 0)
        r = sha256_add(sha256, value->bytes, value->len, err);
    buf_free(&head);
    return r;
}

static int digest_row(const struct relation *relation, struct cursor *cursor,
                      char ret_digest[SHA256_HEX_BYTES], struct err *err)
{
    struct sha256 *sha256 = NULL;
    int r = sha256_new(&sha256, err);
    for (size_t i = 0; r == 0 && i < relation->column_count; i++) {
        struct value value = {.kind = VALUE_NULL};
        cursor_value(cursor, i, &value);
        r = digest_value(sha256, &relation->columns[i], &value, err);
    }
    if (r == 0)
        r = cursor_check(cursor, err);
    if (r == 0)
        r = sha256_hex(sha256, ret_digest, err);
    sha256_free(sha256);
    return r;
}

/* "" where there is no such row, or no such table. */
static int digest_in_database(struct versions *versions, struct database *database,
                              char ret_digest[SHA256_HEX_BYTES], struct err *err)
{
    const struct schema *schema = NULL;
    struct cursor *cursor = NULL;
    int r = database_schema(database, &schema, err);
    if (r < 0)
        return r;
    const struct relation *relation = tables_relation(schema, versions->table, false);
    ret_digest[0] = '\0';
    versions->is_virtual = relation && relation->kind == RELATION_VIRTUAL;
    if (!relation || relation->broken || !key_exists(relation))
        return 0;
    const struct selection wanted = {.relation = relation, .what = SELECT_ROWS};
    r = key_find(database, &wanted, versions->key, &cursor, err);
    if (r == -ENOENT)
        return 0;
    if (r == 0)
        r = digest_row(relation, cursor, ret_digest, err);
    cursor_close(cursor);
    return r;
}

static int digest_in_backup(struct versions *versions, const struct backup_entry *backup,
                            char ret_digest[SHA256_HEX_BYTES], struct err *err)
{
    struct scope *scope = NULL;
    struct database *database = NULL;
    versions->opened++;
    int r = scope_past_use(versions->view, backup, &scope, &database, err);
    if (r < 0)
        return r;
    r = digest_in_database(versions, database, ret_digest, err);
    scope_done(scope, database);
    scope_unref(scope);
    return r;
}

/* ---- the walk ---- */

static void forget_all(struct versions *versions)
{
    for (size_t i = 0; i < versions->count; i++)
        free(versions->all[i].why);
    versions->count = 0;
    versions->last_id = 0;
    versions->looked_at = 0;
    versions->digest[0] = '\0';
    versions->last_name[0] = '\0';
    versions->is_unsure = false;
}

static int add_version(struct versions *versions, int kind, const struct backup_entry *backup,
                       const char *why, struct err *err)
{
    char *copy = why ? strdup(why) : NULL;
    if (why && !copy)
        return err_set(err, ENOMEM, "history: out of memory");
    if (versions->count == versions->room) {
        size_t room = versions->room ? versions->room * 2 : 8;
        struct version *all = realloc(versions->all, room * sizeof(*all));
        if (!all) {
            free(copy);
            return err_set(err, ENOMEM, "history: out of memory");
        }
        versions->all = all;
        versions->room = room;
    }
    struct version *version = &versions->all[versions->count++];
    *version = (struct version){
        .kind = kind,
        .backup_id = backup->id,
        .started_ns = backup->started_ns,
        .why = copy,
    };
    memcpy(version->backup, backup->name, sizeof(version->backup));
    memcpy(version->before, versions->last_name, sizeof(version->before));
    return 0;
}

struct walk {
    struct versions *versions;
    struct err *err;
};

/* What the row is in this backup, compared with what it was. */
static int note_digest(struct versions *versions, const struct backup_entry *backup,
                       const char *digest, struct err *err)
{
    int r = 0;
    if (strcmp(digest, versions->digest) != 0)
        r = add_version(versions, digest[0] ? VERSION_ROW : VERSION_GONE, backup, NULL, err);
    if (r < 0)
        return r;
    memcpy(versions->digest, digest, SHA256_HEX_BYTES);
    if (digest[0])
        memcpy(versions->last_name, backup->name, sizeof(versions->last_name));
    return 0;
}

/* In any case of its letters: a table that is called otherwise now is one that is gone. */
static bool is_table(const struct versions *versions, const char *name)
{
    struct buf encoded = BUF_INIT;
    bool is = name_encode(name, strlen(name), &encoded) == 0 &&
              strcasecmp(buf_text(&encoded), versions->table) == 0;
    buf_free(&encoded);
    return is;
}

/* Is it known that the table is as in the backup that was looked at last? */
static bool is_unchanged(const struct versions *versions, const struct backup_entry *backup)
{
    struct backup_changes changes = {.before_id = 0};
    if (versions->last_id == 0 || versions->is_virtual || versions->is_unsure ||
        backup_changes_find(view_repo(versions->view), backup->id, &changes, NULL) < 0)
        return false;
    bool same = changes.before_id == versions->last_id;
    for (size_t i = 0; same && i < changes.count; i++)
        same = !is_table(versions, changes.tables[i].name);
    backup_changes_free(&changes);
    return same;
}

static int look_at_backup(void *arg, const struct backup_entry *backup)
{
    const struct walk *walk = arg;
    struct versions *versions = walk->versions;
    struct err why = ERR_INIT;
    char digest[SHA256_HEX_BYTES] = "";
    int r = 0;
    if (is_unchanged(versions, backup))
        memcpy(digest, versions->digest, sizeof(digest));
    else
        r = digest_in_backup(versions, backup, digest, &why);
    versions->is_unsure = r == -EBADMSG || r == -EIO;
    if (versions->is_unsure)
        r = add_version(versions, VERSION_UNREADABLE, backup, why.text, walk->err);
    else if (r < 0)
        err_set(walk->err, -r, "%s: %s", backup->name, why.text);
    else
        r = note_digest(versions, backup, digest, walk->err);
    if (r < 0)
        return r;
    versions->last_id = backup->id;
    versions->looked_at++;
    return 0;
}

static int walk_backups(struct versions *versions, struct err *err)
{
    struct repo *repo = view_repo(versions->view);
    struct repo_totals totals = {.backups = 0};
    struct walk walk = {versions, err};
    int r = repo_list(repo, versions->last_id, look_at_backup, &walk, err);
    if (r == 0)
        r = repo_totals(repo, &totals, err);
    if (r < 0 || totals.backups >= versions->looked_at)
        return r;
    forget_all(versions); /* one was deleted */
    return repo_list(repo, 0, look_at_backup, &walk, err);
}

int versions_look(struct versions *versions, const struct version **ret_versions, size_t *ret_count,
                  struct err *err)
{
    pthread_mutex_lock(&versions->lock);
    int r = walk_backups(versions, err);
    if (r < 0) {
        pthread_mutex_unlock(&versions->lock);
        return r;
    }
    *ret_versions = versions->all;
    *ret_count = versions->count;
    return 0;
}

void versions_done(struct versions *versions)
{
    pthread_mutex_unlock(&versions->lock);
}

/* ---- what is kept ---- */

uint64_t versions_opened(const struct versions *versions)
{
    return versions->opened;
}

const char *versions_key(const struct versions *versions)
{
    return versions->key;
}

static int versions_new(struct view *view, const char *table, const char *key,
                        struct versions **ret_versions, struct err *err)
{
    struct versions *versions = calloc(1, sizeof(*versions));
    if (!versions)
        return err_set(err, ENOMEM, "history: out of memory");
    atomic_init(&versions->references, 1);
    pthread_mutex_init(&versions->lock, NULL);
    versions->view = view;
    versions->table = strdup(table);
    versions->key = strdup(key);
    if (!versions->table || !versions->key) {
        versions_unref(versions);
        return err_set(err, ENOMEM, "history: out of memory");
    }
    *ret_versions = versions;
    return 0;
}

struct versions *versions_ref(struct versions *versions)
{
    atomic_fetch_add_explicit(&versions->references, 1, memory_order_relaxed);
    return versions;
}

void versions_unref(struct versions *versions)
{
    if (!versions || atomic_fetch_sub_explicit(&versions->references, 1, memory_order_acq_rel) != 1)
        return;
    forget_all(versions);
    pthread_mutex_destroy(&versions->lock);
    free(versions->all);
    free(versions->table);
    free(versions->key);
    free(versions);
}

int versions_cache_new(struct versions_cache **ret_cache, struct err *err)
{
    struct versions_cache *cache = calloc(1, sizeof(*cache));
    if (!cache)
        return err_set(err, ENOMEM, "history: out of memory");
    pthread_mutex_init(&cache->lock, NULL);
    *ret_cache = cache;
    return 0;
}

void versions_cache_free(struct versions_cache *cache)
{
    if (!cache)
        return;
    for (size_t i = 0; i < ROWS_KEPT; i++)
        versions_unref(cache->rows[i]);
    pthread_mutex_destroy(&cache->lock);
    free(cache);
}

static bool is_row(const struct versions *versions, const char *table, const char *key)
{
    return strcmp(versions->table, table) == 0 && strcmp(versions->key, key) == 0;
}

int versions_get(struct view *view, const char *table, const char *key,
                 struct versions **ret_versions, struct err *err)
{
    struct versions_cache *cache = view->versions;
    struct versions *row = NULL, *oldest = NULL;
    size_t at = 0;
    int r = 0;
    pthread_mutex_lock(&cache->lock);
    while (at < ROWS_KEPT - 1 && cache->rows[at] && !is_row(cache->rows[at], table, key))
        at++;
    if (cache->rows[at] && is_row(cache->rows[at], table, key))
        row = cache->rows[at];
    else
        oldest = cache->rows[at];
    if (!row)
        r = versions_new(view, table, key, &row, err);
    if (r == 0) {
        for (; at > 0; at--)
            cache->rows[at] = cache->rows[at - 1];
        cache->rows[0] = row;
        *ret_versions = versions_ref(row);
        versions_unref(oldest);
    }
    pthread_mutex_unlock(&cache->lock);
    return r;
}
