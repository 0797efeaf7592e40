/*
 * Helpers for the tests of the source room.
 */
#include "source/sqlite/support.h"

#include <check.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY 65534

static char folder[64];

void folder_set_up(void)
{
    snprintf(folder, sizeof(folder), "/tmp/dbsnapfs-unit-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(chmod(folder, 0777), 0);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

void folder_tear_down(void)
{
    privileges_restore();
    (void)chmod(folder, 0777);
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *folder_path(const char *name)
{
    static _Thread_local char paths[8][256];
    static _Thread_local unsigned next;
    char *path = paths[next++ % 8];

    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

sqlite3 *shell_open(const char *name)
{
    sqlite3 *db = NULL;

    ck_assert_int_eq(sqlite3_open(folder_path(name), &db), SQLITE_OK);
    database_exec(db, "PRAGMA synchronous=OFF");
    return db;
}

void database_exec(sqlite3 *db, const char *sql)
{
    char *message = NULL;

    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        ck_abort_msg("%s: %s", sql, message);
}

void database_make(const char *name, const char *sql)
{
    sqlite3 *db = shell_open(name);

    database_exec(db, sql);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}

void database_make_by_killed_process(const char *name, const char *sql)
{
    pid_t child = fork();
    int status;

    ck_assert_int_ge(child, 0);
    if (child == 0) {
        sqlite3 *db = NULL;
        int rc = sqlite3_open(folder_path(name), &db);

        if (rc == SQLITE_OK)
            rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
        _exit(rc == SQLITE_OK ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}

int64_t database_int(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    int64_t value;

    ck_assert_int_eq(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(stmt), SQLITE_ROW);
    value = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return value;
}

static void write_at(const char *name, const char *mode, long offset, const void *bytes, size_t len)
{
    FILE *file = fopen(folder_path(name), mode);

    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fseek(file, offset, SEEK_SET), 0);
    ck_assert_uint_eq(fwrite(bytes, 1, len, file), len);
    ck_assert_int_eq(fclose(file), 0);
}

void file_write(const char *name, const void *bytes, size_t len)
{
    write_at(name, "wb", 0, bytes, len);
}

void file_patch(const char *name, long offset, const void *bytes, size_t len)
{
    write_at(name, "r+b", offset, bytes, len);
}

void file_load(const char *name, struct buf *out)
{
    FILE *file = fopen(folder_path(name), "rb");
    char bytes[65536];
    size_t len;

    ck_assert_ptr_nonnull(file);
    buf_clear(out);
    while ((len = fread(bytes, 1, sizeof(bytes), file)) > 0)
        buf_add(out, bytes, len);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(buf_error(out), 0);
}

void file_backup(const char *name, struct buf *out)
{
    sqlite3 *source = NULL;
    sqlite3 *target = shell_open("backup-of-shell.db");
    sqlite3_backup *backup;
    int rc;

    ck_assert_int_eq(sqlite3_open_v2(folder_path(name), &source, SQLITE_OPEN_READWRITE, NULL),
                     SQLITE_OK);
    backup = sqlite3_backup_init(target, "main", source, "main");
    ck_assert_ptr_nonnull(backup);
    while ((rc = sqlite3_backup_step(backup, 100)) == SQLITE_OK)
        ;
    ck_assert_int_eq(rc, SQLITE_DONE);
    ck_assert_int_eq(sqlite3_backup_finish(backup), SQLITE_OK);
    /* Leaves the source's -wal where it is. */
    sqlite3_db_config(source, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    ck_assert_int_eq(sqlite3_close(source), SQLITE_OK);
    ck_assert_int_eq(sqlite3_close(target), SQLITE_OK);
    file_load("backup-of-shell.db", out);
    ck_assert_int_eq(remove(folder_path("backup-of-shell.db")), 0);
}

static int memory_begin(void *arg, const struct source_info *info, const char *settings,
                        struct err *err)
{
    struct memory_sink *sink = arg;

    (void)err;
    sink->info = *info;
    buf_add_text(&sink->settings, settings);
    return 0;
}

static int memory_put(void *arg, uint64_t offset, const void *bytes, size_t len, struct err *err)
{
    struct memory_sink *sink = arg;
    size_t block = sink->info.page_size > 4096 ? sink->info.page_size : 4096;

    sink->puts++;
    if (sink->fail_at != 0 && sink->puts == sink->fail_at) {
        if (sink->cancel)
            atomic_store(sink->cancel, true);
        else if (sink->fail_text)
            return err_set(err, sink->fail_code, "%s", sink->fail_text);
        else
            return -sink->fail_code;
    }
    ck_assert_msg(!sink->first_put, "a put after block 0");
    ck_assert_uint_eq(offset % block, 0);
    ck_assert_uint_gt(len, 0);
    if (offset == 0)
        sink->first_put = true;
    else
        ck_assert_uint_ge(offset, sink->next);
    if (len % block != 0)
        ck_assert_uint_eq(offset + len, sink->info.image_bytes);
    if (offset + len > sink->image.len) {
        size_t more = (size_t)(offset + len) - sink->image.len;
        void *room = buf_reserve(&sink->image, more);

        ck_assert_ptr_nonnull(room);
        memset(room, 0, more);
        sink->image.len += more;
    }
    memcpy(sink->image.data + offset, bytes, len);
    sink->next = offset + len;
    return 0;
}

void memory_sink_init(struct memory_sink *sink)
{
    *sink = (struct memory_sink){.sink = {sink, memory_begin, memory_put}};
}

void memory_sink_free(struct memory_sink *sink)
{
    buf_free(&sink->image);
    buf_free(&sink->settings);
}

int capture_database(const char *name, struct memory_sink *sink, struct err *err)
{
    struct source *source = NULL;
    uint64_t image_bytes = 0;
    int r;

    ck_assert_int_eq(source_new(folder_path(name), &source, err), 0);
    r = source_capture(source, &sink->sink, sink->cancel, &image_bytes, err);
    if (r == 0)
        ck_assert_uint_eq(image_bytes, sink->image.len);
    source_free(source);
    return r;
}

static int memory_image_read(void *arg, uint64_t offset, void *bytes, size_t len, size_t *ret_len,
                             struct err *err)
{
    struct memory_image *image = arg;
    size_t rest = offset < image->bytes.len ? image->bytes.len - (size_t)offset : 0;

    if (image->damaged_at != 0 && offset <= image->damaged_at && image->damaged_at < offset + len)
        return err_set(err, EBADMSG, "segments/7.seg: frame 3: checksum does not match");
    *ret_len = len < rest ? len : rest;
    if (*ret_len > 0)
        memcpy(bytes, image->bytes.data + offset, *ret_len);
    return 0;
}

struct snapshot_image memory_image_reader(struct memory_image *image)
{
    return (struct snapshot_image){image, image->bytes.len, memory_image_read};
}

void privileges_drop(void)
{
    if (geteuid() != 0)
        return;
    ck_assert_int_eq(setegid(NOBODY), 0);
    ck_assert_int_eq(seteuid(NOBODY), 0);
}

void privileges_restore(void)
{
    if (getuid() != 0)
        return;
    if (seteuid(0) != 0 || setegid(0) != 0)
        abort();
}

void interleaved_make(void)
{
    database_make("a.db",
                  "PRAGMA journal_mode = WAL; CREATE TABLE t(id INTEGER PRIMARY KEY, v, b);"
                  "CREATE TABLE u(b); CREATE TRIGGER i AFTER INSERT ON t BEGIN"
                  " INSERT INTO u VALUES (randomblob(900)); END;"
                  "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c LIMIT 4000)"
                  " INSERT INTO t SELECT i, 1, randomblob(900) FROM c;");
}

static uint64_t io_so_far(const char *field)
{
    FILE *io = fopen("/proc/self/io", "r");
    size_t len = strlen(field);
    char line[100];
    uint64_t count = 0;

    ck_assert_ptr_nonnull(io);
    while (fgets(line, sizeof(line), io)) {
        if (strncmp(line, field, len) == 0)
            count = strtoull(line + len, NULL, 10);
    }
    fclose(io);
    ck_assert_uint_gt(count, 0);
    return count;
}

uint64_t reads_so_far(void)
{
    return io_so_far("syscr: ");
}

uint64_t bytes_read_so_far(void)
{
    return io_so_far("rchar: ");
}

void schema_make_newer(const char *what)
{
    char sql[300];

    (void)snprintf(sql, sizeof(sql),
                   "PRAGMA writable_schema = ON; UPDATE sqlite_schema"
                   " SET sql = 'CREATE ' || type || ' ' || name || ' OF A TIME TO COME'"
                   " WHERE name = '%s'",
                   what);
    database_make("a.db", sql);
}
