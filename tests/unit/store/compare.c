/*
 * src/store/compare.c: the blocks that two backups do not share, and what telling them costs.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dbsnapfs/store/snapshot.h"
#include "dbsnapfs/util/cache.h"
#include "store/repo_internal.h"
#include "store/support.h"

Suite *suite_store_compare(void);

static struct ground ground;

static void set_up(void)
{
    ground_set_up(&ground);
}

static void tear_down(void)
{
    ground_tear_down(&ground);
}

#define MOST_BLOCKS 4096u

struct differing {
    bool block[MOST_BLOCKS];
    uint64_t runs, end; /* of the last run */
    int stop;           /* to be returned */
};

static int note_run(void *arg, uint64_t first, uint64_t count)
{
    struct differing *d = arg;

    ck_assert_uint_gt(count, 0);
    ck_assert(d->runs == 0 || first > d->end); /* ascending, and joined where they touch */
    ck_assert_uint_le(first + count, MOST_BLOCKS);
    for (uint64_t i = first; i < first + count; i++)
        d->block[i] = true;
    d->runs++;
    d->end = first + count;
    return d->stop;
}

static int compare(struct repo *repo, uint64_t before_id, uint64_t after_id, struct differing *d,
                   struct err *err)
{
    struct snapshot *before = NULL, *after = NULL;
    int code;

    ck_assert_int_eq(snapshot_open(repo, before_id, &before, NULL), 0);
    ck_assert_int_eq(snapshot_open(repo, after_id, &after, NULL), 0);
    code = snapshot_compare(before, after, note_run, d, err);
    snapshot_close(before);
    snapshot_close(after);
    return code;
}

static void compared(struct repo *repo, uint64_t before_id, uint64_t after_id, struct differing *d)
{
    struct err err = ERR_INIT;

    *d = (struct differing){0};
    ck_assert_msg(compare(repo, before_id, after_id, d, &err) == 0, "%s", err.text);
}

START_TEST(the_blocks_that_were_touched_are_the_ones_that_differ)
{
    static const size_t touched[] = {0, 5, 6, 7, 1023, 1024, 3000};
    struct repo *repo = repo_at(&ground, "deflate:1");
    struct differing d;
    struct pages image;

    pages_make(&image, 5, 4096, 3001);
    backup_of(repo, &image);
    for (size_t i = 0; i < sizeof(touched) / sizeof(touched[0]); i++)
        pages_touch(&image, touched[i]);
    backup_of(repo, &image);
    compared(repo, 1, 2, &d);
    ck_assert_uint_eq(d.runs, 4); /* 0, 5-7, 1023-1024 over the border of a shard, 3000 */
    for (size_t i = 0; i < sizeof(touched) / sizeof(touched[0]); i++)
        ck_assert(d.block[touched[i]]);
    compared(repo, 2, 1, &d);
    ck_assert_uint_eq(d.runs, 4);
    repo_close(repo);
    pages_free(&image);
}
END_TEST

START_TEST(a_backup_differs_in_nothing_from_itself)
{
    struct repo *repo = repo_at(&ground, "deflate:1");
    struct differing d;
    struct pages image;

    pages_make(&image, 5, 4096, 1500);
    backup_of(repo, &image);
    compared(repo, 1, 1, &d);
    ck_assert_uint_eq(d.runs, 0);
    repo_close(repo);
    pages_free(&image);
}
END_TEST

START_TEST(blocks_that_one_lacks_differ)
{
    static const size_t pages[] = {700, 2500, 1024, 1025, 2500};
    struct repo *repo = repo_at(&ground, "deflate:1");
    struct differing d;
    struct pages image;

    pages_make(&image, 5, 4096, 0);
    for (size_t i = 0; i < 5; i++) {
        pages_resize(&image, pages[i]);
        backup_of(repo, &image);
    }
    for (uint64_t a = 1; a <= 5; a++) {
        for (uint64_t b = 1; b <= 5; b++) {
            size_t low = pages[a - 1] < pages[b - 1] ? pages[a - 1] : pages[b - 1];
            size_t high = pages[a - 1] + pages[b - 1] - low;

            compared(repo, a, b, &d);
            for (size_t i = low; i < high; i++)
                ck_assert_msg(d.block[i], "%zu of %d, %d", i, (int)a, (int)b);
            for (size_t i = 0; i < (low < 700 ? low : 700); i++)
                ck_assert(!d.block[i]);
        }
    }
    repo_close(repo);
    pages_free(&image);
}
END_TEST

/* Twenty backups with random changes: what is not named is equal, whatever lies between the two, and
 * few blocks are named that are equal. */
START_TEST(blocks_that_are_not_named_are_equal)
{
    struct repo *repo = repo_at(&ground, "deflate:1");
    struct pages image, copies[20];
    uint64_t seed = 9;

    pages_make(&image, 5, 4096, 2100);
    for (size_t i = 0; i < 20; i++) {
        for (size_t k = 0; k < i % 4 * 3; k++)
            pages_touch(&image, (size_t)(random_next(&seed) % 2100));
        backup_of(repo, &image);
        pages_make(&copies[i], 0, 4096, 2100);
        memcpy(copies[i].bytes, image.bytes, image.len);
    }
    for (size_t a = 0; a < 20; a++) {
        for (size_t b = a; b < 20; b += 3) {
            struct differing d;

            compared(repo, a + 1, b + 1, &d);
            for (size_t i = 0; i < 2100; i++)
                ck_assert(d.block[i] ==
                          !!memcmp(copies[a].bytes + i * 4096, copies[b].bytes + i * 4096, 4096));
        }
    }
    for (size_t i = 0; i < 20; i++)
        pages_free(&copies[i]);
    repo_close(repo);
    pages_free(&image);
}
END_TEST

START_TEST(shards_that_nobody_touched_and_frames_are_not_read)
{
    struct repo *repo = repo_at(&ground, "deflate:1");
    struct cache_stats before, after;
    struct differing d;
    struct pages image;

    pages_make(&image, 5, 4096, 4000);
    backup_of(repo, &image);
    pages_touch(&image, 2050);
    backup_of(repo, &image);
    cache_clear(repo->shards);
    cache_clear(repo->frames);
    cache_stats(repo->shards, &before);
    compared(repo, 1, 2, &d);
    cache_stats(repo->shards, &after);
    ck_assert_uint_eq(d.runs, 1);
    ck_assert_uint_eq(after.misses - before.misses, 2);
    cache_stats(repo->frames, &after);
    ck_assert_uint_eq(after.bytes, 0);
    repo_close(repo);
    pages_free(&image);
}
END_TEST

START_TEST(a_block_that_a_missing_segment_may_have_set_differs)
{
    struct repo *repo = repo_at(&ground, "deflate:1");
    struct differing d;
    struct pages image;

    pages_make(&image, 5, 4096, 1100);
    for (size_t i = 0; i < 3; i++) {
        pages_touch(&image, 10 + i);
        backup_of(repo, &image);
    }
    repo_close(repo);
    ck_assert_int_eq(unlink(ground_file(&ground, "segments/0000000002.seg")), 0);
    ck_assert_int_eq(unlink(ground_file(&ground, "catalog.sqlite")), 0);
    repo = repo_at(&ground, "deflate:1");
    compared(repo, 1, 3, &d);
    for (size_t i = 0; i < 1100; i++)
        ck_assert(d.block[i]);
    repo_close(repo);
    pages_free(&image);
}
END_TEST

START_TEST(the_caller_can_end_it)
{
    struct repo *repo = repo_at(&ground, "deflate:1");
    struct differing d = {.stop = -ECANCELED};
    struct pages image;

    pages_make(&image, 5, 4096, 100);
    backup_of(repo, &image);
    pages_touch(&image, 3);
    pages_touch(&image, 9);
    backup_of(repo, &image);
    ck_assert_int_eq(compare(repo, 1, 2, &d, NULL), -ECANCELED);
    ck_assert_uint_eq(d.runs, 1);
    repo_close(repo);
    pages_free(&image);
}
END_TEST

START_TEST(blocks_of_different_sizes_cannot_be_compared)
{
    struct repo *repo = repo_at(&ground, "deflate:1");
    struct err err = ERR_INIT;
    struct differing d = {0};
    struct pages image;

    pages_make(&image, 5, 4096, 32);
    backup_of(repo, &image);
    image.page_size = 8192;
    backup_of(repo, &image);
    assert_fails(compare(repo, 1, 2, &d, &err), -ENOTSUP, &err, "blocks of different sizes");
    ck_assert_uint_eq(d.runs, 0);
    repo_close(repo);
    pages_free(&image);
}
END_TEST

Suite *suite_store_compare(void)
{
    Suite *suite = suite_create("store/compare");
    TCase *tests = tcase_create("compare");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, the_blocks_that_were_touched_are_the_ones_that_differ);
    tcase_add_test(tests, a_backup_differs_in_nothing_from_itself);
    tcase_add_test(tests, blocks_that_one_lacks_differ);
    tcase_add_test(tests, blocks_that_are_not_named_are_equal);
    tcase_add_test(tests, shards_that_nobody_touched_and_frames_are_not_read);
    tcase_add_test(tests, a_block_that_a_missing_segment_may_have_set_differs);
    tcase_add_test(tests, the_caller_can_end_it);
    tcase_add_test(tests, blocks_of_different_sizes_cannot_be_compared);
    suite_add_tcase(suite, tests);
    return suite;
}
