/*
 * The driver's table, and how a SQLite database is named.
 *
 * A bare path is taken as it is. In a URL, as SQLAlchemy reads it, one slash ends the (empty)
 * host, so three are a relative path and four an absolute one; what follows a "?" are options
 * for SQLAlchemy's driver. The directory is resolved once, so that a later change of the
 * working directory does not matter; the last part of the path is not, so that a symbolic link
 * may be pointed elsewhere later. A directory that is not there, such as one on a disk that is not mounted,
 * cannot be resolved and is just made absolute: its backups can be looked at, and it may come back.
 */
#include "source/driver.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/source/source.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"
#include "source/sqlite/capture.h"
#include "source/sqlite/connection.h"
#include "source/sqlite/database.h"
#include "source/sqlite/foresight.h"
#include "source/sqlite/image.h"
#include "source/sqlite/info.h"
#include "source/sqlite/page_kind.h"
#include "source/sqlite/pages.h"
#include "source/sqlite/schema.h"

#define CHECK_BUSY_MS 10000
#define LOOK_BUSY_MS 1000

/* The directory at `path`, absolute. Heap string. */
static char *resolve_directory(const char *path)
{
    char *real = realpath(path, NULL), *here = NULL, *joined = NULL;

    if (real || (errno != ENOENT && errno != ENOTDIR && errno != EACCES))
        return real;
    if (path[0] == '/')
        return strdup(path);
    here = realpath(".", NULL);
    if (here && asprintf(&joined, "%s/%s", strcmp(here, "/") == 0 ? "" : here, path) < 0)
        joined = NULL;
    free(here);
    return joined;
}

/* `path` (its first `len` bytes) with its directory made absolute. */
static int resolve_path(const char *path, size_t len, char **ret_path, struct err *err)
{
    char *copy = strndup(path, len);
    char *slash = copy ? strrchr(copy, '/') : NULL;
    const char *base = slash ? slash + 1 : copy;
    char *directory = NULL;
    struct buf joined = BUF_INIT;
    int r = 0;

    if (!copy)
        return err_set(err, ENOMEM, "out of memory");
    if (base[0] == '\0' || strcmp(base, ".") == 0 || strcmp(base, "..") == 0) {
        r = err_set(err, len == 0 ? EINVAL : EISDIR,
                    len == 0 ? "an empty path names no database%s"
                             : "%s: a directory, not a database file",
                    copy);
        goto out;
    }
    if (slash && slash > copy)
        *slash = '\0';
    directory = resolve_directory(!slash ? "." : slash == copy ? "/" : copy);
    if (!directory) {
        r = err_sys(err, errno, "%s: the database's directory", slash ? copy : ".");
        goto out;
    }
    buf_addf(&joined, "%s/%s", strcmp(directory, "/") == 0 ? "" : directory, base);
    r = buf_error(&joined) < 0 ? err_set(err, ENOMEM, "out of memory") : 0;
    if (r == 0) {
        *ret_path = joined.data;
        joined.data = NULL;
    }
out:
    buf_free(&joined);
    free(directory);
    free(copy);
    return r;
}

static int resolve(const char *text, bool url, char **ret_name, struct err *err)
{
    size_t len = strlen(text);

    if (!url)
        return resolve_path(text, len, ret_name, err);
    len = strcspn(text, "?");
    if (len <= 1 || strncmp(text, "/:memory:", len) == 0)
        return err_set(err, EINVAL,
                       "sqlite://%s: a database in memory cannot be backed up; "
                       "give sqlite:///relative or sqlite:////absolute",
                       text);
    if (text[0] != '/')
        return err_set(err, EINVAL,
                       "sqlite://%s: SQLite has no hosts; give sqlite:///relative or "
                       "sqlite:////absolute",
                       text);
    return resolve_path(text + 1, len - 1, ret_name, err);
}

static int check(const char *name, struct err *err)
{
    struct connection connection = CONNECTION_INIT;
    int r = connection_open(name, CHECK_BUSY_MS, NULL, &connection, err);

    if (r == 0)
        r = info_hold(&connection, err);
    connection_close(&connection);
    return r;
}

static int info(const char *name, struct source_info *ret_info, struct err *err)
{
    struct connection connection = CONNECTION_INIT;
    int r = connection_open(name, LOOK_BUSY_MS, NULL, &connection, err);

    if (r == 0)
        r = info_hold(&connection, err);
    if (r == 0)
        r = info_read(&connection, ret_info, err);
    connection_close(&connection);
    return r;
}

static int schema(const char *name, struct buf *out, struct err *err)
{
    struct connection connection = CONNECTION_INIT;
    int r = connection_open(name, LOOK_BUSY_MS, NULL, &connection, err);

    if (r == 0)
        r = info_hold(&connection, err);
    if (r == 0)
        r = schema_write(&connection, out, err);
    connection_close(&connection);
    return r;
}

const struct source_driver sqlite_driver = {
    .page_kind = sqlite_page_kind,
    .scheme = "sqlite",
    .library_version = sqlite3_libversion,
    .resolve = resolve,
    .check = check,
    .info = info,
    .changed = info_changed,
    .stamp = info_stamp,
    .capture = capture_run,
    .schema = schema,
    .snapshot_schema = image_snapshot_schema,
    .snapshot_check = image_snapshot_check,
    .foresee = foresight_see,
    .open_live = database_open_live,
    .open_snapshot = database_open_image,
    .compare_pages = pages_compare,
};
