/*
 * A source is a driver and the name by which the driver finds its database.
 *
 * What looks like a URL chooses its driver by its scheme, as SQLAlchemy's URLs do
 * ("sqlite+pysqlite" is "sqlite"); everything else is the path of a SQLite database. Backups
 * of other database systems will say in their manifest which driver made them; until then
 * every snapshot is SQLite's.
 */
#include "dbsnapfs/source/source.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "dbsnapfs/source/database.h"
#include "dbsnapfs/source/pages.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"
#include "source/driver.h"

struct source {
    const struct source_driver *driver;
    char *name;
};

static const struct source_driver *const drivers[] = {&sqlite_driver};

#define DRIVER_COUNT (sizeof(drivers) / sizeof(drivers[0]))

/* The length of a URL's scheme, 0 if `spec` is none. */
static size_t scheme_length(const char *spec)
{
    size_t len = 0;

    if (!isalpha((unsigned char)spec[0]))
        return 0;
    while (isalnum((unsigned char)spec[len]) || (spec[len] != '\0' && strchr("+-.", spec[len])))
        len++;
    return strncmp(spec + len, "://", 3) == 0 ? len : 0;
}

static const struct source_driver *driver_for_scheme(const char *spec, size_t len)
{
    const char *plus = memchr(spec, '+', len);
    size_t name_len = plus ? (size_t)(plus - spec) : len;

    for (size_t i = 0; i < DRIVER_COUNT; i++) {
        const char *scheme = drivers[i]->scheme;

        if (strlen(scheme) == name_len && strncasecmp(scheme, spec, name_len) == 0)
            return drivers[i];
    }
    return NULL;
}

int source_new(const char *spec, struct source **ret_source, struct err *err)
{
    size_t scheme_len = scheme_length(spec);
    const struct source_driver *driver = drivers[0];
    const char *text = spec;
    struct source *source = NULL;
    int r;

    if (scheme_len > 0) {
        driver = driver_for_scheme(spec, scheme_len);
        text = spec + scheme_len + strlen("://");
    }
    if (!driver)
        return err_set(err, EPROTONOSUPPORT,
                       "%.*s://: not a known kind of database; give a path or sqlite:///path",
                       (int)(scheme_len < 40 ? scheme_len : 40), spec);

    source = calloc(1, sizeof(*source));
    if (!source)
        return err_set(err, ENOMEM, "out of memory");
    source->driver = driver;
    r = driver->resolve(text, scheme_len > 0, &source->name, err);
    if (r < 0)
        goto out;
    *ret_source = source;
    source = NULL;
out:
    source_free(source);
    return r;
}

void source_free(struct source *source)
{
    if (!source)
        return;
    free(source->name);
    free(source);
}

const char *source_path(const struct source *source)
{
    return source->name;
}

int source_check(struct source *source, struct err *err)
{
    return source->driver->check(source->name, err);
}

int source_info(struct source *source, struct source_info *ret_info, struct err *err)
{
    return source->driver->info(source->name, ret_info, err);
}

int source_changed(struct source *source, int64_t *ret_changed_ns, struct err *err)
{
    return source->driver->changed(source->name, ret_changed_ns, err);
}

int source_stamp(struct source *source, struct source_stamp *ret_stamp, struct err *err)
{
    return source->driver->stamp(source->name, ret_stamp, err);
}

int source_capture(struct source *source, const struct source_sink *sink, const atomic_bool *cancel,
                   uint64_t *ret_image_bytes, struct err *err)
{
    return source->driver->capture(source->name, sink, cancel, ret_image_bytes, err);
}

int source_schema(struct source *source, struct buf *out, struct err *err)
{
    return source->driver->schema(source->name, out, err);
}

void source_library(struct buf *out)
{
    buf_addf(out, "%s %s", sqlite_driver.scheme, sqlite_driver.library_version());
}

int source_snapshot_schema(struct snapshot *snapshot, struct buf *out, struct err *err)
{
    return sqlite_driver.snapshot_schema(snapshot, out, err);
}

int source_snapshot_check(struct snapshot *snapshot, bool deep, const atomic_bool *cancel,
                          struct buf *out, struct err *err)
{
    return sqlite_driver.snapshot_check(snapshot, deep, cancel, out, err);
}

void source_foresee(const struct snapshot *snapshot, struct snapshot_stream *stream,
                    uint64_t offset, const void *bytes, size_t len)
{
    sqlite_driver.foresee(snapshot, stream, offset, bytes, len);
}

source_page_kind *source_kind_of_page(const struct source *source)
{
    return source->driver->page_kind;
}

int database_open(struct source *source, struct database **ret_database, struct err *err)
{
    return source->driver->open_live(source->name, ret_database, err);
}

int database_open_snapshot(struct snapshot *snapshot, struct database **ret_database,
                           struct err *err)
{
    return sqlite_driver.open_snapshot(snapshot, ret_database, err);
}

int page_comparison_new(struct snapshot *before, struct snapshot *after,
                        struct page_comparison **ret_comparison, struct err *err)
{
    return sqlite_driver.compare_pages(before, after, ret_comparison, err);
}
