/*
 * src/store/repo.c, adopt.c, rebuild.c, lock.c, catalog.c: opening, sharing, and what was lost.
 */
#include "dbsnapfs/store/repo.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dbsnapfs/util/buf.h"
#include "store/catalog_internal.h"
#include "store/format.h"
#include "store/repo_internal.h"
#include "store/support.h"

static struct ground ground;
static struct pages image;

static void set_up(void)
{
    ground_set_up(&ground);
    pages_make(&image, 12, 4096, 40);
}

static void tear_down(void)
{
    pages_free(&image);
    ground_tear_down(&ground);
}

/* Three backups; the image is the last one's. */
static void three_backups(void)
{
    struct repo *repo = repo_at(&ground, "deflate");

    for (size_t i = 0; i < 3; i++) {
        pages_touch(&image, 3 * i);
        backup_of(repo, &image);
    }
    repo_close(repo);
}

static int try_open(bool read_only, struct err *err)
{
    struct repo_options options = {.read_only = read_only, .holder = "test"};
    struct repo *repo = NULL;
    int code = repo_open(ground.repo, &options, &repo, err);

    repo_close(repo);
    return code;
}

START_TEST(a_reader_of_nothing_says_that_there_is_no_backup_yet)
{
    struct err err = ERR_INIT;

    assert_fails(try_open(true, &err), -ENOENT, &err, "there is no repository, so no backup yet");
    ck_assert_int_eq(mkdir(ground.repo, 0700), 0);
    assert_fails(try_open(true, &err), -ENOENT, &err, "there is no backup yet");
    ck_assert_int_eq(try_open(false, &err), 0);
    ck_assert_int_eq(try_open(true, &err), 0);
}
END_TEST

static int count_one(void *arg, const struct backup_entry *entry)
{
    (void)entry;
    ++*(int *)arg;
    return 0;
}

START_TEST(a_reader_may_take_nothing_for_a_repository_without_backups)
{
    struct repo_options options = {.read_only = true, .optional = true};
    struct repo_totals totals = {.backups = 1};
    struct backup_entry entry;
    struct repo *repo = NULL;
    struct err err = ERR_INIT;
    int count = 0;

    ck_assert_int_eq(repo_open(ground.repo, &options, &repo, NULL), 0);
    ck_assert_int_eq(repo_totals(repo, &totals, NULL), 0);
    ck_assert_uint_eq(totals.backups, 0);
    ck_assert_int_eq(repo_list(repo, 0, count_one, &count, NULL), 0);
    ck_assert_int_eq(count, 0);
    assert_fails(repo_find(repo, "latest", &entry, &err), -ENOENT, &err, "there is no backup yet");
    repo_close(repo);
    ck_assert_int_ne(access(ground.repo, F_OK), 0);
}
END_TEST

START_TEST(a_second_writer_is_told_who_writes)
{
    struct repo *repo = repo_at(&ground, "none");
    char holder[128], mount[128], expected[64];
    struct err err = ERR_INIT;

    (void)snprintf(expected, sizeof expected, "%ld test", (long)getpid());
    assert_fails(try_open(false, &err), -EBUSY, &err, expected);
    ck_assert_int_eq(repo_holder(ground.repo, holder, sizeof holder, mount, sizeof mount), 0);
    ck_assert_str_eq(holder, expected);
    repo_close(repo);
    ck_assert_int_eq(repo_holder(ground.repo, holder, sizeof holder, mount, sizeof mount), 0);
    ck_assert_str_eq(holder, "");
    ck_assert_int_eq(try_open(false, &err), 0);
}
END_TEST

START_TEST(a_reader_sees_what_a_writer_adds_beside_it)
{
    struct repo *writer = repo_at(&ground, "deflate"), *reader;
    struct backup_entry entry;

    backup_of(writer, &image);
    reader = repo_reader(&ground);
    assert_backup_is(reader, 1, &image);
    for (size_t i = 0; i < 3; i++) {
        pages_scramble(&image, 5 + i);
        backup_of(writer, &image);
        ck_assert_int_eq(repo_find(reader, "latest", &entry, NULL), 0);
        ck_assert_uint_eq(entry.id, i + 2);
        backup_entry_free(&entry);
        assert_backup_is(reader, i + 2, &image);
    }
    repo_close(reader);
    repo_close(writer);
}
END_TEST

START_TEST(an_unknown_name_is_refused_with_the_newest_one)
{
    struct backup_entry entry;
    struct err err = ERR_INIT;
    struct repo *repo = repo_at(&ground, "none");

    assert_fails(repo_find(repo, "nothing", &entry, &err), -ENOENT, &err, "there is no backup yet");
    entry = backup_of(repo, &image);
    assert_fails(repo_find(repo, "nothing", &entry, &err), -ENOENT, &err,
                 "there is no backup nothing; the newest is 2026-");
    repo_close(repo);
}
END_TEST

START_TEST(each_backup_knows_the_one_before_it)
{
    struct repo *repo = repo_at(&ground, "deflate");
    struct backup_entry entry = {.id = 0};
    uint64_t ids[3];

    for (size_t i = 0; i < 3; i++) {
        pages_scramble(&image, i);
        entry = backup_of(repo, &image);
        ids[i] = entry.id;
    }
    ck_assert_int_eq(repo_before(repo, UINT64_MAX >> 1, &entry, NULL), 0);
    ck_assert_uint_eq(entry.id, ids[2]);
    backup_entry_free(&entry);
    ck_assert_int_eq(repo_before(repo, ids[2], &entry, NULL), 0);
    ck_assert_uint_eq(entry.id, ids[1]);
    backup_entry_free(&entry);
    ck_assert_int_eq(repo_before(repo, ids[0], &entry, NULL), -ENOENT);
    repo_close(repo);
}
END_TEST

START_TEST(a_newer_catalog_is_refused)
{
    struct repo *repo = repo_at(&ground, "none");
    struct err err = ERR_INIT;

    ck_assert_int_eq(catalog_exec(repo->catalog, "PRAGMA user_version = 2", &err), 0);
    repo_close(repo);
    assert_fails(try_open(true, &err), -EPROTONOSUPPORT, &err,
                 "format version 2 is newer than this dbsnapfs knows (1)");
    assert_fails(try_open(false, &err), -EPROTONOSUPPORT, &err, "upgrade it");
}
END_TEST

START_TEST(what_another_program_writes_into_the_catalog_is_not_believed)
{
    sqlite3 *db = NULL;
    struct err err = ERR_INIT;

    three_backups();
    ck_assert_int_eq(sqlite3_open(ground_file(&ground, "catalog.sqlite"), &db), SQLITE_OK);
    ck_assert_int_eq(
        sqlite3_exec(db, "UPDATE backup_entries SET image_bytes = 4096", NULL, NULL, NULL),
        SQLITE_OK);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
    assert_fails(try_open(true, &err), -EBADMSG, &err, "dbsnapfs repair");
}
END_TEST

START_TEST(a_segment_of_a_newer_format_is_refused)
{
    struct segment_header header;
    struct err err = ERR_INIT;
    const char *path;
    uint8_t *bytes;
    size_t len;

    three_backups();
    path = ground_file(&ground, "segments/0000000002.seg");
    bytes = bytes_load(path, &len);
    ck_assert_int_eq(segment_header_decode(bytes, &header, NULL), 0);
    header.version = 2;
    segment_header_encode(&header, bytes);
    bytes_save(path, bytes, len);
    free(bytes);
    ck_assert_int_eq(unlink(ground_file(&ground, "catalog.sqlite")), 0);
    assert_fails(try_open(false, &err), -EPROTONOSUPPORT, &err,
                 "segments/0000000002.seg: format version 2 is newer than this dbsnapfs knows");
}
END_TEST

START_TEST(a_missing_catalog_is_named_to_readers_and_made_again_by_writers)
{
    struct err err = ERR_INIT;
    struct repo *repo;

    three_backups();
    ck_assert_int_eq(unlink(ground_file(&ground, "catalog.sqlite")), 0);
    assert_fails(try_open(true, &err), -EBADMSG, &err, "make it again with `dbsnapfs repair`");
    repo = repo_at(&ground, "deflate");
    assert_backup_is(repo, 3, &image);
    assert_whole(repo);
    repo_close(repo);
}
END_TEST

START_TEST(a_damaged_catalog_says_how_to_make_it_again)
{
    struct err err = ERR_INIT;

    three_backups();
    bytes_save(ground_file(&ground, "catalog.sqlite"), "this is no database at all, not one", 35);
    assert_fails(try_open(true, &err), -EBADMSG, &err, "dbsnapfs repair");
    assert_fails(try_open(false, &err), -EBADMSG, &err, "dbsnapfs repair");
}
END_TEST

START_TEST(a_segment_that_the_catalog_lacks_is_taken_in)
{
    uint8_t *catalog;
    struct repo *repo;
    size_t len;

    three_backups();
    catalog = bytes_load(ground_file(&ground, "catalog.sqlite"), &len);
    repo = repo_at(&ground, "deflate");
    pages_scramble(&image, 1);
    backup_of(repo, &image);
    repo_close(repo);
    bytes_save(ground_file(&ground, "catalog.sqlite"), catalog, len); /* before its commit */
    free(catalog);
    repo = repo_at(&ground, "deflate");
    assert_backup_is(repo, 4, &image);
    pages_touch(&image, 1);
    ck_assert_uint_eq(backup_of(repo, &image).id, 5);
    assert_whole(repo);
    repo_close(repo);
}
END_TEST

START_TEST(a_segment_of_another_repository_is_not_taken_in)
{
    struct repo_totals totals;
    struct ground other;
    struct repo *repo;
    uint8_t *bytes;
    size_t len;

    three_backups();
    bytes = bytes_load(ground_file(&ground, "segments/0000000003.seg"), &len);
    ground_set_up(&other);
    repo = repo_at(&other, "deflate");
    backup_of(repo, &image);
    repo_close(repo);
    bytes_save(ground_file(&other, "segments/0000000003.seg"), bytes, len);
    free(bytes);
    repo = repo_at(&other, "deflate");
    ck_assert_int_eq(repo_totals(repo, &totals, NULL), 0);
    ck_assert_uint_eq(totals.backups, 1);
    repo_close(repo);
    ground_tear_down(&other);
}
END_TEST

START_TEST(a_segment_that_a_later_backup_was_made_without_is_not_taken_in)
{
    struct repo_totals totals;
    struct repo *repo;
    uint8_t *bytes;
    size_t len;

    three_backups();
    bytes = bytes_load(ground_file(&ground, "segments/0000000003.seg"), &len);
    bytes_save(ground_file(&ground, "segments/0000000003.seg"), "damaged", 7);
    ck_assert_int_eq(unlink(ground_file(&ground, "catalog.sqlite")), 0);
    repo = repo_at(&ground, "deflate");
    pages_touch(&image, 20);
    ck_assert_uint_eq(backup_of(repo, &image).id, 4);
    repo_close(repo);
    bytes_save(ground_file(&ground, "segments/0000000003.seg"), bytes, len); /* from a mirror */
    free(bytes);
    repo = repo_at(&ground, "deflate");
    ck_assert_int_eq(repo_totals(repo, &totals, NULL), 0);
    ck_assert_uint_eq(totals.backups, 3);
    assert_backup_is(repo, 4, &image);
    assert_whole(repo);
    repo_close(repo);
}
END_TEST

START_TEST(what_a_missing_segment_has_changed_is_not_read_from_an_older_one)
{
    static const struct repo_options options = {.holder = "test", .compress = CODEC_DEFAULT};
    struct snapshot *snapshot = NULL;
    struct err err = ERR_INIT;
    struct repo *repo;
    uint8_t page[4096];
    uint64_t backups = 0;
    size_t got = 0;

    three_backups(); /* the second one changed page 3, the third one page 6 */
    ck_assert_int_eq(unlink(ground_file(&ground, "segments/0000000002.seg")), 0);
    ck_assert_int_eq(repo_rebuild(ground.repo, &options, NULL, &backups, NULL), 0);
    ck_assert_uint_eq(backups, 2);
    repo = repo_at(&ground, "deflate");
    ck_assert_int_eq(snapshot_open(repo, 3, &snapshot, NULL), 0);
    assert_fails(snapshot_read(snapshot, 3 * 4096, page, 4096, &got, &err), -EBADMSG, &err,
                 "leads nowhere for block 3");
    ck_assert_int_eq(snapshot_read(snapshot, 6 * 4096, page, 4096, &got, NULL), 0);
    ck_assert_mem_eq(page, image.bytes + 6 * 4096, 4096);
    snapshot_close(snapshot);
    ck_assert_uint_eq(backup_of(repo, &image).id, 4); /* stores again what cannot be read */
    assert_backup_is(repo, 4, &image);
    repo_close(repo);
}
END_TEST

/* All that the catalog says, as text. */
static int add_row(void *arg, int count, char **values, char **names)
{
    struct buf *out = arg;

    (void)names;
    for (int i = 0; i < count; i++)
        buf_addf(out, "%s|", values[i] ? values[i] : "");
    buf_add_char(out, '\n');
    return 0;
}

static void catalog_text(struct buf *out)
{
    sqlite3 *db = NULL;

    ck_assert_int_eq(sqlite3_open(ground_file(&ground, "catalog.sqlite"), &db), SQLITE_OK);
    ck_assert_int_eq(
        sqlite3_exec(
            db,
            "SELECT id, hex(repo_id), seed FROM repository; SELECT * FROM "
            "segments ORDER BY id; SELECT * FROM map_shards; SELECT name, "
            "backup_time, finished_ns, image_bytes, block_size, stored_bytes, hex(digest), note, "
            "source, settings, checked_ns, check_result, sha256 FROM backup_entries ORDER BY id; PRAGMA user_version",
            add_row, out, NULL),
        SQLITE_OK);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}

START_TEST(a_catalog_that_is_made_again_says_the_same)
{
    static const struct repo_options options = {.holder = "test", .compress = CODEC_DEFAULT};
    struct buf before = BUF_INIT, after = BUF_INIT;
    uint64_t backups = 0;
    struct repo *repo;

    three_backups();
    repo = repo_at(&ground, "deflate");
    ck_assert_int_eq(repo_note_check(repo, 2, 42, "ok", NULL), 0);
    ck_assert_int_eq(repo_note_sha256(repo, 3, "0123", NULL), 0);
    repo_close(repo);
    catalog_text(&before);
    ck_assert_int_eq(repo_rebuild(ground.repo, &options, NULL, &backups, NULL), 0);
    ck_assert_uint_eq(backups, 3);
    catalog_text(&after);
    ck_assert_str_eq(buf_text(&before), buf_text(&after));
    ck_assert(ground_has(&ground, "catalog.sqlite.old"));
    buf_free(&before);
    buf_free(&after);
}
END_TEST

Suite *suite_store_repo(void)
{
    Suite *suite = suite_create("store/repo");
    TCase *tests = tcase_create("repo");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_reader_of_nothing_says_that_there_is_no_backup_yet);
    tcase_add_test(tests, a_reader_may_take_nothing_for_a_repository_without_backups);
    tcase_add_test(tests, a_second_writer_is_told_who_writes);
    tcase_add_test(tests, a_reader_sees_what_a_writer_adds_beside_it);
    tcase_add_test(tests, an_unknown_name_is_refused_with_the_newest_one);
    tcase_add_test(tests, each_backup_knows_the_one_before_it);
    tcase_add_test(tests, a_newer_catalog_is_refused);
    tcase_add_test(tests, what_another_program_writes_into_the_catalog_is_not_believed);
    tcase_add_test(tests, a_segment_of_a_newer_format_is_refused);
    tcase_add_test(tests, a_missing_catalog_is_named_to_readers_and_made_again_by_writers);
    tcase_add_test(tests, a_damaged_catalog_says_how_to_make_it_again);
    tcase_add_test(tests, a_segment_that_the_catalog_lacks_is_taken_in);
    tcase_add_test(tests, a_segment_of_another_repository_is_not_taken_in);
    tcase_add_test(tests, a_segment_that_a_later_backup_was_made_without_is_not_taken_in);
    tcase_add_test(tests, what_a_missing_segment_has_changed_is_not_read_from_an_older_one);
    tcase_add_test(tests, a_catalog_that_is_made_again_says_the_same);
    suite_add_tcase(suite, tests);
    return suite;
}
