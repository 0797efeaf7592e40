/*
 * What tests of the source room share: a folder, databases in it, captures into memory.
 *
 * Functions here assert that they succeed, unless they return a code.
 */
#ifndef TESTS_UNIT_SOURCE_SQLITE_SUPPORT_H
#define TESTS_UNIT_SOURCE_SQLITE_SUPPORT_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dbsnapfs/source/source.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"
#include "source/sqlite/snapshot_vfs.h"

/* A fresh folder for each test, and a path in it (static storage, valid to the next 8 calls). */
void folder_set_up(void);
void folder_tear_down(void);
const char *folder_path(const char *name);

/* Runs `sql` on the database `name` of the folder, closing it (with a checkpoint) after. */
void database_make(const char *name, const char *sql);
/* Makes SQL of what is called `what` in a.db of which SQLite understands nothing. */
void schema_make_newer(const char *what);
sqlite3 *shell_open(const char *name);
void database_exec(sqlite3 *db, const char *sql);
/* Runs `sql` in a process that ends without closing, as if it was killed. */
void database_make_by_killed_process(const char *name, const char *sql);
int64_t database_int(sqlite3 *db, const char *sql);

/* "a.db" in WAL mode: t(id, v, b) of 4000 rows with v = 1, and u(b), whose pages lie between those of
 * t; of 4096 bytes each, a thousand of either. */
void interleaved_make(void);

/* Read system calls of this process so far, and the bytes that they gave (proc(5)). */
uint64_t reads_so_far(void);
uint64_t bytes_read_so_far(void);

/* Files, whole. */
void file_write(const char *name, const void *bytes, size_t len);
void file_patch(const char *name, long offset, const void *bytes, size_t len);
void file_load(const char *name, struct buf *out);
/* What the shell's `.backup` writes, by the same API. */
void file_backup(const char *name, struct buf *out);

/* A sink into memory. It asserts that puts come as source.h promises. */
struct memory_sink {
    struct source_sink sink;
    struct buf image;
    struct buf settings;
    struct source_info info;
    uint64_t next;  /* offsets below are over */
    bool first_put; /* block 0 came: nothing may follow */
    uint64_t puts;
    int fail_code; /* what put returns ... */
    const char *fail_text;
    uint64_t fail_at;    /* ... when so many puts were made; 0: never */
    atomic_bool *cancel; /* set at `fail_at`, instead of failing */
};
void memory_sink_init(struct memory_sink *sink);
void memory_sink_free(struct memory_sink *sink);

int capture_database(const char *name, struct memory_sink *sink, struct err *err);

/* An image in memory for the snapshot VFS; reads at `damaged_at` fail with EBADMSG. */
struct memory_image {
    struct buf bytes;
    uint64_t damaged_at; /* 0: nothing is damaged */
};
struct snapshot_image memory_image_reader(struct memory_image *image);

/* Until the second one, root is an ordinary user. */
void privileges_drop(void);
void privileges_restore(void);

#endif
