/*
 * Flipped bits, all over the files of a small repository: no read may ever give wrong bytes, only
 * what the bit hits may fail, and verify must name the place.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/cache.h"
#include "store/frame.h"
#include "store/record.h"
#include "store/repo_internal.h"
#include "store/snapshot_internal.h"
#include "store/support.h"
#include "store/walk.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SLOWER 9
#else
#define SLOWER 1
#endif

#define BACKUPS 4
#define BLOCKS 9
#define RECORDS 64

/* Bytes of a segment: a record, or what stands around it. */
struct stretch {
    uint64_t segment, begin, end;
    uint64_t frame; /* 0 for other records */
};

static struct ground ground;
static struct pages images[BACKUPS];
static struct stretch stretches[RECORDS];
static size_t stretch_count;

/* A few deltas, a few full blocks, a block that stays; compressible, so that files are small. */
static void set_up(void)
{
    struct repo *repo;

    ground_set_up(&ground);
    repo = repo_at(&ground, "deflate:6");
    for (size_t i = 0; i < BACKUPS; i++) {
        pages_make(&images[i], 99, 4096, BLOCKS);
        for (size_t page = 0; page < BLOCKS; page++)
            memset(images[i].bytes + page * 4096 + 400, (int)page, 3696);
        for (size_t n = 1; n <= i; n++) {
            images[i].bytes[n * 4096 + 77] = (uint8_t)n;
            images[i].bytes[7 * 4096 + 399 + n] ^= 0x55;
            for (size_t at = 0; at < 200; at++) /* nothing like the block before */
                images[i].bytes[8 * 4096 + n * 500 + at] ^= (uint8_t)random_next(&images[i].seed);
        }
        ck_assert_uint_eq(backup_of(repo, &images[i]).id, i + 1);
    }
    repo_close(repo);
}

static void tear_down(void)
{
    for (size_t i = 0; i < BACKUPS; i++)
        pages_free(&images[i]);
    ground_tear_down(&ground);
}

struct collecting {
    uint64_t segment;
};

static int collect(void *arg, uint64_t offset, uint32_t type, const struct buf *body,
                   struct err *err)
{
    const struct collecting *c = arg;

    (void)err;
    ck_assert_uint_lt(stretch_count, RECORDS);
    stretches[stretch_count++] =
        (struct stretch){c->segment, offset, offset + FORMAT_RECORD_BYTES + body->len,
                         type == RECORD_FRAME ? format_get64((const uint8_t *)body->data) : 0};
    return 0;
}

static void collect_records(struct repo *repo)
{
    stretch_count = 0;
    for (uint64_t id = 1; id <= BACKUPS; id++) {
        struct collecting c = {id};
        struct segment_walk walk = {.arg = &c, .record = collect};
        struct segment_footer footer;

        ck_assert_int_eq(segment_footer_read(repo, id, &footer, NULL), 0);
        ck_assert_int_eq(segment_walk(repo, id, FORMAT_HEADER_BYTES,
                                      footer.file_bytes - FORMAT_FOOTER_BYTES, &walk, NULL),
                         0);
    }
}

static bool hits_record(uint64_t segment, uint64_t offset, uint64_t record, uint64_t at)
{
    for (size_t i = 0; i < stretch_count; i++) {
        const struct stretch *s = &stretches[i];

        if (s->segment == record && s->begin == at)
            return segment == record && offset >= s->begin && offset < s->end;
    }
    ck_abort_msg("no record %llu at %llu", (unsigned long long)record, (unsigned long long)at);
    return false;
}

/* Is the byte in the frame, or in the index that leads to it? */
static bool hits_frame(struct repo *repo, uint64_t segment, uint64_t offset, uint64_t frame)
{
    for (size_t i = 0; i < stretch_count; i++) {
        const struct stretch *s = &stretches[i];

        if (s->frame != frame || s->segment != segment)
            continue;
        return (offset >= s->begin && offset < s->end) ||
               hits_record(segment, offset, segment, repo->segments[segment - 1].index_offset);
    }
    return false;
}

/* What a block of a backup is made of: its frame, the base of a delta. */
struct made_of {
    uint64_t frame, base;
};
static struct made_of made[BACKUPS][BLOCKS];

static void collect_blocks(struct repo *repo)
{
    for (uint64_t id = 1; id <= BACKUPS; id++) {
        struct snapshot *snapshot = NULL;
        struct snapshot_cursor cursor = {NULL};

        ck_assert_int_eq(snapshot_open(repo, id, &snapshot, NULL), 0);
        cursor.snapshot = snapshot;
        for (uint64_t block = 0; block < BLOCKS; block++) {
            uint32_t slot = 0;

            ck_assert_int_eq(snapshot_frame(&cursor, block, &slot, NULL), 0);
            made[id - 1][block] = (struct made_of){cursor.frame->head.id,
                                                   cursor.frame->head.kind == FRAME_DELTA
                                                       ? cursor.frame->head.slots[slot].base_frame
                                                       : 0};
        }
        snapshot_cursor_release(&cursor);
        snapshot_close(snapshot);
    }
}

/* May the block fail when that byte is damaged? */
static bool may_fail(struct repo *repo, uint64_t segment, uint64_t offset, uint64_t id,
                     uint64_t block)
{
    struct catalog_map_place places[FORMAT_MAX_CHAIN];
    size_t count = 0;

    if (hits_frame(repo, segment, offset, made[id - 1][block].frame) ||
        hits_frame(repo, segment, offset, made[id - 1][block].base))
        return true;
    ck_assert_int_eq(
        catalog_map_chain(repo->catalog, id, 0, places, FORMAT_MAX_CHAIN, &count, NULL), 0);
    for (size_t i = 0; i < count; i++) {
        if (hits_record(segment, offset, places[i].backup_id, places[i].offset))
            return true;
    }
    return false;
}

/* Reads a block: true if it is right, false for -EBADMSG, and nothing else is allowed. */
static bool block_is_right(struct snapshot *snapshot, const struct pages *image, uint64_t block,
                           const char *where)
{
    struct err err = ERR_INIT;
    uint8_t bytes[4096];
    size_t got = 0;
    int code = snapshot_read(snapshot, block * 4096, bytes, sizeof bytes, &got, &err);

    ck_assert_msg(code == 0 || code == -EBADMSG, "%s: %d, %s", where, code, err.text);
    ck_assert_msg(code != 0 ||
                      (got == 4096 && memcmp(bytes, image->bytes + block * 4096, 4096) == 0),
                  "%s: wrong bytes in block %llu", where, (unsigned long long)block);
    ck_assert_msg(code == 0 || err.text[0], "%s: a failure without a message", where);
    return code == 0;
}

/* Every block of every backup; `segment` 0: any may fail. */
static void assert_reads(struct repo *repo, uint64_t segment, uint64_t offset, const char *where)
{
    for (uint64_t id = 1; id <= BACKUPS; id++) {
        struct snapshot *snapshot = NULL;
        struct err err = ERR_INIT;
        int code = snapshot_open(repo, id, &snapshot, &err);

        ck_assert_msg(code == 0 || (!segment && code == -EBADMSG), "%s: %s", where, err.text);
        if (code)
            continue;
        ck_assert_uint_eq(snapshot_bytes(snapshot), images[id - 1].len);
        for (uint64_t block = 0; block < BLOCKS; block++) {
            if (!block_is_right(snapshot, &images[id - 1], block, where))
                ck_assert_msg(!segment || may_fail(repo, segment, offset, id, block),
                              "%s: block %llu of backup %llu fails, and was not hit", where,
                              (unsigned long long)block, (unsigned long long)id);
        }
        snapshot_close(snapshot);
    }
}

static void flip(int fd, off_t offset, uint8_t bit)
{
    uint8_t byte = 0;

    ck_assert_int_eq(pread(fd, &byte, 1, offset), 1);
    byte ^= bit;
    ck_assert_int_eq(pwrite(fd, &byte, 1, offset), 1);
}

START_TEST(a_flip_in_a_segment_is_found_and_hurts_only_what_it_hits)
{
    struct repo *repo = repo_reader(&ground);
    uint64_t id = (uint64_t)_i, seed = id;
    char name[64], path[128], text[8192];
    int fd;

    collect_records(repo);
    collect_blocks(repo);
    (void)snprintf(name, sizeof name, "segments/%010llu.seg", (unsigned long long)id);
    (void)snprintf(path, sizeof path, "%s", ground_file(&ground, name));
    fd = open(path, O_RDWR | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    for (off_t at = 0, end = lseek(fd, 0, SEEK_END); at < end; at += SLOWER) {
        uint8_t bit = (uint8_t)(1u << random_next(&seed) % 8);

        (void)snprintf(text, sizeof text, "%s byte %lld bit %02x", name, (long long)at, bit);
        flip(fd, at, bit);
        cache_clear(repo->frames);
        cache_clear(repo->shards);
        assert_reads(repo, id, (uint64_t)at, text);
        ck_assert_msg(damages_of(repo, text, sizeof text) > 0, "byte %lld of %s: not seen",
                      (long long)at, name);
        ck_assert_msg(strstr(text, name) != NULL, "byte %lld of %s: %s", (long long)at, name, text);
        flip(fd, at, bit);
    }
    cache_clear(repo->frames);
    cache_clear(repo->shards);
    assert_whole(repo);
    (void)close(fd);
    repo_close(repo);
}
END_TEST

START_TEST(a_flip_in_the_catalog_is_found_and_never_gives_wrong_bytes)
{
    uint64_t seed = 4;
    char path[128], where[64];
    int fd;

    (void)snprintf(path, sizeof path, "%s", ground_file(&ground, "catalog.sqlite"));
    fd = open(path, O_RDWR | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    for (off_t at = 0, end = lseek(fd, 0, SEEK_END); at < end; at += at < 200 ? 1 : 3 * SLOWER) {
        struct repo_options options = {.read_only = true, .threads = 1};
        uint8_t bit = (uint8_t)(1u << random_next(&seed) % 8);
        struct repo *repo = NULL;
        struct err err = ERR_INIT;
        int code;

        (void)snprintf(where, sizeof where, "catalog byte %lld bit %02x", (long long)at, bit);
        flip(fd, at, bit);
        code = repo_open(ground.repo, &options, &repo, &err);
        ck_assert_msg(code == 0 || code == -EBADMSG, "%s: %d, %s", where, code, err.text);
        if (code) {
            ck_assert_msg(strstr(err.text, "dbsnapfs repair") != NULL, "%s: %s", where, err.text);
        } else {
            assert_reads(repo, 0, 0, where);
            ck_assert_msg(damages_of(repo, NULL, 0) > 0, "%s: not seen", where);
        }
        repo_close(repo);
        flip(fd, at, bit);
    }
    (void)close(fd);
}
END_TEST

/* With the catalog lost, too: every backup must come back. */
START_TEST(a_rebuild_from_damaged_segments_keeps_every_backup)
{
    static const struct repo_options options = {.holder = "test", .compress = CODEC_DEFAULT};
    uint64_t id = (uint64_t)_i, seed = id;
    char name[64], path[128], where[128];
    int fd;

    (void)snprintf(name, sizeof name, "segments/%010llu.seg", (unsigned long long)id);
    (void)snprintf(path, sizeof path, "%s", ground_file(&ground, name));
    fd = open(path, O_RDWR | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    for (off_t at = 0, end = lseek(fd, 0, SEEK_END); at < end; at += 31 * SLOWER) {
        uint8_t bit = (uint8_t)(1u << random_next(&seed) % 8);
        uint64_t backups = 0;
        struct repo *repo;
        struct err err = ERR_INIT;

        (void)snprintf(where, sizeof where, "%s byte %lld bit %02x", name, (long long)at, bit);
        flip(fd, at, bit);
        ck_assert_int_eq(unlink(ground_file(&ground, "catalog.sqlite")), 0);
        ck_assert_msg(repo_rebuild(ground.repo, &options, NULL, &backups, &err) == 0, "%s: %s",
                      where, err.text);
        ck_assert_msg(backups == BACKUPS, "%s: %llu backups are left", where,
                      (unsigned long long)backups);
        repo = repo_reader(&ground);
        assert_reads(repo, 0, 0, where);
        repo_close(repo);
        flip(fd, at, bit);
    }
    (void)close(fd);
}
END_TEST

Suite *suite_store_flips(void)
{
    Suite *suite = suite_create("store/flips");
    TCase *tests = tcase_create("flips");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, a_flip_in_a_segment_is_found_and_hurts_only_what_it_hits, 1,
                        BACKUPS + 1);
    tcase_add_test(tests, a_flip_in_the_catalog_is_found_and_never_gives_wrong_bytes);
    tcase_add_loop_test(tests, a_rebuild_from_damaged_segments_keeps_every_backup, 1, BACKUPS + 1);
    suite_add_tcase(suite, tests);
    return suite;
}
