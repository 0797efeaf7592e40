/*
 * An open text of a backup.
 *
 * A backup has one state for ever, so nothing has to be held for the text to stay the same. The
 * file takes a database when it is read, keeps it while reads follow one another, and takes another
 * after a pause. Where rows begin in the text is remembered with the rendering, which all open
 * files of one text share.
 */
#include <errno.h>
#include <stdlib.h>

#include "ahead.h"
#include "context.h"
#include "dbsnapfs/source/database.h"
#include "dbsnapfs/tree.h"
#include "dbsnapfs/util/clock.h"
#include "dbsnapfs/util/err.h"
#include "holder.h"
#include "rendered.h"
#include "renderings.h"
#include "scope.h"

#define HOLD_NS (3 * INT64_C(1000000000)) /* without a read */

struct past_file {
    struct node_file file;
    struct rendered rendered;
    struct rendering *rendering;
    struct ahead ahead;
    struct holder holder; /* its lock protects: */
    struct database *database;
    struct rendering_reader *reader; /* NULL, as is `database`, while nothing is held */
};

static struct holders *holders_of(const struct past_file *past)
{
    return scope_view(past->rendered.scope)->holders;
}

static void past_give_back(struct holder *holder)
{
    struct past_file *past =
        (struct past_file *)((char *)holder - offsetof(struct past_file, holder));
    rendering_reader_free(past->reader);
    scope_done(past->rendered.scope, past->database);
    past->reader = NULL;
    past->database = NULL;
}

/* The lock is held. */
static int past_take(struct past_file *past, struct err *err)
{
    struct database *database = NULL;
    if (past->reader)
        return 0;
    int r = scope_use(past->rendered.scope, NULL, &database, err);
    if (r < 0)
        return r;
    r = rendering_reader_new(past->rendering, database, &past->reader, err);
    if (r < 0)
        scope_done(past->rendered.scope, database);
    else
        past->database = database;
    return r;
}

static int past_more(void *arg, uint64_t offset, void *bytes, size_t len, size_t *ret_len,
                     struct err *err)
{
    struct past_file *past = arg;
    pthread_mutex_lock(&past->holder.lock);
    int r = past_take(past, err);
    if (r < 0)
        goto out;
    database_limit(past->database, node_cancel(), clock_monotonic_ns() + RENDERED_NS);
    r = rendering_read(past->reader, offset, bytes, len, ret_len, err);
    database_limit(past->database, NULL, 0);
    if (r == 0) {
        holders_keep(holders_of(past), &past->holder, clock_monotonic_ns() + HOLD_NS);
    } else {
        holders_drop(holders_of(past), &past->holder);
        past_give_back(&past->holder);
    }
out:
    pthread_mutex_unlock(&past->holder.lock);
    return r;
}

static int past_read(struct node_file *file, uint64_t offset, void *bytes, size_t len,
                     size_t *ret_len, struct err *err)
{
    struct past_file *past = (struct past_file *)file;
    return ahead_read(&past->ahead, offset, bytes, len, ret_len, err);
}

static void past_close(struct node_file *file)
{
    struct past_file *past = (struct past_file *)file;
    ahead_release(&past->ahead);
    holder_release(holders_of(past), &past->holder);
    rendering_unref(past->rendering);
    rendered_release(&past->rendered);
    free(past);
}

static const struct node_file_ops past_ops = {
    .read = past_read,
    .close = past_close,
};

int past_open(const struct rendered *rendered, bool cached, struct node_file **ret_file,
              struct err *err)
{
    struct past_file *past = calloc(1, sizeof(*past));
    if (!past)
        return err_set(err, ENOMEM, "tables: out of memory");
    int r = rendered_copy(rendered, &past->rendered, err);
    if (r < 0) {
        free(past);
        return r;
    }
    r = renderings_get(scope_view(rendered->scope)->renderings, rendered, &past->rendering, err);
    if (r < 0) {
        rendered_release(&past->rendered);
        free(past);
        return r;
    }
    holder_init(&past->holder, past_give_back, true);
    ahead_init(&past->ahead, scope_view(rendered->scope)->makers, past_more, past);
    past->file.ops = &past_ops;
    past->file.keep_cache = cached;
    past->file.direct = !cached;
    *ret_file = &past->file;
    return 0;
}
