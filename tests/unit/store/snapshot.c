/*
 * src/store/snapshot.c, stream.c, map.c: reading at any place, and what a read costs.
 */
#include "dbsnapfs/store/snapshot.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dbsnapfs/util/cache.h"
#include "store/map.h"
#include "store/repo_internal.h"
#include "store/snapshot_internal.h"
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

typedef int read_fn(void *from, uint64_t offset, void *bytes, size_t len, size_t *ret_len,
                    struct err *err);

static int read_snapshot(void *from, uint64_t offset, void *bytes, size_t len, size_t *ret_len,
                         struct err *err)
{
    return snapshot_read(from, offset, bytes, len, ret_len, err);
}

static int read_stream(void *from, uint64_t offset, void *bytes, size_t len, size_t *ret_len,
                       struct err *err)
{
    return snapshot_stream_read(from, offset, bytes, len, ret_len, err);
}

/* Reads of any length at any place, some of them beyond the end. */
static void assert_reads_match(read_fn *read, void *from, const struct pages *image, uint64_t seed)
{
    static uint8_t bytes[300000];

    for (unsigned i = 0; i < 400; i++) {
        uint64_t offset = random_next(&seed) % (image->len + 5000);
        size_t len = (size_t)(random_next(&seed) % (i % 8 ? 9000 : sizeof bytes)), got = 0;
        size_t there = offset < image->len ? image->len - (size_t)offset : 0;
        struct err err = ERR_INIT;

        ck_assert_msg(read(from, offset, bytes, len, &got, &err) == 0, "%s", err.text);
        ck_assert_uint_eq(got, len < there ? len : there);
        ck_assert_msg(got == 0 || memcmp(bytes, image->bytes + offset, got) == 0,
                      "%zu bytes at %llu differ", got, (unsigned long long)offset);
    }
}

START_TEST(reads_at_odd_places_equal_the_image)
{
    static const uint32_t sizes[] = {512, 4096, 65536};
    struct repo *repo = repo_at(&ground, "deflate");
    struct snapshot_stream *stream = NULL;
    struct snapshot *snapshot = NULL;
    struct pages image;

    pages_make(&image, 5, sizes[_i], (3u << 20) / sizes[_i] + 3);
    for (int n = 0; n < 3; n++) {
        backup_of(repo, &image);
        for (size_t page = (size_t)n; page < image.len / sizes[_i]; page += 5)
            pages_touch(&image, page);
    }
    backup_of(repo, &image);
    ck_assert_int_eq(snapshot_open(repo, 4, &snapshot, NULL), 0);
    assert_reads_match(read_snapshot, snapshot, &image, 17);
    ck_assert_int_eq(snapshot_stream_new(snapshot, true, &stream, NULL), 0);
    assert_reads_match(read_stream, stream, &image, 18);
    snapshot_stream_free(stream);
    snapshot_close(snapshot);
    repo_close(repo);
    pages_free(&image);
}
END_TEST

START_TEST(a_stream_reads_from_end_to_end)
{
    struct repo *repo = repo_at(&ground, "deflate");
    struct snapshot_stream *stream = NULL;
    struct snapshot *snapshot = NULL;
    uint8_t *bytes = malloc(131072);
    struct pages image;
    size_t got = 1;

    pages_make(&image, 5, 4096, 3000);
    backup_of(repo, &image);
    ck_assert_int_eq(snapshot_open(repo, 1, &snapshot, NULL), 0);
    ck_assert_int_eq(snapshot_stream_new(snapshot, true, &stream, NULL), 0);
    for (size_t at = 0; got; at += got) {
        ck_assert_int_eq(snapshot_stream_read(stream, at, bytes, 131072, &got, NULL), 0);
        ck_assert(got == 0 || memcmp(bytes, image.bytes + at, got) == 0);
    }
    snapshot_stream_free(stream);
    snapshot_close(snapshot);
    repo_close(repo);
    pages_free(&image);
    free(bytes);
}
END_TEST

/* ---- streams that are told what is read next ---- */

#define TOLD_FRAMES 80u
#define FRAME_BLOCKS 8u
#define TOLD_BLOCKS (TOLD_FRAMES * FRAME_BLOCKS)

struct telling {
    struct repo *repo;
    struct pages image;
    struct snapshot *snapshot;
    struct snapshot_stream *stream;
    uint64_t told[TOLD_BLOCKS]; /* every fourth frame, whole, the first one left out */
    struct cache_stats before;
};

/* Which blocks are in every fourth frame of the only segment, frame by frame. */
static void choose_told(struct telling *telling)
{
    struct snapshot_cursor cursor = {.snapshot = telling->snapshot};
    size_t filled[TOLD_FRAMES] = {0};

    for (uint64_t block = 0; block < telling->snapshot->block_count; block++) {
        block_place place = 0;
        uint64_t nth;

        ck_assert_int_eq(snapshot_place(&cursor, block, &place, NULL), 0);
        nth = place_frame(place) / 4 - 1;
        if (place_frame(place) % 4 == 0 && nth < TOLD_FRAMES && filled[nth] < FRAME_BLOCKS)
            telling->told[nth * FRAME_BLOCKS + filled[nth]++] = block;
    }
    snapshot_cursor_release(&cursor);
    for (size_t i = 0; i < TOLD_FRAMES; i++)
        ck_assert_uint_eq(filled[i], FRAME_BLOCKS);
}

static void telling_begin(struct telling *telling, bool in_order)
{
    telling->repo = repo_at(&ground, "deflate");
    pages_make(&telling->image, 5, 4096, 5 * TOLD_BLOCKS);
    backup_of(telling->repo, &telling->image);
    ck_assert_int_eq(snapshot_open(telling->repo, 1, &telling->snapshot, NULL), 0);
    ck_assert_int_eq(snapshot_stream_new(telling->snapshot, in_order, &telling->stream, NULL), 0);
    choose_told(telling);
    cache_clear(telling->repo->frames);
    cache_stats(telling->repo->frames, &telling->before);
}

static void telling_end(struct telling *telling)
{
    snapshot_stream_free(telling->stream);
    snapshot_close(telling->snapshot);
    repo_close(telling->repo);
    pages_free(&telling->image);
}

static void read_block(const struct telling *telling, uint64_t block)
{
    uint8_t page[4096];
    size_t got = 0;

    ck_assert_int_eq(
        snapshot_stream_read(telling->stream, block * 4096, page, sizeof page, &got, NULL), 0);
    ck_assert_mem_eq(page, telling->image.bytes + block * 4096, sizeof page);
}

/* The frames that were decoded since the beginning, when as many as are wanted were, or after a while. */
static uint64_t frames_decoded(const struct telling *telling, uint64_t wanted)
{
    struct cache_stats now = {0};

    for (int i = 0; i < 500; i++) {
        cache_stats(telling->repo->frames, &now);
        if (now.misses - telling->before.misses >= wanted)
            break;
        usleep(10000);
    }
    return now.misses - telling->before.misses;
}

START_TEST(a_stream_decodes_what_it_was_told_and_nothing_between)
{
    struct telling telling;

    telling_begin(&telling, false);
    snapshot_stream_expect(telling.stream, telling.told, TOLD_BLOCKS);
    for (size_t i = 0; i < TOLD_BLOCKS; i++)
        read_block(&telling, telling.told[i]);
    snapshot_stream_free(telling.stream); /* waits */
    telling.stream = NULL;
    /* The first one may be decoded in part before it is as a whole. */
    ck_assert_uint_le(frames_decoded(&telling, 0), TOLD_FRAMES + 1);
    telling_end(&telling);
}
END_TEST

START_TEST(what_was_told_is_decoded_before_it_is_read)
{
    struct telling telling;

    telling_begin(&telling, _i);
    snapshot_stream_expect(telling.stream, telling.told, 40 * (size_t)FRAME_BLOCKS);
    for (size_t i = 100; i < 103; i++)
        read_block(&telling, telling.told[i]);
    ck_assert_uint_ge(frames_decoded(&telling, 10), 10);
    telling_end(&telling);
}
END_TEST

START_TEST(a_list_that_follows_one_that_was_read_is_gone_on_with)
{
    struct telling telling;

    telling_begin(&telling, false);
    snapshot_stream_expect(telling.stream, telling.told, 4);
    for (size_t i = 0; i < 4; i++)
        read_block(&telling, telling.told[i]);
    read_block(&telling, 17); /* is in no list, as the page that has the next one */
    snapshot_stream_expect(telling.stream, telling.told + 4, 10 * (size_t)FRAME_BLOCKS);
    read_block(&telling, telling.told[4]);
    ck_assert_uint_ge(frames_decoded(&telling, 9), 9);
    telling_end(&telling);
}
END_TEST

START_TEST(of_frames_with_one_block_that_was_told_only_that_is_decoded)
{
    struct telling telling;
    struct cache_stats after;

    telling_begin(&telling, false);
    for (size_t i = 0; i < TOLD_FRAMES; i++)
        telling.told[i] = telling.told[i * FRAME_BLOCKS];
    snapshot_stream_expect(telling.stream, telling.told, TOLD_FRAMES);
    for (size_t i = 0; i < TOLD_FRAMES; i++)
        read_block(&telling, telling.told[i]);
    ck_assert_uint_eq(frames_decoded(&telling, 0), TOLD_FRAMES);
    cache_stats(telling.repo->frames, &after);
    ck_assert_uint_le(after.bytes - telling.before.bytes,
                      TOLD_FRAMES * (size_t)FRAME_BLOCKS * 4096 / 2);
    telling_end(&telling);
}
END_TEST

START_TEST(what_was_told_is_not_decoded_for_a_single_read)
{
    struct telling telling;

    telling_begin(&telling, false);
    for (size_t i = 0; i < TOLD_FRAMES - 2; i++) {
        snapshot_stream_expect(telling.stream, telling.told, TOLD_BLOCKS);
        read_block(&telling, telling.told[i * FRAME_BLOCKS]);
    }
    snapshot_stream_free(telling.stream);
    telling.stream = NULL;
    ck_assert_uint_eq(frames_decoded(&telling, 0), TOLD_FRAMES - 2);
    telling_end(&telling);
}
END_TEST

/* The frames that are brought into the cache by reading one block of a backup. */
static uint64_t frames_for_block(struct repo *repo, uint64_t id, uint64_t block)
{
    struct cache_stats before, after;
    struct snapshot *snapshot = NULL;
    uint8_t page[4096];
    size_t got = 0;

    cache_clear(repo->frames);
    ck_assert_int_eq(snapshot_open(repo, id, &snapshot, NULL), 0);
    cache_stats(repo->frames, &before);
    ck_assert_int_eq(snapshot_read(snapshot, block * 4096, page, sizeof page, &got, NULL), 0);
    cache_stats(repo->frames, &after);
    snapshot_close(snapshot);
    return after.misses - before.misses;
}

START_TEST(a_page_costs_one_frame_and_a_delta_two_whatever_the_age)
{
    struct repo *repo = repo_at(&ground, "deflate");
    struct pages image;
    uint64_t most = 0;

    pages_make(&image, 5, 4096, 200);
    for (int n = 0; n < 20; n++) {
        backup_of(repo, &image);
        pages_touch(&image, 100);
    }
    for (uint64_t id = 1; id <= 20; id++) {
        uint64_t frames = frames_for_block(repo, id, 100);

        ck_assert_uint_eq(frames_for_block(repo, id, 7), 1);
        ck_assert_uint_le(frames, 2);
        most = frames > most ? frames : most;
    }
    ck_assert_uint_eq(most, 2);
    repo_close(repo);
    pages_free(&image);
}
END_TEST

START_TEST(a_block_that_is_read_again_costs_nothing)
{
    struct repo *repo = repo_at(&ground, "deflate");
    struct cache_stats before, after;
    struct pages image;

    pages_make(&image, 5, 4096, 200);
    backup_of(repo, &image);
    assert_backup_is(repo, 1, &image);
    cache_stats(repo->frames, &before);
    assert_backup_is(repo, 1, &image);
    cache_stats(repo->frames, &after);
    ck_assert_uint_eq(after.misses, before.misses);
    ck_assert_uint_le(after.misses, 200 / 8 + 2);
    repo_close(repo);
    pages_free(&image);
}
END_TEST

static size_t chain_length(struct repo *repo, uint64_t id, uint32_t shard)
{
    struct catalog_map_place places[FORMAT_MAX_CHAIN];
    struct err err = ERR_INIT;
    size_t count = 0;

    ck_assert_msg(
        catalog_map_chain(repo->catalog, id, shard, places, FORMAT_MAX_CHAIN, &count, &err) == 0,
        "%s", err.text);
    return count;
}

START_TEST(forty_backups_keep_their_maps_and_chains_stay_short)
{
    struct repo *repo = repo_at(&ground, "deflate");
    struct pages image, copies[40];
    size_t longest = 0;

    pages_make(&image, 5, 4096, 2100);
    for (size_t i = 0; i < 40; i++) {
        pages_touch(&image, i);
        pages_touch(&image, 1024 + i % 3);
        pages_touch(&image, 2099);
        backup_of(repo, &image);
        pages_make(&copies[i], 0, 4096, 2100);
        memcpy(copies[i].bytes, image.bytes, image.len);
    }
    for (size_t i = 0; i < 40; i++) {
        assert_backup_is(repo, i + 1, &copies[i]);
        for (uint32_t shard = 0; shard < 3; shard++) {
            size_t count = chain_length(repo, i + 1, shard);

            ck_assert_uint_ge(count, 1);
            ck_assert_uint_lt(count, FORMAT_MAX_CHAIN);
            longest = count > longest ? count : longest;
        }
        pages_free(&copies[i]);
    }
    ck_assert_uint_eq(longest, FORMAT_MAX_CHAIN - 1);
    assert_whole(repo);
    repo_close(repo);
    pages_free(&image);
}
END_TEST

START_TEST(an_image_may_shrink_and_grow_across_shards)
{
    static const size_t pages[] = {2500, 700, 2500, 1, 1024, 1025, 0, 3000, 1023};
    struct repo *repo = repo_at(&ground, "deflate:1");
    struct pages image, copies[9];

    pages_make(&image, 5, 4096, 0);
    for (size_t i = 0; i < 9; i++) {
        pages_resize(&image, pages[i]);
        if (pages[i])
            pages_touch(&image, pages[i] / 2);
        backup_of(repo, &image);
        pages_make(&copies[i], 0, 4096, pages[i]);
        if (pages[i])
            memcpy(copies[i].bytes, image.bytes, image.len);
    }
    for (size_t i = 0; i < 9; i++) {
        assert_backup_is(repo, i + 1, &copies[i]);
        pages_free(&copies[i]);
    }
    assert_whole(repo);
    repo_close(repo);
    pages_free(&image);
}
END_TEST

START_TEST(a_backup_that_is_not_there_says_so)
{
    struct repo *repo = repo_at(&ground, "deflate");
    struct snapshot *snapshot = NULL;
    struct err err = ERR_INIT;

    assert_fails(snapshot_open(repo, 7, &snapshot, &err), -ENOENT, &err,
                 "there is no backup number 7");
    repo_close(repo);
}
END_TEST

Suite *suite_store_snapshot(void)
{
    Suite *suite = suite_create("store/snapshot");
    TCase *tests = tcase_create("snapshot");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, reads_at_odd_places_equal_the_image, 0, 3);
    tcase_add_test(tests, a_stream_reads_from_end_to_end);
    tcase_add_test(tests, a_stream_decodes_what_it_was_told_and_nothing_between);
    tcase_add_loop_test(tests, what_was_told_is_decoded_before_it_is_read, 0, 2);
    tcase_add_test(tests, a_list_that_follows_one_that_was_read_is_gone_on_with);
    tcase_add_test(tests, of_frames_with_one_block_that_was_told_only_that_is_decoded);
    tcase_add_test(tests, what_was_told_is_not_decoded_for_a_single_read);
    tcase_add_test(tests, a_page_costs_one_frame_and_a_delta_two_whatever_the_age);
    tcase_add_test(tests, a_block_that_is_read_again_costs_nothing);
    tcase_add_test(tests, forty_backups_keep_their_maps_and_chains_stay_short);
    tcase_add_test(tests, an_image_may_shrink_and_grow_across_shards);
    tcase_add_test(tests, a_backup_that_is_not_there_says_so);
    suite_add_tcase(suite, tests);
    return suite;
}
