/*
 * Sizes are looked for where they cost least: in memory, of a backup in the catalog, and else
 * the table is measured.
 *
 * Memory is a table of a fixed number of slots, by backup and table, where a later one takes the
 * place of an earlier one. That a view takes too long is remembered as well, or `ls -l` would wait for
 * each of its files in turn. What is remembered of a backup is true for ever. Of the live database it is
 * true while the state is the same, which is told in two ways:
 *
 * - by database_state(), of the connection that measured, which lasts while it does: some seconds.
 *   It makes `ls -l` on a table's directory scan the table once;
 * - by the look of the database's files (source_stamp()), for longer: but a writer puts its
 *   pages into the -wal file, waits until the disk has them, however long that takes, and only then
 *   tells readers of them. Who measures between the two sees the old state and the new stamp. So a
 *   stamp counts only while nothing is in the -wal file; and if the files' last change lay SETTLED_NS
 *   back when the measurement began, so that another change cannot bear the same time.
 */
#include "sizes.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "context.h"
#include "dbsnapfs/service/facts.h"
#include "dbsnapfs/source/database.h"
#include "dbsnapfs/source/schema.h"
#include "dbsnapfs/source/source.h"
#include "dbsnapfs/table/rendering.h"
#include "dbsnapfs/tree.h"
#include "dbsnapfs/util/clock.h"
#include "dbsnapfs/util/err.h"
#include "dbsnapfs/util/hash.h"
#include "scope.h"
#include "table.h"

#define SLOTS 1024
#define SECOND_NS INT64_C(1000000000)
#define SETTLED_NS (3 * SECOND_NS)
/* For a table, however big. */
#define TABLE_NS (600 * SECOND_NS)

struct slot {
    bool used, has_rows, has_bytes;
    uint64_t id;
    char *table; /* NULL: the dump */
    struct moment moment;
    struct row_sizes sizes; /* of the dump: sql_bytes */
    int failure;            /* negative: it took too long; 0: nothing did */
    bool failed_rows;       /* to count them already */
    char *message;
};

struct sizes {
    int64_t endless_ns;
    pthread_mutex_t lock;
    struct slot slots[SLOTS]; /* protected by lock */
};

int sizes_new(int64_t endless_ns, struct sizes **ret_sizes, struct err *err)
{
    struct sizes *sizes = calloc(1, sizeof(*sizes));
    if (!sizes)
        return err_set(err, ENOMEM, "tables: out of memory");
    sizes->endless_ns = endless_ns;
    pthread_mutex_init(&sizes->lock, NULL);
    *ret_sizes = sizes;
    return 0;
}

void sizes_free(struct sizes *sizes)
{
    if (!sizes)
        return;
    for (size_t i = 0; i < SLOTS; i++) {
        free(sizes->slots[i].table);
        free(sizes->slots[i].message);
    }
    pthread_mutex_destroy(&sizes->lock);
    free(sizes);
}

/* ---- memory ---- */

static int moment_begin(struct scope *scope, struct moment *ret_moment, struct err *err)
{
    struct source_stamp stamp = {.number = 0};
    *ret_moment = (struct moment){.live = scope_is_live(scope)};
    if (!ret_moment->live)
        return 0;
    int r = source_stamp(view_source(scope_view(scope)), &stamp, err);
    ret_moment->settled =
        r == 0 && !stamp.has_wal && stamp.changed_ns + SETTLED_NS < clock_now_ns();
    ret_moment->stamp = stamp.number;
    return r;
}

/* Is what was true at `then` true `now`? */
static bool moment_holds(const struct moment *then, const struct moment *now)
{
    if (!now->live)
        return true;
    return (then->settled && then->stamp == now->stamp) ||
           (then->has_state && now->has_state && then->state == now->state);
}

static struct slot *slot_of(struct scope *scope, const char *table)
{
    struct sizes *sizes = scope_view(scope)->sizes;
    uint64_t id = scope_backup_id(scope);
    uint64_t hash = hash_bytes(HASH_START, &id, sizeof(id));
    if (table)
        hash = hash_bytes(hash, table, strlen(table) + 1);
    return &sizes->slots[hash % SLOTS];
}

static bool slot_is(const struct slot *slot, struct scope *scope, const char *table)
{
    return slot->used && slot->id == scope_backup_id(scope) && !slot->table == !table &&
           (!table || strcmp(slot->table, table) == 0);
}

/* What is found by the state alone is true of the files' look now as well, which lasts longer. */
static void moment_add(struct moment *then, const struct moment *now)
{
    if (!now->has_state)
        return;
    if (now->settled) {
        then->settled = true;
        then->stamp = now->stamp;
    }
    then->has_state = true;
    then->state = now->state;
}

/* 1: it is known; 0: it is not; negative: it is known to fail so. `bytes`: more than the rows' number. */
static int recall(struct scope *scope, const char *table, const struct moment *now, bool bytes,
                  struct row_sizes *ret_sizes, struct err *err)
{
    struct sizes *sizes = scope_view(scope)->sizes;
    int r = 0;
    pthread_mutex_lock(&sizes->lock);
    struct slot *slot = slot_of(scope, table);
    if (slot_is(slot, scope, table) && moment_holds(&slot->moment, now)) {
        if (bytes ? slot->has_bytes : slot->has_rows) {
            *ret_sizes = slot->sizes;
            r = 1;
        } else if (slot->failure < 0 && (bytes || slot->failed_rows)) {
            r = err_set(err, -slot->failure, "%s", slot->message);
        }
        moment_add(&slot->moment, now);
    }
    pthread_mutex_unlock(&sizes->lock);
    return r;
}

/* The slot to note in what is true at `now`, with what it holds that is true as well; the caller holds
 * the lock. NULL when memory runs out. */
static struct slot *slot_take(struct scope *scope, const char *table, const struct moment *now)
{
    struct slot *slot = slot_of(scope, table);
    if (slot_is(slot, scope, table) && moment_holds(&slot->moment, now)) {
        moment_add(&slot->moment, now);
        return slot;
    }
    char *name = table ? strdup(table) : NULL;
    if (table && !name)
        return NULL;
    const struct slot old = *slot;
    *slot =
        (struct slot){.used = true, .id = scope_backup_id(scope), .table = name, .moment = *now};
    free(old.table);
    free(old.message);
    return slot;
}

/* What was found at `now`; does nothing when memory runs out. */
static void remember(struct scope *scope, const char *table, const struct moment *now, bool bytes,
                     const struct row_sizes *found)
{
    struct sizes *sizes = scope_view(scope)->sizes;
    pthread_mutex_lock(&sizes->lock);
    struct slot *slot = slot_take(scope, table, now);
    if (slot && (bytes || !slot->has_bytes)) {
        slot->sizes = *found;
        slot->has_rows = true;
        slot->has_bytes = bytes;
    }
    pthread_mutex_unlock(&sizes->lock);
}

/* Likewise that it took too long. Whose rows cannot be counted cannot be measured either. */
static void remember_failure(struct scope *scope, const char *table, const struct moment *now,
                             bool bytes, const struct err *why)
{
    struct sizes *sizes = scope_view(scope)->sizes;
    char *message = strdup(why->text);
    pthread_mutex_lock(&sizes->lock);
    struct slot *slot = message ? slot_take(scope, table, now) : NULL;
    if (slot) {
        char *old = slot->message;
        slot->message = message;
        slot->failure = why->code;
        slot->failed_rows = slot->failed_rows || !bytes;
        message = old;
    }
    pthread_mutex_unlock(&sizes->lock);
    free(message);
}

/* Memory, then the catalog; as recall(). */
static int recall_any(struct scope *scope, const char *table, const struct moment *now, bool bytes,
                      struct row_sizes *ret_sizes, struct err *err)
{
    int r = recall(scope, table, now, bytes, ret_sizes, err);
    if (r == 1 || now->live || !table ||
        facts_find_sizes(view_repo(scope_view(scope)), scope_backup_id(scope), table, ret_sizes,
                         NULL) != 0)
        return r;
    remember(scope, table, now, true, ret_sizes);
    return 1;
}

bool sizes_known(struct scope *scope, const char *table, struct row_sizes *ret_sizes)
{
    const struct moment always = {.live = false};
    return !scope_is_live(scope) && recall_any(scope, table, &always, true, ret_sizes, NULL) == 1;
}

/* ---- measuring ---- */

/* Can a schema give it rows without end? */
static bool can_be_endless(const struct relation *relation)
{
    return relation->kind == RELATION_VIEW || relation->kind == RELATION_VIRTUAL;
}

/* The rows' number, or with `bytes` all. `ret_lasting`: it failed for a reason that is one next time. A
 * table that takes too long is none: the disk was slow, and has its pages at hand then. */
static int measure(struct database *database, const char *table, bool bytes, int64_t endless_ns,
                   struct row_sizes *ret_sizes, bool *ret_lasting, struct err *err)
{
    const struct relation *relation = NULL;
    int r = table_find(database, table, &relation, err);
    *ret_lasting = false;
    if (r < 0)
        return r;
    bool endless = can_be_endless(relation);
    database_limit(database, node_cancel(),
                   clock_monotonic_ns() + (endless ? endless_ns : TABLE_NS));
    r = bytes ? row_sizes_measure(database, table, ret_sizes, err)
              : database_count(database, relation, &ret_sizes->rows, err);
    *ret_lasting = r == -ETIMEDOUT && endless;
    return r;
}

/* What is asked for: */
enum what { COUNT, ROWS, DUMP };

/* … and where: the database has begun. */
struct asking {
    struct scope *scope;
    struct database *database;
    struct moment moment;
};

static int ask_table(struct asking *asking, const char *table, bool bytes,
                     struct row_sizes *ret_sizes, struct err *err)
{
    struct row_sizes sizes = {.rows = 0};
    struct err why = ERR_INIT;
    bool lasting = false;
    int r = recall_any(asking->scope, table, &asking->moment, bytes, ret_sizes, err);
    if (r != 0)
        return r < 0 ? r : 0;
    r = measure(asking->database, table, bytes, scope_view(asking->scope)->sizes->endless_ns,
                &sizes, &lasting, &why);
    if (lasting)
        remember_failure(asking->scope, table, &asking->moment, bytes, &why);
    if (r < 0)
        return err_set(err, -r, "%s", why.text);
    remember(asking->scope, table, &asking->moment, bytes, &sizes);
    *ret_sizes = sizes;
    return 0;
}

static int ask_rows(void *arg, const char *table, struct row_sizes *ret_sizes, struct err *err)
{
    return ask_table(arg, table, true, ret_sizes, err);
}

static int ask_dump(struct asking *asking, struct row_sizes *ret_sizes, struct err *err)
{
    struct row_sizes sizes = {.rows = 0};
    int r = recall(asking->scope, NULL, &asking->moment, true, ret_sizes, err);
    if (r != 0)
        return r < 0 ? r : 0;
    r = rendering_dump_bytes(asking->database, ask_rows, asking, &sizes.sql_bytes, err);
    if (r == 0) {
        remember(asking->scope, NULL, &asking->moment, true, &sizes);
        *ret_sizes = sizes;
    }
    return r;
}

static int ask(struct scope *scope, const char *table, enum what what, struct row_sizes *ret_sizes,
               struct err *err)
{
    struct asking asking = {.scope = scope};
    scope_renew(scope); /* a state may not be older than the moment */
    int r = moment_begin(scope, &asking.moment, err);
    if (r < 0)
        return r;
    r = recall_any(scope, table, &asking.moment, what != COUNT, ret_sizes, err);
    if (r != 0)
        return r < 0 ? r : 0;
    r = scope_use(scope, NULL, &asking.database, err);
    if (r < 0)
        return r;
    if (asking.moment.live) {
        r = database_state(asking.database, &asking.moment.state, err);
        asking.moment.has_state = r == 0;
    }
    if (r == 0)
        r = what == DUMP ? ask_dump(&asking, ret_sizes, err)
                         : ask_table(&asking, table, what == ROWS, ret_sizes, err);
    scope_done(scope, asking.database);
    return r;
}

int sizes_rows(struct scope *scope, const char *table, struct row_sizes *ret_sizes, struct err *err)
{
    return ask(scope, table, ROWS, ret_sizes, err);
}

int sizes_count(struct scope *scope, const char *table, uint64_t *ret_rows, struct err *err)
{
    struct row_sizes sizes;
    int r = ask(scope, table, COUNT, &sizes, err);
    if (r == 0)
        *ret_rows = sizes.rows;
    return r;
}

int sizes_dump(struct scope *scope, uint64_t *ret_bytes, struct err *err)
{
    struct row_sizes sizes;
    int r = ask(scope, NULL, DUMP, &sizes, err);
    if (r == 0)
        *ret_bytes = sizes.sql_bytes;
    return r;
}

/* ---- of a state that is held ---- */

int sizes_hold_begin(struct scope *scope, struct moment *ret_moment, struct err *err)
{
    scope_renew(scope);
    return moment_begin(scope, ret_moment, err);
}

int sizes_hold(struct scope *scope, struct database *database, struct moment *moment,
               struct err *err)
{
    struct moment after;
    int r = moment_begin(scope, &after, err);
    if (r < 0)
        return r;
    moment->settled = moment->settled && after.settled && after.stamp == moment->stamp;
    if (moment->live)
        r = database_state(database, &moment->state, err);
    moment->has_state = moment->live && r == 0;
    return r;
}

int sizes_held(struct scope *scope, struct database *database, const struct moment *moment,
               const char *table, struct row_sizes *ret_sizes, struct err *err)
{
    struct asking asking = {.scope = scope, .database = database, .moment = *moment};
    return table ? ask_table(&asking, table, true, ret_sizes, err)
                 : ask_dump(&asking, ret_sizes, err);
}
