/*
 * Sizes and settings, read within the transaction that a capture uses.
 *
 * The size of an image is that of what the online backup writes, which differs from the
 * file's: it has what is still in the -wal file, not what lies behind the last page, and an
 * empty database becomes one page.
 *
 * An empty -wal file comes and goes with readers, us among them, and says nothing of when the database
 * changed.
 */
#include "source/sqlite/info.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "dbsnapfs/source/source.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"
#include "dbsnapfs/util/hash.h"
#include "source/sqlite/connection.h"

/* SQLite locks bytes from here on and keeps nothing in the page that has them. */
#define LOCK_BYTE 0x40000000
#define NS_PER_S 1000000000

int info_hold(struct connection *connection, struct err *err)
{
    int r = connection_exec(connection, "BEGIN", err);

    return r == 0 ? connection_read_schema(connection, NULL, err) : r;
}

static int64_t stat_mtime_ns(const struct stat *st)
{
    return (int64_t)st->st_mtim.tv_sec * NS_PER_S + st->st_mtim.tv_nsec;
}

/* How the database's file and its -wal file look; all zeros: there is nothing in a -wal file. */
struct files {
    struct stat database, wal;
};

static void stat_wal(const char *path, struct stat *ret_wal)
{
    if (stat(path, ret_wal) < 0 || ret_wal->st_size == 0)
        *ret_wal = (struct stat){.st_size = 0};
}

static int64_t files_changed_ns(const struct files *files)
{
    int64_t database_ns = stat_mtime_ns(&files->database);
    int64_t wal_ns = stat_mtime_ns(&files->wal);

    return wal_ns > database_ns ? wal_ns : database_ns;
}

static int64_t changed_ns(const struct connection *connection)
{
    /* Symbolic links resolved: the -wal file is where the database is. */
    const char *path = sqlite3_db_filename(connection->db, "main");
    struct files files;

    if (stat(path, &files.database) < 0)
        files.database = (struct stat){.st_size = 0};
    stat_wal(sqlite3_filename_wal(path), &files.wal);
    return files_changed_ns(&files);
}

/*
 * The -wal file is where the database is, as SQLite has it: behind symbolic links. They are looked for
 * in the path's last part alone, since what leads to its directory leads to both files.
 */
static int stat_files(const char *path, struct files *ret_files, struct err *err)
{
    struct files files = {.wal = {.st_size = 0}};
    struct buf wal = BUF_INIT;
    char *real = NULL;
    int r = 0;

    if (lstat(path, &files.database) < 0)
        return err_sys(err, errno, "%s", path);
    if (S_ISLNK(files.database.st_mode)) {
        real = realpath(path, NULL);
        if (!real || stat(real, &files.database) < 0) {
            r = err_sys(err, errno, "%s", path);
            goto out;
        }
    }
    buf_addf(&wal, "%s-wal", real ? real : path);
    if (buf_error(&wal) < 0) {
        r = err_set(err, ENOMEM, "%s: out of memory", path);
        goto out;
    }
    stat_wal(buf_text(&wal), &files.wal);
    *ret_files = files;
out:
    buf_free(&wal);
    free(real);
    return r;
}

int info_changed(const char *path, int64_t *ret_changed_ns, struct err *err)
{
    struct files files;
    int r = stat_files(path, &files, err);

    if (r == 0)
        *ret_changed_ns = files_changed_ns(&files);
    return r;
}

static void stamp_add(struct source_stamp *stamp, const struct stat *st)
{
    int64_t of_file[5];

    of_file[0] = (int64_t)st->st_dev;
    of_file[1] = (int64_t)st->st_ino;
    of_file[2] = st->st_size;
    of_file[3] = st->st_mtim.tv_sec;
    of_file[4] = st->st_mtim.tv_nsec;
    stamp->number = hash_bytes(stamp->number, of_file, sizeof(of_file));
}

int info_stamp(const char *path, struct source_stamp *ret_stamp, struct err *err)
{
    struct source_stamp stamp = {.number = HASH_START};
    struct files files;
    int r = stat_files(path, &files, err);

    if (r < 0)
        return r;
    stamp_add(&stamp, &files.database);
    stamp_add(&stamp, &files.wal);
    stamp.changed_ns = files_changed_ns(&files);
    stamp.has_wal = files.wal.st_size > 0;
    *ret_stamp = stamp;
    return 0;
}

int info_read(struct connection *connection, struct source_info *ret_info, struct err *err)
{
    struct source_info info = {0};
    int64_t page_size, pages;
    char journal_mode[16];
    int r = connection_int(connection, "PRAGMA page_size", &page_size, err);

    if (r < 0)
        return r;
    r = connection_int(connection, "PRAGMA page_count", &pages, err);
    if (r < 0)
        return r;
    r = connection_text(connection, "PRAGMA journal_mode", journal_mode, sizeof(journal_mode), err);
    if (r < 0)
        return r;
    if (pages == 0)
        pages = 1;
    else if (pages == LOCK_BYTE / page_size + 1)
        pages--;
    info.page_size = (uint32_t)page_size;
    info.image_bytes = (uint64_t)pages * (uint64_t)page_size;
    info.wal = strcmp(journal_mode, "wal") == 0;
    info.changed_ns = changed_ns(connection);
    *ret_info = info;
    return 0;
}

int info_settings(struct connection *connection, const struct source_info *info, struct buf *out,
                  struct err *err)
{
    static const char *const numbers[] = {"page_size",      "auto_vacuum",    "user_version",
                                          "application_id", "schema_version", "freelist_count"};
    static const char *const words[] = {"encoding", "journal_mode"};
    char sql[64], text[16];
    int64_t value;
    int r;

    buf_addf(out, "{\"page_count\":%llu",
             (unsigned long long)(info->image_bytes / info->page_size));
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        snprintf(sql, sizeof(sql), "PRAGMA %s", numbers[i]);
        r = connection_int(connection, sql, &value, err);
        if (r < 0)
            return r;
        buf_addf(out, ",\"%s\":%lld", numbers[i], (long long)value);
    }
    /* Words of SQLite's own, without anything that JSON would escape. */
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        snprintf(sql, sizeof(sql), "PRAGMA %s", words[i]);
        r = connection_text(connection, sql, text, sizeof(text), err);
        if (r < 0)
            return r;
        buf_addf(out, ",\"%s\":\"%s\"", words[i], text);
    }
    buf_addf(out, ",\"sqlite_version\":\"%s\"}", sqlite3_libversion());
    return buf_error(out) < 0 ? err_set(err, ENOMEM, "out of memory") : 0;
}
