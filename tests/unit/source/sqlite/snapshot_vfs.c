/*
 * SQLite reads an image that is no file.
 */
#include "source/sqlite/snapshot_vfs.h"

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "source/sqlite/image.h"
#include "source/sqlite/support.h"

Suite *suite_source_sqlite_snapshot_vfs(void);

static void image_make(struct memory_image *image, const char *sql)
{
    database_make("a.db", sql);
    *image = (struct memory_image){BUF_INIT, 0};
    file_load("a.db", &image->bytes);
}

START_TEST(an_image_in_wal_mode_is_read_as_it_stands)
{
    struct memory_image memory;
    struct image image = IMAGE_INIT;
    struct snapshot_image reader;
    struct err err = ERR_INIT;
    int64_t sum = 0;

    image_make(&memory, "PRAGMA journal_mode=WAL; CREATE TABLE t(a); INSERT INTO t VALUES(4), (5)");
    ck_assert_int_eq(memory.bytes.data[18], 2);
    reader = memory_image_reader(&memory);
    ck_assert_msg(image_open(&reader, NULL, &image, &err) == 0, "%s", err.text);
    ck_assert_msg(connection_int(&image.connection, "SELECT sum(a) FROM t", &sum, &err) == 0, "%s",
                  err.text);
    ck_assert_int_eq(sum, 9);
    image_close(&image);
    buf_free(&memory.bytes);
}
END_TEST

START_TEST(nothing_can_be_written)
{
    struct memory_image memory;
    struct image image = IMAGE_INIT;
    struct snapshot_image reader;
    struct err err = ERR_INIT;

    image_make(&memory, "CREATE TABLE t(a)");
    reader = memory_image_reader(&memory);
    ck_assert_int_eq(image_open(&reader, NULL, &image, &err), 0);
    ck_assert_int_lt(connection_exec(&image.connection, "INSERT INTO t VALUES(1)", &err), 0);
    ck_assert_int_eq(sqlite3_errcode(image.connection.db), SQLITE_READONLY);
    image_close(&image);
    buf_free(&memory.bytes);
}
END_TEST

START_TEST(a_large_sort_needs_no_temporary_file)
{
    struct memory_image memory;
    struct image image = IMAGE_INIT;
    struct snapshot_image reader;
    struct err err = ERR_INIT;
    int64_t first = 0;

    image_make(&memory,
               "CREATE TABLE t(a); WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1"
               " FROM c WHERE i < 5000) INSERT INTO t SELECT hex(zeroblob(1000)) || i FROM c");
    reader = memory_image_reader(&memory);
    ck_assert_int_eq(image_open(&reader, NULL, &image, &err), 0);
    ck_assert_msg(connection_int(&image.connection,
                                 "SELECT count(*) FROM (SELECT DISTINCT a FROM t ORDER BY a DESC)",
                                 &first, &err) == 0,
                  "%s", err.text);
    ck_assert_int_eq(first, 5000);
    image_close(&image);
    buf_free(&memory.bytes);
}
END_TEST

START_TEST(damage_in_the_store_is_told_in_the_words_of_the_store)
{
    struct memory_image memory;
    struct image image = IMAGE_INIT;
    struct snapshot_image reader;
    struct err err = ERR_INIT;
    int64_t sum;

    image_make(&memory, "CREATE TABLE t(a); INSERT INTO t VALUES(randomblob(100000))");
    memory.damaged_at = 8192;
    reader = memory_image_reader(&memory);
    ck_assert_int_eq(image_open(&reader, NULL, &image, &err), 0);
    ck_assert_int_eq(connection_int(&image.connection, "SELECT max(hex(a)) FROM t", &sum, &err),
                     -EBADMSG);
    ck_assert_int_eq(err.code, -EBADMSG);
    ck_assert_str_eq(err.text, "segments/7.seg: frame 3: checksum does not match");
    image_close(&image);
    buf_free(&memory.bytes);
}
END_TEST

START_TEST(a_cancelled_reader_reads_no_more)
{
    struct memory_image memory;
    struct image image = IMAGE_INIT;
    struct snapshot_image reader;
    struct err err = ERR_INIT;
    atomic_bool cancel = false;
    int64_t count;

    image_make(&memory, "CREATE TABLE t(a)");
    reader = memory_image_reader(&memory);
    ck_assert_int_eq(image_open(&reader, &cancel, &image, &err), 0);
    atomic_store(&cancel, true);
    ck_assert_int_eq(connection_int(&image.connection, "SELECT count(*) FROM t", &count, &err),
                     -ECANCELED);
    ck_assert_str_eq(err.text, "cancelled");
    image_close(&image);
    buf_free(&memory.bytes);
}
END_TEST

static void *read_in_thread(void *arg)
{
    struct memory_image *memory = arg;
    struct snapshot_image reader = memory_image_reader(memory);

    for (int i = 0; i < 20; i++) {
        struct image image = IMAGE_INIT;
        struct err err = ERR_INIT;
        int64_t sum = 0;

        ck_assert_int_eq(image_open(&reader, NULL, &image, &err), 0);
        ck_assert_int_eq(connection_int(&image.connection, "SELECT sum(a) FROM t", &sum, &err), 0);
        ck_assert_int_eq(sum, 3);
        image_close(&image);
    }
    return NULL;
}

START_TEST(several_threads_open_and_close_images)
{
    struct memory_image memory;
    pthread_t threads[4];

    image_make(&memory, "CREATE TABLE t(a); INSERT INTO t VALUES(1), (2)");
    for (size_t i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, read_in_thread, &memory), 0);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    buf_free(&memory.bytes);
}
END_TEST

Suite *suite_source_sqlite_snapshot_vfs(void)
{
    Suite *suite = suite_create("source/sqlite/snapshot_vfs");
    TCase *reads = tcase_create("reads");

    tcase_add_checked_fixture(reads, folder_set_up, folder_tear_down);
    tcase_set_timeout(reads, 60);
    tcase_add_test(reads, an_image_in_wal_mode_is_read_as_it_stands);
    tcase_add_test(reads, nothing_can_be_written);
    tcase_add_test(reads, a_large_sort_needs_no_temporary_file);
    tcase_add_test(reads, damage_in_the_store_is_told_in_the_words_of_the_store);
    tcase_add_test(reads, a_cancelled_reader_reads_no_more);
    tcase_add_test(reads, several_threads_open_and_close_images);
    suite_add_tcase(suite, reads);
    return suite;
}
