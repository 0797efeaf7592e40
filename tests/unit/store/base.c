/*
 * src/store/base.c, fingerprints.c: what a backup is built on, and what happens when that is lost.
 */
#include "store/base.h"

#include <check.h>
#include <unistd.h>

#include "dbsnapfs/store/writer.h"
#include "store/support.h"

static struct ground ground;

static void set_up(void)
{
    ground_set_up(&ground);
}

static void tear_down(void)
{
    ground_tear_down(&ground);
}

START_TEST(missing_or_damaged_fingerprints_are_made_again)
{
    struct repo *repo = repo_at(&ground, "deflate");
    const char *file = "segments/0000000001.fpr";
    struct backup_entry entry;
    struct pages image;

    pages_make(&image, 5, 4096, 100);
    backup_of(repo, &image);
    repo_close(repo);
    if (_i == 0)
        ck_assert_int_eq(unlink(ground_file(&ground, file)), 0);
    else
        ck_assert_int_eq(truncate(ground_file(&ground, file), _i == 1 ? 0 : 1601), 0);
    repo = repo_at(&ground, "deflate");
    pages_touch(&image, 50);
    entry = backup_of(repo, &image);
    ck_assert_uint_eq(entry.changed_blocks, 1);
    ck_assert_uint_eq(entry.delta_blocks, 1);
    ck_assert(!ground_has(&ground, file));
    ck_assert(ground_has(&ground, "segments/0000000002.fpr"));
    assert_backup_is(repo, 2, &image);
    assert_whole(repo);
    repo_close(repo);
    pages_free(&image);
}
END_TEST

/* With its fingerprints lost, a backup has to be read to be built on. */
START_TEST(a_backup_that_cannot_be_read_is_not_built_on)
{
    struct repo *repo = repo_at(&ground, "deflate");
    const char *segment = "segments/0000000001.seg";
    struct backup_entry entry;
    struct pages image;

    pages_make(&image, 5, 4096, 100);
    backup_of(repo, &image);
    repo_close(repo);
    ck_assert_int_eq(unlink(ground_file(&ground, "segments/0000000001.fpr")), 0);
    if (_i == 0)
        ck_assert_int_eq(unlink(ground_file(&ground, segment)), 0);
    else
        ck_assert_int_eq(truncate(ground_file(&ground, segment), 1000), 0);
    repo = repo_at(&ground, "deflate");
    entry = backup_of(repo, &image);
    ck_assert_uint_eq(entry.changed_blocks, 100);
    assert_backup_is(repo, entry.id, &image);
    repo_close(repo);
    pages_free(&image);
}
END_TEST

START_TEST(fingerprints_that_are_lost_meanwhile_cost_space_and_nothing_else)
{
    struct repo *repo = repo_at(&ground, "deflate");
    struct backup_writer *writer = NULL;
    struct backup_entry entry = {.started_ns = 1};
    struct pages image;
    bool stored;

    pages_make(&image, 5, 4096, 100);
    backup_of(repo, &image);
    ck_assert_int_eq(backup_writer_new(repo, 4096, false, &writer, NULL), 0);
    ck_assert_int_eq(truncate(ground_file(&ground, "segments/0000000001.fpr"), 1000), 0);
    ck_assert_int_eq(backup_writer_put(writer, 0, image.bytes, image.len, NULL), 0);
    ck_assert_int_eq(backup_writer_commit(writer, image.len, false, &entry, &stored, NULL), 0);
    ck_assert_uint_gt(entry.changed_blocks, 0);
    backup_entry_free(&entry);
    assert_backup_is(repo, 2, &image);
    assert_whole(repo);
    repo_close(repo);
    pages_free(&image);
}
END_TEST

START_TEST(fingerprints_that_no_backup_needs_go_when_the_repository_is_opened)
{
    struct repo *repo = repo_at(&ground, "deflate");
    struct pages image;

    pages_make(&image, 5, 4096, 10);
    backup_of(repo, &image);
    backup_of(repo, &image);
    repo_close(repo);
    bytes_save(ground_file(&ground, "segments/0000000001.fpr"), "x", 1);
    bytes_save(ground_file(&ground, "segments/0000000003.fpr"), "x", 1);
    repo_close(repo_at(&ground, "deflate"));
    ck_assert(!ground_has(&ground, "segments/0000000001.fpr"));
    ck_assert(ground_has(&ground, "segments/0000000002.fpr"));
    ck_assert(!ground_has(&ground, "segments/0000000003.fpr"));
    pages_free(&image);
}
END_TEST

Suite *suite_store_base(void)
{
    Suite *suite = suite_create("store/base");
    TCase *tests = tcase_create("base");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, missing_or_damaged_fingerprints_are_made_again, 0, 3);
    tcase_add_loop_test(tests, a_backup_that_cannot_be_read_is_not_built_on, 0, 2);
    tcase_add_test(tests, fingerprints_that_are_lost_meanwhile_cost_space_and_nothing_else);
    tcase_add_test(tests, fingerprints_that_no_backup_needs_go_when_the_repository_is_opened);
    suite_add_tcase(suite, tests);
    return suite;
}
