/*
 * Writes that SQLite does not make today must not become wrong bytes tomorrow.
 */
#include "source/sqlite/capture_vfs.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "source/sqlite/support.h"

Suite *suite_source_sqlite_capture_vfs(void);

#define KIB ((size_t)1024)

/* The VFS as SQLite sees it, with its one file open. */
struct rig {
    struct memory_sink sink;
    struct capture_vfs *vfs;
    sqlite3_file *file;
    atomic_bool cancel;
};

static void rig_up(struct rig *rig, uint32_t page_size)
{
    sqlite3_vfs *vfs;
    struct err err = ERR_INIT;

    memory_sink_init(&rig->sink);
    atomic_init(&rig->cancel, false);
    rig->sink.info.page_size = page_size;
    ck_assert_int_eq(
        capture_vfs_new("app.db", page_size, &rig->sink.sink, &rig->cancel, &rig->vfs, &err), 0);
    vfs = sqlite3_vfs_find(capture_vfs_name(rig->vfs));
    ck_assert_ptr_nonnull(vfs);
    rig->file = calloc(1, (size_t)vfs->szOsFile);
    ck_assert_int_eq(
        vfs->xOpen(vfs, "database", rig->file, SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_READWRITE, NULL),
        SQLITE_OK);
}

static void rig_down(struct rig *rig)
{
    rig->file->pMethods->xClose(rig->file);
    free(rig->file);
    capture_vfs_free(rig->vfs);
    memory_sink_free(&rig->sink);
}

static int write_page(struct rig *rig, uint64_t offset, size_t len, char fill)
{
    char bytes[8192];

    memset(bytes, fill, len);
    return rig->file->pMethods->xWrite(rig->file, bytes, (int)len, (sqlite3_int64)offset);
}

static void assert_failed(struct rig *rig, const char *message)
{
    ck_assert_int_eq(capture_vfs_error(rig->vfs)->code, -EIO);
    ck_assert_str_eq(capture_vfs_error(rig->vfs)->text, message);
    ck_assert_int_eq(write_page(rig, 1 << 20, 4096, 'x'), SQLITE_IOERR_WRITE);
}

START_TEST(page_1_may_be_written_at_any_time_and_comes_last)
{
    struct rig rig;
    struct err err = ERR_INIT;
    uint64_t bytes;

    rig_up(&rig, 4096);
    ck_assert_int_eq(write_page(&rig, 0, 4096, '1'), SQLITE_OK);
    ck_assert_int_eq(write_page(&rig, 4096, 4096, '2'), SQLITE_OK);
    ck_assert_int_eq(write_page(&rig, 0, 4096, 'I'), SQLITE_OK);
    ck_assert_int_eq(write_page(&rig, 8192, 4096, '3'), SQLITE_OK);
    ck_assert_uint_eq(rig.sink.puts, 2);
    ck_assert_int_eq(capture_vfs_finish(rig.vfs, &bytes, &err), 0);
    ck_assert_uint_eq(bytes, 12288);
    ck_assert_int_eq(rig.sink.image.data[0], 'I');
    ck_assert_int_eq(rig.sink.image.data[4096], '2');
    ck_assert_int_eq(rig.sink.image.data[12287], '3');
    rig_down(&rig);
}
END_TEST

START_TEST(small_pages_are_gathered_into_blocks_with_zeros_where_none_came)
{
    struct rig rig;
    struct err err = ERR_INIT;
    uint64_t bytes;

    rig_up(&rig, 1024);
    rig.sink.info.image_bytes = 17 * KIB;
    ck_assert_int_eq(write_page(&rig, 0, 1024, '1'), SQLITE_OK);
    ck_assert_int_eq(write_page(&rig, 5 * KIB, 1024, '6'), SQLITE_OK);
    ck_assert_int_eq(write_page(&rig, 7 * KIB, 1024, '8'), SQLITE_OK);
    ck_assert_int_eq(write_page(&rig, 5 * KIB, 1024, 's'), SQLITE_OK);
    ck_assert_int_eq(write_page(&rig, 16 * KIB, 1024, 'e'), SQLITE_OK);
    ck_assert_int_eq(capture_vfs_finish(rig.vfs, &bytes, &err), 0);
    ck_assert_uint_eq(bytes, 17 * KIB);
    ck_assert_uint_eq(rig.sink.puts, 3);
    ck_assert_uint_eq(rig.sink.image.len, 17 * KIB);
    ck_assert_int_eq(rig.sink.image.data[0], '1');
    ck_assert_int_eq(rig.sink.image.data[4 * KIB], 0);
    ck_assert_int_eq(rig.sink.image.data[5 * KIB], 's');
    ck_assert_int_eq(rig.sink.image.data[6 * KIB], 0);
    ck_assert_int_eq(rig.sink.image.data[7 * KIB], '8');
    ck_assert_int_eq(rig.sink.image.data[16 * KIB], 'e');
    rig_down(&rig);
}
END_TEST

START_TEST(a_page_out_of_order_fails_the_capture)
{
    struct rig rig;

    rig_up(&rig, 4096);
    ck_assert_int_eq(write_page(&rig, 8192, 4096, '3'), SQLITE_OK);
    ck_assert_int_eq(write_page(&rig, 4096, 4096, '2'), SQLITE_IOERR_WRITE);
    assert_failed(&rig, "app.db: SQLite wrote byte 4096 out of order; nothing was backed up");
    rig_down(&rig);
}
END_TEST

START_TEST(a_page_written_twice_fails_the_capture)
{
    struct rig rig;

    rig_up(&rig, 512);
    ck_assert_int_eq(write_page(&rig, 4096, 512, '9'), SQLITE_OK);
    ck_assert_int_eq(write_page(&rig, 8192, 512, 'h'), SQLITE_OK);
    ck_assert_int_eq(write_page(&rig, 4096, 512, 'n'), SQLITE_IOERR_WRITE);
    assert_failed(&rig, "app.db: SQLite wrote byte 4096 out of order; nothing was backed up");
    rig_down(&rig);
}
END_TEST

START_TEST(reading_a_page_back_fails_the_capture_but_the_header_can_be_read)
{
    struct rig rig;
    char bytes[4096];

    rig_up(&rig, 4096);
    ck_assert_int_eq(rig.file->pMethods->xRead(rig.file, bytes, 100, 0), SQLITE_IOERR_SHORT_READ);
    ck_assert_int_eq(write_page(&rig, 0, 4096, '1'), SQLITE_OK);
    ck_assert_int_eq(write_page(&rig, 4096, 4096, '2'), SQLITE_OK);
    ck_assert_int_eq(rig.file->pMethods->xRead(rig.file, bytes, 16, 24), SQLITE_OK);
    ck_assert_int_eq(bytes[15], '1');
    ck_assert_int_eq(rig.file->pMethods->xRead(rig.file, bytes, 4096, 4096), SQLITE_IOERR_READ);
    assert_failed(&rig, "app.db: SQLite read byte 4096 back; nothing was backed up");
    rig_down(&rig);
}
END_TEST

START_TEST(cutting_the_image_fails_the_capture_but_growing_adds_zeros)
{
    struct rig rig;
    sqlite3_int64 size;

    rig_up(&rig, 4096);
    ck_assert_int_eq(write_page(&rig, 4096, 4096, '2'), SQLITE_OK);
    ck_assert_int_eq(rig.file->pMethods->xTruncate(rig.file, 16384), SQLITE_OK);
    ck_assert_int_eq(rig.file->pMethods->xFileSize(rig.file, &size), SQLITE_OK);
    ck_assert_int_eq(size, 16384);
    ck_assert_int_eq(rig.file->pMethods->xTruncate(rig.file, 4096), SQLITE_IOERR_TRUNCATE);
    assert_failed(&rig, "app.db: SQLite cut the image to 4096 bytes; nothing was backed up");
    rig_down(&rig);
}
END_TEST

START_TEST(a_write_across_blocks_fails_the_capture)
{
    struct rig rig;

    rig_up(&rig, 4096);
    ck_assert_int_eq(write_page(&rig, 4096, 8192, '2'), SQLITE_IOERR_WRITE);
    assert_failed(&rig, "app.db: SQLite wrote across pages at byte 4096");
    rig_down(&rig);
}
END_TEST

START_TEST(only_the_main_database_can_be_opened_and_the_name_goes_with_the_vfs)
{
    struct rig rig;
    sqlite3_vfs *vfs;
    sqlite3_file *file;
    char name[64];

    rig_up(&rig, 4096);
    snprintf(name, sizeof(name), "%s", capture_vfs_name(rig.vfs));
    vfs = sqlite3_vfs_find(name);
    file = calloc(1, (size_t)vfs->szOsFile);
    ck_assert_int_eq(vfs->xOpen(vfs, "j", file, SQLITE_OPEN_MAIN_JOURNAL, NULL), SQLITE_CANTOPEN);
    ck_assert_int_eq(vfs->xOpen(vfs, NULL, file, SQLITE_OPEN_TEMP_DB, NULL), SQLITE_CANTOPEN);
    free(file);
    rig_down(&rig);
    ck_assert_ptr_null(sqlite3_vfs_find(name));
}
END_TEST

Suite *suite_source_sqlite_capture_vfs(void)
{
    Suite *suite = suite_create("source/sqlite/capture_vfs");
    TCase *writes = tcase_create("writes");

    tcase_add_test(writes, page_1_may_be_written_at_any_time_and_comes_last);
    tcase_add_test(writes, small_pages_are_gathered_into_blocks_with_zeros_where_none_came);
    tcase_add_test(writes, a_page_out_of_order_fails_the_capture);
    tcase_add_test(writes, a_page_written_twice_fails_the_capture);
    tcase_add_test(writes, reading_a_page_back_fails_the_capture_but_the_header_can_be_read);
    tcase_add_test(writes, cutting_the_image_fails_the_capture_but_growing_adds_zeros);
    tcase_add_test(writes, a_write_across_blocks_fails_the_capture);
    tcase_add_test(writes, only_the_main_database_can_be_opened_and_the_name_goes_with_the_vfs);
    suite_add_tcase(suite, writes);
    return suite;
}
