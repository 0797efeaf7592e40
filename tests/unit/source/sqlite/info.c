/*
 * Sizes and settings of a live database.
 */
#include "source/sqlite/info.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "source/sqlite/support.h"

Suite *suite_source_sqlite_info(void);

static struct source_info info_of(const char *name)
{
    struct source *source = NULL;
    struct source_info info;
    struct err err = ERR_INIT;

    ck_assert_int_eq(source_new(folder_path(name), &source, &err), 0);
    ck_assert_msg(source_info(source, &info, &err) == 0, "%s", err.text);
    source_free(source);
    return info;
}

static int64_t changed(const char *name)
{
    struct source *source = NULL;
    struct err err = ERR_INIT;
    int64_t changed_ns = 0;

    ck_assert_int_eq(source_new(folder_path(name), &source, &err), 0);
    ck_assert_msg(source_changed(source, &changed_ns, &err) == 0, "%s", err.text);
    source_free(source);
    return changed_ns;
}

START_TEST(the_size_is_that_of_a_capture)
{
    struct memory_sink sink;
    struct source_info info;
    struct err err = ERR_INIT;

    database_make("a.db", "PRAGMA page_size=1024; CREATE TABLE t(a);"
                          "INSERT INTO t VALUES(zeroblob(9000))");
    info = info_of("a.db");
    memory_sink_init(&sink);
    ck_assert_int_eq(capture_database("a.db", &sink, &err), 0);
    ck_assert_uint_eq(info.page_size, 1024);
    ck_assert_uint_eq(info.image_bytes, sink.image.len);
    ck_assert(!info.wal);
    memory_sink_free(&sink);
}
END_TEST

START_TEST(what_is_in_the_wal_counts)
{
    struct source_info info;
    struct stat st;

    database_make("a.db", "PRAGMA journal_mode=WAL; CREATE TABLE t(a)");
    database_make_by_killed_process("a.db", "INSERT INTO t VALUES(zeroblob(100000))");
    info = info_of("a.db");
    ck_assert_int_eq(stat(folder_path("a.db"), &st), 0);
    ck_assert_uint_gt(info.image_bytes, (uint64_t)st.st_size + 90000);
    ck_assert(info.wal);
}
END_TEST

START_TEST(an_empty_file_has_one_page)
{
    file_write("a.db", "", 0);
    ck_assert_uint_eq(info_of("a.db").image_bytes, 4096);
    ck_assert_uint_eq(info_of("a.db").page_size, 4096);
}
END_TEST

START_TEST(the_newer_of_database_and_wal_says_when_it_changed)
{
    struct timeval old[2] = {{1000000000, 0}, {1000000000, 0}};
    struct timeval newer[2] = {{1100000000, 5000}, {1100000000, 5000}};

    database_make("a.db", "PRAGMA journal_mode=WAL; CREATE TABLE t(a)");
    database_make_by_killed_process("a.db", "INSERT INTO t VALUES(1)");
    ck_assert_int_eq(utimes(folder_path("a.db"), old), 0);
    ck_assert_int_eq(utimes(folder_path("a.db-wal"), newer), 0);
    ck_assert_int_eq(info_of("a.db").changed_ns, 1100000000005000000);
    ck_assert_int_eq(symlink("a.db", folder_path("link.db")), 0);
    ck_assert_int_eq(info_of("link.db").changed_ns, 1100000000005000000);
    ck_assert_int_eq(changed("a.db"), 1100000000005000000);
    ck_assert_int_eq(changed("link.db"), 1100000000005000000);
    ck_assert_int_eq(utimes(folder_path("a.db-wal"), old), 0);
    ck_assert_int_eq(info_of("a.db").changed_ns, 1000000000000000000);
    ck_assert_int_eq(changed("a.db"), 1000000000000000000);
}
END_TEST

START_TEST(an_empty_wal_does_not_say_when_it_changed)
{
    struct timeval old[2] = {{1000000000, 0}, {1000000000, 0}};
    struct timeval newer[2] = {{1100000000, 0}, {1100000000, 0}};

    database_make("a.db", "PRAGMA journal_mode=WAL; CREATE TABLE t(a)");
    file_write("a.db-wal", "", 0);
    ck_assert_int_eq(utimes(folder_path("a.db"), old), 0);
    ck_assert_int_eq(utimes(folder_path("a.db-wal"), newer), 0);
    ck_assert_int_eq(changed("a.db"), 1000000000000000000);
    ck_assert_int_eq(info_of("a.db").changed_ns, 1000000000000000000);
    ck_assert_int_eq(changed("a.db"), 1000000000000000000);
}
END_TEST

START_TEST(an_empty_database_changed_when_its_file_did)
{
    struct timeval old[2] = {{1000000000, 0}, {1000000000, 0}};

    file_write("a.db", "", 0);
    ck_assert_int_eq(utimes(folder_path("a.db"), old), 0);
    ck_assert_int_eq(changed("a.db"), 1000000000000000000);
    ck_assert_int_eq(info_of("a.db").changed_ns, 1000000000000000000);
}
END_TEST

START_TEST(a_link_that_is_pointed_elsewhere_is_followed)
{
    struct timeval one[2] = {{1000000000, 0}, {1000000000, 0}};
    struct timeval other[2] = {{1100000000, 0}, {1100000000, 0}};

    database_make("a.db", "CREATE TABLE t(a)");
    ck_assert_int_eq(mkdir(folder_path("far"), 0700), 0);
    database_make("far/b.db", "PRAGMA journal_mode=WAL; CREATE TABLE t(a)");
    database_make_by_killed_process("far/b.db", "INSERT INTO t VALUES(1)");
    ck_assert_int_eq(utimes(folder_path("a.db"), one), 0);
    ck_assert_int_eq(utimes(folder_path("far/b.db"), one), 0);
    ck_assert_int_eq(utimes(folder_path("far/b.db-wal"), other), 0);
    ck_assert_int_eq(symlink("a.db", folder_path("link.db")), 0);
    ck_assert_int_eq(changed("link.db"), 1000000000000000000);
    ck_assert_int_eq(unlink(folder_path("link.db")), 0);
    ck_assert_int_eq(symlink("far/b.db", folder_path("link.db")), 0);
    ck_assert_int_eq(changed("link.db"), 1100000000000000000);
    ck_assert_int_eq(unlink(folder_path("link.db")), 0);
    ck_assert_int_eq(symlink("far", folder_path("way")), 0);
    ck_assert_int_eq(changed("way/b.db"), 1100000000000000000);
}
END_TEST

START_TEST(when_a_database_changed_that_is_gone_is_an_error)
{
    struct source *source = NULL;
    struct err err = ERR_INIT;
    int64_t changed_ns = 7;

    ck_assert_int_eq(source_new(folder_path("a.db"), &source, &err), 0);
    ck_assert_int_eq(source_changed(source, &changed_ns, &err), -ENOENT);
    ck_assert_ptr_nonnull(strstr(err.text, "a.db: No such file or directory"));
    ck_assert_int_eq(changed_ns, 7);
    source_free(source);
}
END_TEST

START_TEST(a_page_that_only_has_the_lock_byte_is_not_part_of_the_image)
{
    unsigned char pages[4] = {0, 0, 0x40, 1}; /* 16385 pages of 64 KiB */
    struct source_info info;

    database_make("a.db", "PRAGMA page_size=65536; CREATE TABLE t(a)");
    file_patch("a.db", 28, pages, sizeof(pages));
    ck_assert_int_eq(truncate(folder_path("a.db"), 16385 * 65536L), 0);
    info = info_of("a.db");
    ck_assert_uint_eq(info.image_bytes, 0x40000000);
}
END_TEST

START_TEST(settings_are_a_json_object)
{
    struct memory_sink sink;
    struct err err = ERR_INIT;
    struct buf expected = BUF_INIT;

    database_make("a.db", "PRAGMA page_size=512; PRAGMA encoding='UTF-16le'; PRAGMA auto_vacuum=2;"
                          "PRAGMA user_version=-7; PRAGMA application_id=99; CREATE TABLE t(a)");
    memory_sink_init(&sink);
    ck_assert_int_eq(capture_database("a.db", &sink, &err), 0);
    buf_addf(&expected,
             "{\"page_count\":3,\"page_size\":512,\"auto_vacuum\":2,\"user_version\":-7,"
             "\"application_id\":99,\"schema_version\":1,\"freelist_count\":0,"
             "\"encoding\":\"UTF-16le\",\"journal_mode\":\"delete\",\"sqlite_version\":\"%s\"}",
             sqlite3_libversion());
    ck_assert_str_eq(buf_text(&sink.settings), buf_text(&expected));
    buf_free(&expected);
    memory_sink_free(&sink);
}
END_TEST

Suite *suite_source_sqlite_info(void)
{
    Suite *suite = suite_create("source/sqlite/info");
    TCase *info = tcase_create("info");

    tcase_add_checked_fixture(info, folder_set_up, folder_tear_down);
    tcase_add_test(info, the_size_is_that_of_a_capture);
    tcase_add_test(info, what_is_in_the_wal_counts);
    tcase_add_test(info, an_empty_file_has_one_page);
    tcase_add_test(info, the_newer_of_database_and_wal_says_when_it_changed);
    tcase_add_test(info, an_empty_wal_does_not_say_when_it_changed);
    tcase_add_test(info, an_empty_database_changed_when_its_file_did);
    tcase_add_test(info, a_link_that_is_pointed_elsewhere_is_followed);
    tcase_add_test(info, when_a_database_changed_that_is_gone_is_an_error);
    tcase_add_test(info, a_page_that_only_has_the_lock_byte_is_not_part_of_the_image);
    tcase_add_test(info, settings_are_a_json_object);
    suite_add_tcase(suite, info);
    return suite;
}
