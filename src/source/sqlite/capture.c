/*
 * The online backup in one step, into a connection whose file is the sink.
 *
 * A read transaction holds the state from before the settings are read to the end, so sizes,
 * settings and pages belong together and the backup never restarts. In WAL mode that blocks
 * nobody; in rollback mode writers wait as they do for any reader.
 *
 * The source is read with pread(), not mmap: a database that another program truncates would
 * kill this process with SIGBUS.
 */
#include "source/sqlite/capture.h"

#include <errno.h>

#include "dbsnapfs/source/source.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"
#include "source/sqlite/capture_vfs.h"
#include "source/sqlite/connection.h"
#include "source/sqlite/info.h"
#include "source/sqlite/read_ahead.h"

#define BUSY_MS 10000

/* Overflows early and so in order; small enough to stay in the processor's cache. */
#define TARGET_PRAGMAS                                                                      \
    "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE;" \
    "PRAGMA cache_spill = ON; PRAGMA cache_size = -128"

static int open_target(const char *path, const struct capture_vfs *vfs,
                       struct connection *ret_target, struct err *err)
{
    int r =
        connection_open_vfs(path, capture_vfs_name(vfs), SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                            capture_vfs_error(vfs), ret_target, err);

    if (r < 0)
        return r;
    /* A defensive connection refuses journal_mode=OFF; no SQL will run on this one. */
    sqlite3_db_config(ret_target->db, SQLITE_DBCONFIG_DEFENSIVE, 0, NULL);
    r = connection_exec(ret_target, TARGET_PRAGMAS, err);
    if (r < 0)
        connection_close(ret_target);
    return r;
}

static int copy_pages(struct connection *source, struct connection *target, struct err *err)
{
    sqlite3_backup *backup = sqlite3_backup_init(target->db, "main", source->db, "main");
    int rc;

    if (!backup)
        return connection_fail(target, sqlite3_errcode(target->db), err);
    rc = sqlite3_backup_step(backup, -1);
    sqlite3_backup_finish(backup);
    if (rc == SQLITE_DONE)
        return 0;
    /* The target fails only for a reason that its VFS knows; else it was the source. */
    if (target->cause->code < 0)
        return connection_fail(target, rc, err);
    return connection_fail(source, rc, err);
}

static int begin(struct connection *source, const struct source_sink *sink,
                 struct source_info *ret_info, struct err *err)
{
    struct buf settings = BUF_INIT;
    int r = info_hold(source, err);

    if (r == 0)
        r = info_read(source, ret_info, err);
    if (r == 0)
        r = info_settings(source, ret_info, &settings, err);
    if (r == 0)
        r = sink->begin(sink->arg, ret_info, buf_text(&settings), err);
    buf_free(&settings);
    return r;
}

int capture_run(const char *path, const struct source_sink *sink, const atomic_bool *cancel,
                uint64_t *ret_image_bytes, struct err *err)
{
    struct connection source = CONNECTION_INIT, target = CONNECTION_INIT;
    struct capture_vfs *vfs = NULL;
    struct source_info info = {0};
    uint64_t image_bytes = 0;
    struct read_ahead *ahead = NULL;
    int r = read_ahead_new(&ahead, err);

    if (r < 0)
        return r;
    r = connection_open_through(path, read_ahead_name(ahead), BUSY_MS, cancel, &source, err);
    if (r < 0)
        goto out;
    r = begin(&source, sink, &info, err);
    if (r < 0)
        goto out;
    r = capture_vfs_new(path, info.page_size, sink, cancel, &vfs, err);
    if (r < 0)
        goto out;
    r = open_target(path, vfs, &target, err);
    read_ahead_start(ahead);
    if (r == 0)
        r = copy_pages(&source, &target, err);
    read_ahead_stop(ahead);
    if (r == 0)
        r = capture_vfs_finish(vfs, &image_bytes, err);
    if (r < 0)
        goto out;
    if (image_bytes != info.image_bytes) {
        r = err_set(err, EIO, "%s: SQLite gave %llu bytes instead of %llu", path,
                    (unsigned long long)image_bytes, (unsigned long long)info.image_bytes);
        goto out;
    }
    *ret_image_bytes = image_bytes;
out:
    connection_close(&target);
    capture_vfs_free(vfs);
    connection_close(&source);
    read_ahead_free(ahead);
    return r;
}
