/*
 * An open text of the live database: one committed state, from first byte to last.
 *
 * A small one is made when it is opened, and the database given back at once. Of a longer one in
 * WAL mode the transaction stays open as long as the file: no writer waits for that, but the -wal
 * file cannot be emptied, so after `live-timeout` the state is given up, whether somebody reads or not.
 * In the other journal modes a reader blocks writers. There the whole text is written to a file
 * without a name when it is opened; and so it is when very many states are held already.
 *
 * The kernel caches nothing: the next opener may get another state.
 */
#include <errno.h>
#include <stdlib.h>

#include "ahead.h"
#include "context.h"
#include "dbsnapfs/service/service.h"
#include "dbsnapfs/source/database.h"
#include "dbsnapfs/source/source.h"
#include "dbsnapfs/tree.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/clock.h"
#include "dbsnapfs/util/err.h"
#include "gather.h"
#include "holder.h"
#include "rendered.h"
#include "scope.h"
#include "sizes.h"

#define PIECE_BYTES ((size_t)1 << 20)
#define MOST_STATES 32 /* that are held at a time */
#define SECOND_NS INT64_C(1000000000)
#define GATHERED_NS (1800 * SECOND_NS) /* for a text that is made as a whole */

struct live_file {
    struct node_file file;
    struct rendered rendered;
    struct rendering *rendering;
    struct ahead ahead;
    struct holder holder; /* its lock protects: */
    struct database *database;
    struct rendering_reader *reader; /* NULL, as is `database`: it was given up */
    int64_t until_ns;                /* fixed, as is: */
    struct moment moment;            /* of the state */
    bool has_size;
    uint64_t size;
};

static struct view *view_of(const struct live_file *live)
{
    return scope_view(live->rendered.scope);
}

static void live_give_back(struct holder *holder)
{
    struct live_file *live =
        (struct live_file *)((char *)holder - offsetof(struct live_file, holder));
    rendering_reader_free(live->reader);
    live->reader = NULL;
    if (live->database)
        scope_done(live->rendered.scope, live->database);
    live->database = NULL;
}

static int given_up(const struct live_file *live, struct err *err)
{
    return err_set(
        err, ETIMEDOUT,
        "not read to its end within %lld s (-o live-timeout=), so its state was given up: "
        "as long as it is held, the database's -wal file cannot be emptied",
        (long long)view_of(live)->live_timeout_s);
}

/* The time is up: the log is told, since nobody else may be there to hear it. */
static void live_give_up(struct holder *holder)
{
    const struct live_file *live =
        (struct live_file *)((char *)holder - offsetof(struct live_file, holder));
    struct buf path = BUF_INIT;
    struct err err = ERR_INIT;
    live_give_back(holder);
    given_up(live, &err);
    if (rendered_path(&live->rendered, &path) == 0)
        err_at(&err, "%s", buf_text(&path));
    service_note(view_of(live)->service, "read", &err);
    buf_free(&path);
}

/* What has to hold for a read, with the lock held. */
static int live_check(struct live_file *live, struct err *err)
{
    if (live->reader && clock_monotonic_ns() >= live->until_ns) {
        holders_drop(view_of(live)->holders, &live->holder);
        live_give_up(&live->holder);
    }
    return live->reader ? 0 : given_up(live, err);
}

static int live_more(void *arg, uint64_t offset, void *bytes, size_t len, size_t *ret_len,
                     struct err *err)
{
    struct live_file *live = arg;
    pthread_mutex_lock(&live->holder.lock);
    int r = live_check(live, err);
    if (r == 0) {
        database_limit(live->database, node_cancel(), clock_monotonic_ns() + RENDERED_NS);
        r = rendering_read(live->reader, offset, bytes, len, ret_len, err);
        database_limit(live->database, NULL, 0);
    }
    pthread_mutex_unlock(&live->holder.lock);
    return r;
}

static int live_read(struct node_file *file, uint64_t offset, void *bytes, size_t len,
                     size_t *ret_len, struct err *err)
{
    struct live_file *live = (struct live_file *)file;
    return ahead_read(&live->ahead, offset, bytes, len, ret_len, err);
}

/* In the state that is held; the lock is held too. */
static int live_measure(struct live_file *live, uint64_t *ret_size, struct err *err)
{
    struct row_sizes sizes = {.rows = 0};
    int r;
    *ret_size = rendering_known_bytes(live->rendering);
    if (*ret_size != UINT64_MAX)
        return 0;
    r = sizes_held(live->rendered.scope, live->database, &live->moment, live->rendered.table,
                   &sizes, err);
    database_limit(live->database, NULL, 0);
    *ret_size = rendered_of_sizes(&live->rendered, &sizes);
    return r;
}

static int live_size(struct node_file *file, uint64_t *ret_size, struct err *err)
{
    struct live_file *live = (struct live_file *)file;
    uint64_t size = 0;
    int r = 0;
    pthread_mutex_lock(&live->holder.lock);
    if (!live->has_size) {
        r = live_check(live, err);
        if (r == 0)
            r = live_measure(live, &size, err);
        if (r == 0) {
            live->size = size;
            live->has_size = true;
        }
    }
    if (r == 0)
        *ret_size = live->size;
    pthread_mutex_unlock(&live->holder.lock);
    return r;
}

static void live_free(struct live_file *live)
{
    live_give_back(&live->holder);
    rendering_unref(live->rendering);
    rendered_release(&live->rendered);
    free(live);
}

static void live_close(struct node_file *file)
{
    struct live_file *live = (struct live_file *)file;
    ahead_release(&live->ahead);
    pthread_mutex_lock(&live->holder.lock);
    live->holder.give_back = live_give_back;
    pthread_mutex_unlock(&live->holder.lock);
    holder_release(view_of(live)->holders, &live->holder);
    live_free(live);
}

static const struct node_file_ops live_ops = {
    .read = live_read,
    .size = live_size,
    .close = live_close,
};

/* ---- opening ---- */

/* All of a text whose first piece is in `bytes`. One deadline is for all of it: a view may have rows
 * without end, and the disk has not. */
static int gather_text(struct live_file *live, const atomic_bool *cancel, void *bytes,
                       struct gather *gather, struct err *err)
{
    int64_t until_ns = clock_monotonic_ns() + (live->rendered.is_view ? RENDERED_NS : GATHERED_NS);
    uint64_t offset = 0;
    size_t len = PIECE_BYTES;
    int r = 0;
    while (r == 0 && len > 0) {
        r = gather_add(gather, bytes, len, err);
        offset += len;
        if (r == 0 && atomic_load(cancel))
            r = err_set(err, ECANCELED, "cancelled");
        if (r < 0 || len < PIECE_BYTES)
            break;
        database_limit(live->database, cancel, until_ns);
        r = rendering_read(live->reader, offset, bytes, PIECE_BYTES, &len, err);
    }
    return r;
}

static int open_gathered(struct live_file *live, const atomic_bool *cancel, void *bytes,
                         struct node_file **ret_file, struct err *err)
{
    struct gather gather;
    gather_init(&gather, view_of(live));
    int r = gather_text(live, cancel, bytes, &gather, err);
    if (r == 0)
        r = gather_file(&gather, false, ret_file, err);
    gather_release(&gather);
    return r;
}

/* `live` is the open file from now on. */
static void open_held(struct live_file *live)
{
    const struct view *view = view_of(live);
    holder_init(&live->holder, live_give_up, false);
    ahead_init(&live->ahead, view->makers, live_more, live);
    live->file.ops = &live_ops;
    live->file.direct = true;
    live->until_ns = view->live_timeout_s > 0
                         ? clock_monotonic_ns() + view->live_timeout_s * SECOND_NS
                         : HOLDER_FOR_EVER;
    database_limit(live->database, NULL, 0);
    pthread_mutex_lock(&live->holder.lock);
    holders_keep(view->holders, &live->holder, live->until_ns);
    pthread_mutex_unlock(&live->holder.lock);
}

/* May a transaction of ours stay open? Nobody can leave WAL mode while this one is. */
static int may_hold(const struct live_file *live, bool *ret_may, struct err *err)
{
    struct source_info info = {.wal = false};
    int r = source_info(view_source(view_of(live)), &info, err);
    *ret_may = info.wal && holders_count(view_of(live)->holders, false) < MOST_STATES;
    return r;
}

/* Its buffer has room for a whole piece, which ten thousand open files could not have. */
static int open_small(struct buf *text, struct node_file **ret_file, struct err *err)
{
    struct buf fitting = BUF_INIT;
    buf_add(&fitting, text->data, text->len);
    return node_text_file(&fitting, false, ret_file, err);
}

/* What to do with a text whose first piece is `text`: may take `*live` over. */
static int open_as_fits(struct live_file **live, const atomic_bool *cancel, struct buf *text,
                        struct node_file **ret_file, struct err *err)
{
    bool hold = false;
    if (text->len < PIECE_BYTES)
        return open_small(text, ret_file, err);
    int r = may_hold(*live, &hold, err);
    if (r < 0)
        return r;
    if (!hold)
        return open_gathered(*live, cancel, text->data, ret_file, err);
    open_held(*live);
    *ret_file = &(*live)->file;
    *live = NULL;
    return 0;
}

/* The database, the reader and the first piece of the text. */
static int open_reader(struct live_file *live, const atomic_bool *cancel, struct buf *text,
                       struct err *err)
{
    int r = rendered_new(&live->rendered, &live->rendering, err);
    if (r == 0)
        r = sizes_hold_begin(live->rendered.scope, &live->moment, err);
    if (r == 0)
        r = scope_use(live->rendered.scope, cancel, &live->database, err);
    if (r == 0)
        r = sizes_hold(live->rendered.scope, live->database, &live->moment, err);
    if (r == 0)
        r = rendering_reader_new(live->rendering, live->database, &live->reader, err);
    if (r < 0)
        return r;
    void *bytes = buf_reserve(text, PIECE_BYTES);
    if (!bytes)
        return err_set(err, ENOMEM, "tables: out of memory");
    return rendering_read(live->reader, 0, bytes, PIECE_BYTES, &text->len, err);
}

int live_open(const struct rendered *rendered, const struct node_request *request,
              struct node_file **ret_file, struct err *err)
{
    struct live_file *live = calloc(1, sizeof(*live));
    struct buf text = BUF_INIT;
    if (!live)
        return err_set(err, ENOMEM, "tables: out of memory");
    int r = rendered_copy(rendered, &live->rendered, err);
    if (r < 0) {
        free(live);
        return r;
    }
    r = open_reader(live, request->cancel, &text, err);
    if (r == 0)
        r = open_as_fits(&live, request->cancel, &text, ret_file, err);
    if (live)
        live_free(live);
    buf_free(&text);
    return r;
}
