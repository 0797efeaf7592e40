/*
 * src/store/writer.c, batch.c, pack.c: images in, the same images out.
 */
#include "dbsnapfs/store/writer.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/frame.h"
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

static const char *const codecs[] = {"none", "deflate:1", "deflate:9", "zstd"};
static const uint32_t page_sizes[] = {512, 1024, 4096, 8192, 16384, 32768, 65536};

#define PAGE_SIZES ((int)(sizeof page_sizes / sizeof page_sizes[0]))

/* Three backups: new, some pages changed (text and noise), some changed again. */
static void three_backups(const char *compress, uint32_t page_size, size_t pages)
{
    struct repo *repo = repo_at(&ground, compress);
    struct pages images[3];

    for (size_t i = 0; i < 3; i++) {
        pages_make(&images[i], 7, page_size, pages);
        for (size_t n = 0; n < i; n++) {
            for (size_t page = n; page < pages; page += 3)
                pages_touch(&images[i], page);
            pages_scramble(&images[i], pages / 2);
        }
        ck_assert_uint_eq(backup_of(repo, &images[i]).id, i + 1);
    }
    for (size_t i = 0; i < 3; i++)
        assert_backup_is(repo, i + 1, &images[i]);
    assert_whole(repo);
    repo_close(repo);
    for (size_t i = 0; i < 3; i++)
        pages_free(&images[i]);
}

START_TEST(every_page_size_comes_back_with_every_codec)
{
    const char *compress = codecs[_i / PAGE_SIZES];

    if (strcmp(compress, "zstd") == 0 && !codec_available(CODEC_ZSTD))
        return;
    three_backups(compress, page_sizes[_i % PAGE_SIZES], 50);
}
END_TEST

START_TEST(an_image_that_ends_within_a_block_keeps_its_size)
{
    three_backups("deflate", 512, 8 * 5 + 3);
}
END_TEST

START_TEST(one_page_is_a_backup)
{
    three_backups("deflate", 4096, 1);
}
END_TEST

START_TEST(an_empty_image_is_a_backup_before_and_after_others)
{
    struct repo *repo = repo_at(&ground, "deflate");
    struct pages empty, full;
    struct backup_entry entry;

    pages_make(&empty, 1, 4096, 0);
    pages_make(&full, 1, 4096, 20);
    entry = backup_of(repo, &empty);
    ck_assert_uint_eq(entry.image_bytes, 0);
    ck_assert_uint_eq(entry.block_count, 0);
    ck_assert_uint_eq(entry.page_size, 0);
    backup_of(repo, &full);
    backup_of(repo, &empty);
    backup_of(repo, &full);
    assert_backup_is(repo, 1, &empty);
    assert_backup_is(repo, 2, &full);
    assert_backup_is(repo, 3, &empty);
    assert_backup_is(repo, 4, &full);
    assert_whole(repo);
    repo_close(repo);
    pages_free(&empty);
    pages_free(&full);
}
END_TEST

START_TEST(another_page_size_begins_anew)
{
    static const uint32_t sizes[] = {4096, 8192, 512, 4096, 65536};
    struct repo *repo = repo_at(&ground, "deflate");
    struct pages images[5];

    for (size_t i = 0; i < 5; i++) {
        pages_make(&images[i], 3, sizes[i], (1u << 20) / sizes[i]);
        ck_assert_uint_eq(backup_of(repo, &images[i]).id, i + 1);
    }
    for (size_t i = 0; i < 5; i++) {
        assert_backup_is(repo, i + 1, &images[i]);
        pages_free(&images[i]);
    }
    assert_whole(repo);
    repo_close(repo);
}
END_TEST

START_TEST(gaps_are_zeros)
{
    struct repo *repo = repo_at(&ground, "deflate");
    struct backup_writer *writer = NULL;
    struct backup_entry entry = {.started_ns = 1};
    struct pages image;
    bool stored = false;

    pages_make(&image, 5, 4096, 300);
    memset(image.bytes + 4096, 0, 9 * 4096);
    memset(image.bytes + (size_t)120 * 4096, 0, 180 * (size_t)4096);
    ck_assert_int_eq(backup_writer_new(repo, 4096, false, &writer, NULL), 0);
    for (size_t at = 10 * 4096; at < (size_t)120 * 4096; at += 4096)
        ck_assert_int_eq(backup_writer_put(writer, at, image.bytes + at, 4096, NULL), 0);
    ck_assert_int_eq(backup_writer_put(writer, 0, image.bytes, 4096, NULL), 0);
    ck_assert_int_eq(backup_writer_commit(writer, image.len, false, &entry, &stored, NULL), 0);
    assert_backup_is(repo, 1, &image);
    assert_whole(repo);
    backup_entry_free(&entry);
    repo_close(repo);
    pages_free(&image);
}
END_TEST

START_TEST(the_first_block_may_come_again_and_in_parts)
{
    struct repo *repo = repo_at(&ground, "deflate");
    struct backup_writer *writer = NULL;
    struct backup_entry entry = {.started_ns = 1};
    struct pages image;
    bool stored = false;

    pages_make(&image, 5, 512, 40);
    ck_assert_int_eq(backup_writer_new(repo, 512, false, &writer, NULL), 0);
    ck_assert_int_eq(backup_writer_put(writer, 0, image.bytes + 512, 512, NULL), 0); /* wrong */
    ck_assert_int_eq(backup_writer_put(writer, 0, image.bytes, 7000, NULL), 0);
    ck_assert_int_eq(backup_writer_put(writer, 7000, image.bytes + 7000, image.len - 7000, NULL),
                     0);
    ck_assert_int_eq(backup_writer_put(writer, 512, image.bytes, 512, NULL), 0); /* wrong */
    ck_assert_int_eq(backup_writer_put(writer, 0, image.bytes, 512, NULL), 0);
    ck_assert_int_eq(backup_writer_put(writer, 512, image.bytes + 512, 512, NULL), 0);
    ck_assert_int_eq(backup_writer_commit(writer, image.len, false, &entry, &stored, NULL), 0);
    assert_backup_is(repo, 1, &image);
    assert_whole(repo);
    backup_entry_free(&entry);
    repo_close(repo);
    pages_free(&image);
}
END_TEST

START_TEST(pages_out_of_order_are_refused_by_their_place)
{
    struct repo *repo = repo_at(&ground, "deflate");
    struct backup_writer *writer = NULL;
    struct err err = ERR_INIT;
    uint8_t page[4096] = {0};

    ck_assert_int_eq(backup_writer_new(repo, 4096, false, &writer, NULL), 0);
    ck_assert_int_eq(backup_writer_put(writer, 3 * 4096, page, sizeof page, NULL), 0);
    assert_fails(backup_writer_put(writer, 2 * 4096, page, sizeof page, &err), -EINVAL, &err,
                 "the image came out of order at byte 8192");
    backup_writer_abort(writer);
    repo_close(repo);
}
END_TEST

START_TEST(an_image_that_ends_before_what_was_put_is_refused)
{
    struct repo *repo = repo_at(&ground, "deflate");
    struct backup_writer *writer = NULL;
    struct backup_entry entry = {.started_ns = 1};
    struct err err = ERR_INIT;
    uint8_t page[4096] = {0};
    bool stored = false;

    ck_assert_int_eq(backup_writer_new(repo, 4096, false, &writer, NULL), 0);
    ck_assert_int_eq(backup_writer_put(writer, 3 * 4096, page, sizeof page, NULL), 0);
    assert_fails(backup_writer_commit(writer, 2 * 4096, false, &entry, &stored, &err), -EINVAL,
                 &err, "the image ends at byte 8192, but byte 16383 was put");
    ck_assert(!ground_has(&ground, "segments/0000000001.seg"));
    repo_close(repo);
}
END_TEST

START_TEST(an_aborted_backup_leaves_nothing)
{
    struct repo *repo = repo_at(&ground, "deflate");
    struct backup_writer *writer = NULL;
    struct repo_totals totals;
    struct pages image;

    pages_make(&image, 5, 4096, 500);
    ck_assert_int_eq(backup_writer_new(repo, 4096, false, &writer, NULL), 0);
    ck_assert_int_eq(backup_writer_put(writer, 4096, image.bytes + 4096, image.len - 4096, NULL),
                     0);
    backup_writer_abort(writer);
    ck_assert_int_eq(repo_totals(repo, &totals, NULL), 0);
    ck_assert_uint_eq(totals.backups, 0);
    ck_assert_int_eq(rmdir(ground_file(&ground, "segments")), 0); /* it is empty */
    repo_close(repo);
    pages_free(&image);
}
END_TEST

START_TEST(spooled_blocks_are_the_same_blocks)
{
    struct repo *repo = repo_at(&ground, "deflate:9"); /* slow, so that the ring is full */
    struct backup_entry entries[2];
    struct pages image;

    pages_make(&image, 11, 4096, 4000);
    for (size_t i = 0; i < 2; i++) {
        struct err err = ERR_INIT;

        for (size_t page = i; page < 4000; page += 2)
            pages_touch(&image, page);
        ck_assert_msg(backup_try(repo, &image, true, false, &entries[i], NULL, &err) == 0, "%s",
                      err.text);
    }
    assert_backup_is(repo, 2, &image);
    ck_assert_uint_eq(entries[0].changed_blocks, 4000);
    ck_assert_uint_eq(entries[1].changed_blocks, 2000);
    ck_assert_int_eq(backup_try(repo, &image, false, true, NULL, &(bool){true}, NULL), 0);
    assert_whole(repo);
    repo_close(repo);
    pages_free(&image);
}
END_TEST

START_TEST(an_equal_image_is_stored_only_when_asked)
{
    struct repo *repo = repo_at(&ground, "deflate");
    struct backup_entry entry;
    struct pages image;
    bool stored = true;

    pages_make(&image, 5, 4096, 30);
    backup_of(repo, &image);
    ck_assert_int_eq(backup_try(repo, &image, false, true, &entry, &stored, NULL), 0);
    ck_assert(!stored);
    ck_assert_uint_eq(entry.id, 1);
    entry = backup_of(repo, &image);
    ck_assert_uint_eq(entry.id, 2);
    ck_assert_uint_eq(entry.changed_blocks, 0);
    pages_touch(&image, 0);
    ck_assert_int_eq(backup_try(repo, &image, false, true, &entry, &stored, NULL), 0);
    ck_assert(stored);
    ck_assert_uint_eq(entry.changed_blocks, 1);
    pages_resize(&image, 29);
    ck_assert_int_eq(backup_try(repo, &image, false, true, &entry, &stored, NULL), 0);
    ck_assert(stored);
    assert_backup_is(repo, 4, &image);
    assert_whole(repo);
    repo_close(repo);
    pages_free(&image);
}
END_TEST

START_TEST(backups_of_one_second_are_numbered)
{
    static const char *const names[] = {"1970-01-01T00-00-00Z", "1970-01-01T00-00-00Z-2",
                                        "1970-01-01T00-00-00Z-3", "1970-01-01T00-00-01Z"};
    struct repo *repo = repo_at(&ground, "none");
    uint8_t page[4096] = {1};

    for (size_t i = 0; i < 4; i++) {
        struct backup_entry entry = {.started_ns = i < 3 ? (int64_t)i * 1000 : 1000000000};
        struct backup_writer *writer = NULL;
        bool stored;

        ck_assert_int_eq(backup_writer_new(repo, 4096, false, &writer, NULL), 0);
        ck_assert_int_eq(backup_writer_put(writer, 0, page, sizeof page, NULL), 0);
        ck_assert_int_eq(backup_writer_commit(writer, 4096, false, &entry, &stored, NULL), 0);
        ck_assert_str_eq(entry.name, names[i]);
        backup_entry_free(&entry);
    }
    repo_close(repo);
}
END_TEST

/* The frame that a block of a backup is in, held by the cursor. */
static const struct frame *frame_of(struct snapshot_cursor *cursor, uint64_t block,
                                    uint32_t *ret_slot)
{
    struct err err = ERR_INIT;

    ck_assert_msg(snapshot_frame(cursor, block, ret_slot, &err) == 0, "%s", err.text);
    return cursor->frame;
}

START_TEST(a_delta_is_never_of_a_delta_and_costs_less_than_6_tenths)
{
    struct repo *repo = repo_at(&ground, "deflate");
    struct snapshot_cursor cursor = {NULL};
    struct pages image;
    uint64_t deltas = 0;

    pages_make(&image, 5, 4096, 64);
    for (uint64_t id = 1; id <= 6; id++) {
        struct snapshot *snapshot = NULL;

        backup_of(repo, &image);
        ck_assert_int_eq(snapshot_open(repo, id, &snapshot, NULL), 0);
        cursor = (struct snapshot_cursor){.snapshot = snapshot};
        for (uint64_t block = 0; block < 64; block++) {
            const struct frame *base;
            struct cache_ref *ref = NULL;
            uint32_t slot = 0;
            const struct frame *frame = frame_of(&cursor, block, &slot);
            const struct frame_slot *s = &frame->head.slots[slot];

            if (frame->head.kind == FRAME_FULL)
                continue;
            deltas++;
            ck_assert_int_eq(frame_get(repo, s->base_frame, FRAME_WHOLE, &ref, &base, NULL), 0);
            ck_assert_int_eq(base->head.kind, FRAME_FULL);
            ck_assert_uint_eq(base->head.slots[s->base_slot].block, block);
            ck_assert_uint_le((uint64_t)s->len * 10 * base->head.slot_count,
                              (uint64_t)base->stored_bytes * 6);
            cache_release(repo->frames, ref);
        }
        snapshot_cursor_release(&cursor);
        snapshot_close(snapshot);
        for (size_t page = id % 2; page < 64; page += 2)
            pages_touch(&image, page);
        pages_scramble(&image, 9);
    }
    ck_assert_uint_gt(deltas, 100);
    repo_close(repo);
    pages_free(&image);
}
END_TEST

START_TEST(a_backup_is_kept_when_its_commit_fails_too_late)
{
    struct repo *repo = repo_at(&ground, "deflate");
    struct pages image;

    pages_make(&image, 5, 4096, 10);
    ck_assert_int_eq(setenv("DBSNAPFS_PROBE", "catalog-committed:EIO", 1), 0);
    ck_assert_uint_eq(backup_of(repo, &image).id, 1);
    assert_backup_is(repo, 1, &image);
    pages_touch(&image, 5);
    ck_assert_uint_eq(backup_of(repo, &image).id, 2);
    assert_backup_is(repo, 2, &image);
    assert_whole(repo);
    repo_close(repo);
    pages_free(&image);
}
END_TEST

START_TEST(a_reader_cannot_write)
{
    struct backup_writer *writer = NULL;
    struct err err = ERR_INIT;
    struct repo *repo;

    repo_close(repo_at(&ground, "none"));
    repo = repo_reader(&ground);
    assert_fails(backup_writer_new(repo, 4096, false, &writer, &err), -EROFS, &err,
                 "the repository is open for reading only");
    repo_close(repo);
}
END_TEST

Suite *suite_store_writer(void)
{
    Suite *suite = suite_create("store/writer");
    TCase *tests = tcase_create("writer");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, every_page_size_comes_back_with_every_codec, 0, 4 * PAGE_SIZES);
    tcase_add_test(tests, an_image_that_ends_within_a_block_keeps_its_size);
    tcase_add_test(tests, one_page_is_a_backup);
    tcase_add_test(tests, an_empty_image_is_a_backup_before_and_after_others);
    tcase_add_test(tests, another_page_size_begins_anew);
    tcase_add_test(tests, gaps_are_zeros);
    tcase_add_test(tests, the_first_block_may_come_again_and_in_parts);
    tcase_add_test(tests, pages_out_of_order_are_refused_by_their_place);
    tcase_add_test(tests, an_image_that_ends_before_what_was_put_is_refused);
    tcase_add_test(tests, an_aborted_backup_leaves_nothing);
    tcase_add_test(tests, spooled_blocks_are_the_same_blocks);
    tcase_add_test(tests, an_equal_image_is_stored_only_when_asked);
    tcase_add_test(tests, backups_of_one_second_are_numbered);
    tcase_add_test(tests, a_delta_is_never_of_a_delta_and_costs_less_than_6_tenths);
    tcase_add_test(tests, a_backup_is_kept_when_its_commit_fails_too_late);
    tcase_add_test(tests, a_reader_cannot_write);
    suite_add_tcase(suite, tests);
    return suite;
}
