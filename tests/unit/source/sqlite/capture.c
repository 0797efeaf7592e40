/*
 * A capture is what SQLite's online backup writes, whatever the database is like and whoever
 * writes to it meanwhile.
 */
#include "source/sqlite/capture.h"

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "source/sqlite/support.h"

Suite *suite_source_sqlite_capture(void);

#define LOCK_BYTE 0x40000000L

static void assert_same_as_backup(const char *name)
{
    struct memory_sink sink;
    struct buf expected = BUF_INIT;
    struct err err = ERR_INIT;

    memory_sink_init(&sink);
    ck_assert_msg(capture_database(name, &sink, &err) == 0, "%s", err.text);
    file_backup(name, &expected);
    ck_assert_uint_eq(sink.image.len, expected.len);
    ck_assert_mem_eq(sink.image.data, expected.data, expected.len);
    ck_assert_uint_eq(sink.info.image_bytes, sink.image.len);
    memory_sink_free(&sink);
    buf_free(&expected);
}

/* Some megabytes, with free pages among them. */
#define FILL                                                                         \
    "CREATE TABLE t(a INTEGER PRIMARY KEY, b); CREATE INDEX i ON t(b);"              \
    "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 8000)" \
    " INSERT INTO t SELECT i, hex(randomblob(i % 200)) FROM c;"                      \
    "CREATE TABLE big(b); INSERT INTO big VALUES(randomblob(700000));"               \
    "DELETE FROM t WHERE a % 7 = 0 OR a BETWEEN 3000 AND 4000;"

static const char *const databases[] = {
    "PRAGMA page_size=512;" FILL,
    "PRAGMA page_size=1024;" FILL,
    "PRAGMA page_size=2048;" FILL,
    "PRAGMA page_size=4096;" FILL,
    "PRAGMA page_size=8192;" FILL,
    "PRAGMA page_size=16384;" FILL,
    "PRAGMA page_size=32768;" FILL,
    "PRAGMA page_size=65536;" FILL,
    "PRAGMA auto_vacuum=FULL;" FILL,
    "PRAGMA auto_vacuum=INCREMENTAL; PRAGMA page_size=1024;" FILL "PRAGMA incremental_vacuum(5)",
    "PRAGMA encoding='UTF-16le';" FILL,
    "PRAGMA encoding='UTF-16be';" FILL,
    "PRAGMA journal_mode=WAL;" FILL,
    "PRAGMA user_version=1", /* one page */
    "PRAGMA page_size=512; PRAGMA user_version=1",
    "PRAGMA page_size=512; CREATE TABLE a(x); CREATE TABLE b(x)",
    "CREATE TABLE w(a TEXT, b INT, PRIMARY KEY(a, b)) WITHOUT ROWID;"
    "INSERT INTO w VALUES('x', 1), ('y', 2)",
    "CREATE VIRTUAL TABLE f USING fts5(a, b); INSERT INTO f VALUES('one two', 'three');"
    "CREATE VIRTUAL TABLE r USING rtree(id, x0, x1); INSERT INTO r VALUES(1, 2, 3)",
    "CREATE TABLE g(a, b AS (a * 2) STORED, c AS (a + 1)); INSERT INTO g VALUES(1), (2);"
    "CREATE VIEW v AS SELECT no_such_column FROM g",
};

START_TEST(an_image_is_byte_for_byte_what_the_backup_api_writes)
{
    database_make("a.db", databases[_i]);
    assert_same_as_backup("a.db");
}
END_TEST

START_TEST(an_empty_file_becomes_one_page_as_in_the_backup_api)
{
    file_write("a.db", "", 0);
    assert_same_as_backup("a.db");
}
END_TEST

START_TEST(what_a_killed_writer_left_in_the_wal_is_captured)
{
    struct memory_sink sink;
    struct err err = ERR_INIT;
    sqlite3 *db;

    database_make("a.db", "PRAGMA journal_mode=WAL;" FILL);
    database_make_by_killed_process("a.db", "PRAGMA wal_autocheckpoint=0;"
                                            "INSERT INTO big VALUES(randomblob(3000000));"
                                            "CREATE TABLE late(a); INSERT INTO late VALUES(42)");
    assert_same_as_backup("a.db");
    memory_sink_init(&sink);
    ck_assert_int_eq(capture_database("a.db", &sink, &err), 0);
    sink.image.data[18] = sink.image.data[19] = 1; /* not WAL, so that it opens alone */
    file_write("copy.db", sink.image.data, sink.image.len);
    db = shell_open("copy.db");
    ck_assert_int_eq(database_int(db, "SELECT a FROM late"), 42);
    sqlite3_close(db);
    memory_sink_free(&sink);
}
END_TEST

static int unlink_begin(void *arg, const struct source_info *info, const char *settings,
                        struct err *err)
{
    struct memory_sink *sink = arg;

    (void)settings, (void)err;
    sink->info = *info;
    return unlink(folder_path("a.db"));
}

START_TEST(a_schema_that_sqlite_does_not_understand_is_captured)
{
    static const char *const what[] = {"v", "t"};

    database_make("a.db", "CREATE TABLE t(a); CREATE VIEW v AS SELECT 1; INSERT INTO t VALUES (1)");
    schema_make_newer(what[_i]);
    assert_same_as_backup("a.db");
}
END_TEST

START_TEST(a_database_that_vanishes_meanwhile_is_captured_as_it_was)
{
    struct memory_sink sink;
    struct buf expected = BUF_INIT;
    struct err err = ERR_INIT;

    database_make("a.db", FILL);
    file_backup("a.db", &expected);
    memory_sink_init(&sink);
    sink.sink.begin = unlink_begin;
    ck_assert_int_eq(capture_database("a.db", &sink, &err), 0);
    ck_assert_uint_eq(sink.image.len, expected.len);
    ck_assert_mem_eq(sink.image.data, expected.data, expected.len);
    ck_assert_int_eq(capture_database("a.db", &sink, &err), -ENOENT);
    ck_assert_ptr_nonnull(strstr(err.text, "a.db: no such file"));
    buf_free(&expected);
    memory_sink_free(&sink);
}
END_TEST

START_TEST(a_database_replaced_by_rename_is_followed)
{
    struct memory_sink sink;
    struct source *source = NULL;
    struct err err = ERR_INIT;
    uint64_t bytes;

    database_make("a.db", "PRAGMA page_size=512; PRAGMA user_version=1");
    database_make("b.db", "PRAGMA page_size=8192; PRAGMA user_version=2");
    ck_assert_int_eq(source_new(folder_path("a.db"), &source, &err), 0);
    memory_sink_init(&sink);
    ck_assert_int_eq(source_capture(source, &sink.sink, NULL, &bytes, &err), 0);
    ck_assert_uint_eq(bytes, 512);
    memory_sink_free(&sink);
    ck_assert_int_eq(rename(folder_path("b.db"), folder_path("a.db")), 0);
    memory_sink_init(&sink);
    ck_assert_int_eq(source_capture(source, &sink.sink, NULL, &bytes, &err), 0);
    ck_assert_uint_eq(bytes, 8192);
    memory_sink_free(&sink);
    source_free(source);
}
END_TEST

/* A sink for an image that is too large for memory_sink, nearly all of zeros. */
struct sparse_sink {
    uint64_t next, bytes;
    unsigned marks; /* that were where they belong */
};

#define SPARSE_PAGE 65536L
#define SPARSE_SIZE (16400L * SPARSE_PAGE)

static const struct mark {
    long offset; /* the last page has its mark at its end, so that the file has that size */
    const char *text;
} marks[] = {
    {LOCK_BYTE - SPARSE_PAGE, "before"},
    {LOCK_BYTE + SPARSE_PAGE, "behind"},
    {SPARSE_SIZE - 6, "ending"},
};

static int sparse_begin(void *arg, const struct source_info *info, const char *settings,
                        struct err *err)
{
    (void)arg, (void)settings, (void)err;
    ck_assert_uint_eq(info->image_bytes, SPARSE_SIZE);
    return 0;
}

static int sparse_put(void *arg, uint64_t offset, const void *bytes, size_t len, struct err *err)
{
    static const char zeros[SPARSE_PAGE];
    struct sparse_sink *sink = arg;

    (void)err;
    sink->bytes += len;
    ck_assert_uint_ne(offset, LOCK_BYTE);
    if (offset < 2 * SPARSE_PAGE)
        return 0;
    ck_assert_uint_ge(offset, sink->next);
    sink->next = offset + len;
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        uint64_t at = (uint64_t)marks[i].offset;

        if (at >= offset && at < offset + len) {
            ck_assert_mem_eq((const char *)bytes + (at - offset), marks[i].text, 6);
            sink->marks++;
            return 0;
        }
    }
    ck_assert(len == SPARSE_PAGE && memcmp(bytes, zeros, len) == 0);
    return 0;
}

/* A hole of 1 GiB with a few pages behind it: a database of which SQLite knows nothing but
 * that it has so many pages. */
START_TEST(the_page_with_the_lock_byte_is_a_gap)
{
    unsigned char pages[4] = {0, 0, 0x40, 0x10}; /* 16400 */
    struct sparse_sink sparse = {0, 0, 0};
    struct source_sink sink = {&sparse, sparse_begin, sparse_put};
    struct err err = ERR_INIT;
    uint64_t bytes = 0;

    database_make("a.db", "PRAGMA page_size=65536; CREATE TABLE t(a)");
    file_patch("a.db", 28, pages, sizeof(pages));
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
        file_patch("a.db", marks[i].offset, marks[i].text, 6);
    ck_assert_msg(capture_run(folder_path("a.db"), &sink, NULL, &bytes, &err) == 0, "%s", err.text);
    ck_assert_uint_eq(bytes, SPARSE_SIZE);
    ck_assert_uint_eq(sparse.bytes, SPARSE_SIZE - SPARSE_PAGE);
    ck_assert_uint_eq(sparse.next, SPARSE_SIZE);
    ck_assert_uint_eq(sparse.marks, 3);
}
END_TEST

START_TEST(cancelling_ends_a_capture)
{
    struct memory_sink sink;
    struct err err = ERR_INIT;
    atomic_bool cancel = false;

    database_make("a.db", FILL);
    memory_sink_init(&sink);
    sink.cancel = &cancel;
    sink.fail_at = 3;
    ck_assert_int_eq(capture_database("a.db", &sink, &err), -ECANCELED);
    ck_assert_int_eq(err.code, -ECANCELED);
    ck_assert_ptr_nonnull(strstr(err.text, "a.db: cancelled"));
    ck_assert_uint_eq(sink.puts, 3);
    memory_sink_free(&sink);
}
END_TEST

START_TEST(an_error_of_the_sink_comes_through_as_it_is)
{
    /* in the middle, and in the last put, which is block 0 */
    uint64_t places[] = {3, 0};
    struct memory_sink sink;

    database_make("a.db", FILL);
    memory_sink_init(&sink);
    ck_assert_int_eq(capture_database("a.db", &sink, NULL), 0);
    places[1] = sink.puts;
    memory_sink_free(&sink);
    for (size_t i = 0; i < 2; i++) {
        struct err err = ERR_INIT;

        memory_sink_init(&sink);
        sink.fail_code = ENOSPC;
        sink.fail_text = "/srv/repo: no space left, 3 bytes are free";
        sink.fail_at = places[i];
        ck_assert_int_eq(capture_database("a.db", &sink, &err), -ENOSPC);
        ck_assert_int_eq(err.code, -ENOSPC);
        ck_assert_str_eq(err.text, "/srv/repo: no space left, 3 bytes are free");
        ck_assert_uint_eq(sink.puts, places[i]);
        memory_sink_free(&sink);
    }
}
END_TEST

START_TEST(an_error_of_the_sink_without_words_gets_some)
{
    struct memory_sink sink;
    struct err err = ERR_INIT;

    database_make("a.db", FILL);
    memory_sink_init(&sink);
    sink.fail_code = EDQUOT;
    sink.fail_at = 3;
    ck_assert_int_eq(capture_database("a.db", &sink, &err), -EDQUOT);
    ck_assert_ptr_nonnull(strstr(err.text, "a.db: the backup could not be written: Disk quota"));
    memory_sink_free(&sink);
}
END_TEST

START_TEST(a_capture_that_failed_leaves_no_lock_behind)
{
    struct memory_sink sink;
    struct err err = ERR_INIT;

    database_make("a.db", FILL);
    memory_sink_init(&sink);
    sink.fail_code = EIO;
    sink.fail_at = 5;
    ck_assert_int_eq(capture_database("a.db", &sink, &err), -EIO);
    memory_sink_free(&sink);
    database_make("a.db", "INSERT INTO big VALUES(1)");
    assert_same_as_backup("a.db");
}
END_TEST

/* Commits without pause; the two counters always agree. */
struct writer {
    atomic_bool stop;
    atomic_ulong commits, busy;
};

static void *write_without_pause(void *arg)
{
    struct writer *writer = arg;
    sqlite3 *db = shell_open("a.db");

    while (!atomic_load(&writer->stop)) {
        int rc = sqlite3_exec(db,
                              "BEGIN IMMEDIATE; UPDATE a SET n = n + 1;"
                              "INSERT INTO big VALUES(randomblob(3000));"
                              "DELETE FROM big WHERE rowid < (SELECT max(rowid) FROM big) - 300;"
                              "UPDATE b SET n = n + 1; COMMIT",
                              NULL, NULL, NULL);

        if (rc == SQLITE_BUSY) {
            atomic_fetch_add(&writer->busy, 1);
            sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
        } else if (rc == SQLITE_OK) {
            atomic_fetch_add(&writer->commits, 1);
        } else {
            ck_abort_msg("%s", sqlite3_errmsg(db));
        }
    }
    sqlite3_close(db);
    return NULL;
}

static void check_image_of_counters(struct memory_sink *sink)
{
    sqlite3 *db;

    sink->image.data[18] = sink->image.data[19] = 1;
    file_write("copy.db", sink->image.data, sink->image.len);
    db = shell_open("copy.db");
    ck_assert_int_eq(database_int(db, "SELECT a.n - b.n FROM a, b"), 0);
    ck_assert_int_eq(database_int(db, "SELECT integrity_check = 'ok' FROM pragma_integrity_check"),
                     1);
    sqlite3_close(db);
}

static void capture_beside_a_writer(const char *mode, struct writer *writer)
{
    pthread_t thread;
    char *sql = sqlite3_mprintf("PRAGMA journal_mode=%s; PRAGMA synchronous=OFF;"
                                "CREATE TABLE a(n); INSERT INTO a VALUES(0);"
                                "CREATE TABLE b(n); INSERT INTO b VALUES(0);%s",
                                mode, FILL);

    database_make("a.db", sql);
    sqlite3_free(sql);
    ck_assert_int_eq(pthread_create(&thread, NULL, write_without_pause, writer), 0);
    while (atomic_load(&writer->commits) == 0)
        usleep(1000);
    for (int i = 0; i < 20; i++) {
        struct memory_sink sink;
        struct err err = ERR_INIT;

        memory_sink_init(&sink);
        ck_assert_msg(capture_database("a.db", &sink, &err) == 0, "%s", err.text);
        check_image_of_counters(&sink);
        memory_sink_free(&sink);
    }
    atomic_store(&writer->stop, true);
    pthread_join(thread, NULL);
}

START_TEST(captures_beside_a_wal_writer_are_consistent_and_never_block_it)
{
    struct writer writer = {false, 0, 0};

    capture_beside_a_writer("WAL", &writer);
    ck_assert_uint_eq(atomic_load(&writer.busy), 0);
    ck_assert_uint_gt(atomic_load(&writer.commits), 20);
}
END_TEST

START_TEST(captures_beside_a_rollback_writer_are_consistent)
{
    struct writer writer = {false, 0, 0};

    capture_beside_a_writer("DELETE", &writer);
}
END_TEST

static void *capture_some(void *arg)
{
    (void)arg;
    for (int i = 0; i < 5; i++) {
        struct memory_sink sink;
        struct err err = ERR_INIT;

        memory_sink_init(&sink);
        ck_assert_msg(capture_database("a.db", &sink, &err) == 0, "%s", err.text);
        memory_sink_free(&sink);
    }
    return NULL;
}

START_TEST(captures_may_run_in_several_threads)
{
    pthread_t threads[4];

    database_make("a.db", "PRAGMA journal_mode=WAL;" FILL);
    for (size_t i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, capture_some, NULL), 0);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
}
END_TEST

Suite *suite_source_sqlite_capture(void)
{
    Suite *suite = suite_create("source/sqlite/capture");
    TCase *images = tcase_create("images");
    TCase *failures = tcase_create("failures");
    TCase *company = tcase_create("company");

    tcase_add_checked_fixture(images, folder_set_up, folder_tear_down);
    tcase_set_timeout(images, 60);
    tcase_add_loop_test(images, an_image_is_byte_for_byte_what_the_backup_api_writes, 0,
                        sizeof(databases) / sizeof(databases[0]));
    tcase_add_test(images, an_empty_file_becomes_one_page_as_in_the_backup_api);
    tcase_add_test(images, what_a_killed_writer_left_in_the_wal_is_captured);
    tcase_add_test(images, a_database_that_vanishes_meanwhile_is_captured_as_it_was);
    tcase_add_loop_test(images, a_schema_that_sqlite_does_not_understand_is_captured, 0, 2);
    tcase_add_test(images, a_database_replaced_by_rename_is_followed);
    tcase_add_test(images, the_page_with_the_lock_byte_is_a_gap);
    suite_add_tcase(suite, images);
    tcase_add_checked_fixture(failures, folder_set_up, folder_tear_down);
    tcase_add_test(failures, cancelling_ends_a_capture);
    tcase_add_test(failures, an_error_of_the_sink_comes_through_as_it_is);
    tcase_add_test(failures, an_error_of_the_sink_without_words_gets_some);
    tcase_add_test(failures, a_capture_that_failed_leaves_no_lock_behind);
    suite_add_tcase(suite, failures);
    tcase_add_checked_fixture(company, folder_set_up, folder_tear_down);
    tcase_set_timeout(company, 120);
    tcase_add_test(company, captures_beside_a_wal_writer_are_consistent_and_never_block_it);
    tcase_add_test(company, captures_beside_a_rollback_writer_are_consistent);
    tcase_add_test(company, captures_may_run_in_several_threads);
    suite_add_tcase(suite, company);
    return suite;
}
