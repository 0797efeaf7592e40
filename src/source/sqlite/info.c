/*
 * Sizes and settings, read within the transaction that a capture uses.
 *
 * The size of an image is that of what the online backup writes, which differs from the
 * file's: it has what is still in the -wal file, not what lies behind the last page, and an
 * empty database becomes one page.
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

static int64_t mtime_ns(const char *path)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return 0;
    return (int64_t)st.st_mtim.tv_sec * NS_PER_S + st.st_mtim.tv_nsec;
}

static int64_t changed_ns(const struct connection *connection)
{
    /* Symbolic links resolved: the -wal file is where the database is. */
    const char *path = sqlite3_db_filename(connection->db, "main");
    int64_t database_ns = mtime_ns(path);
    int64_t wal_ns = mtime_ns(sqlite3_filename_wal(path));

    return wal_ns > database_ns ? wal_ns : database_ns;
}

static int with_files(const char *path, void (*look)(void *arg, const char *file), void *arg,
                      struct err *err)
{
    struct buf wal = BUF_INIT;
    char *real = realpath(path, NULL); /* as SQLite does: the -wal file is where the database is */
    int r = 0;

    if (!real)
        return err_sys(err, errno, "%s", path);
    buf_addf(&wal, "%s-wal", real);
    if (buf_error(&wal) < 0) {
        r = err_set(err, ENOMEM, "%s: out of memory", path);
        goto out;
    }
    look(arg, real);
    look(arg, buf_text(&wal));
out:
    buf_free(&wal);
    free(real);
    return r;
}

static void look_at_mtime(void *arg, const char *file)
{
    int64_t *newest_ns = arg, file_ns = mtime_ns(file);

    if (file_ns > *newest_ns)
        *newest_ns = file_ns;
}

int info_changed(const char *path, int64_t *ret_changed_ns, struct err *err)
{
    int64_t newest_ns = 0;
    int r = with_files(path, look_at_mtime, &newest_ns, err);

    if (r == 0)
        *ret_changed_ns = newest_ns;
    return r;
}

/* An empty -wal file comes and goes with readers. */
static void look_at_stamp(void *arg, const char *file)
{
    struct source_stamp *stamp = arg;
    struct stat st;
    int64_t of_file[5];

    if (stat(file, &st) < 0 || st.st_size == 0)
        return;
    of_file[0] = (int64_t)st.st_dev;
    of_file[1] = (int64_t)st.st_ino;
    of_file[2] = st.st_size;
    of_file[3] = st.st_mtim.tv_sec;
    of_file[4] = st.st_mtim.tv_nsec;
    stamp->number = hash_bytes(stamp->number, of_file, sizeof(of_file));
    look_at_mtime(&stamp->changed_ns, file);
}

int info_stamp(const char *path, struct source_stamp *ret_stamp, struct err *err)
{
    struct source_stamp stamp = {.number = HASH_START};
    int r = with_files(path, look_at_stamp, &stamp, err);

    if (r == 0)
        *ret_stamp = stamp;
    return r;
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
