/*
 * src/store/format.c: every piece both ways, and bytes that no encoder writes.
 */
#include "store/format.h"

#include <check.h>
#include <errno.h>
#include <string.h>

#include "dbsnapfs/util/buf.h"
#include "store/support.h"

static struct buf body;

static void tear_down(void)
{
    buf_free(&body);
}

START_TEST(numbers_come_back_from_varints)
{
    static const uint64_t values[] = {0,     1,          127,       128,       16383,
                                      16384, UINT32_MAX, INT64_MAX, UINT64_MAX};
    struct format_reader reader;

    for (size_t i = 0; i < 9; i++) {
        format_add_varint(&body, values[i]);
        format_add_svarint(&body, (int64_t)values[i]);
    }
    reader = (struct format_reader){(const uint8_t *)body.data,
                                    (const uint8_t *)body.data + body.len, false};
    for (size_t i = 0; i < 9; i++) {
        ck_assert_uint_eq(format_read_varint(&reader), values[i]);
        ck_assert_int_eq(format_read_svarint(&reader), (int64_t)values[i]);
    }
    ck_assert(!reader.failed);
    (void)format_read_varint(&reader);
    ck_assert(reader.failed);
}
END_TEST

START_TEST(a_varint_without_an_end_fails)
{
    uint8_t bytes[12];
    struct format_reader reader = {bytes, bytes + sizeof bytes, false};

    memset(bytes, 0xff, sizeof bytes);
    ck_assert_uint_eq(format_read_varint(&reader), 0);
    ck_assert(reader.failed);
}
END_TEST

START_TEST(a_header_comes_back_and_any_flip_in_it_is_seen)
{
    struct segment_header header = {FORMAT_VERSION, "0123456789abcde", 77, 5}, again;
    uint8_t bytes[FORMAT_HEADER_BYTES];

    segment_header_encode(&header, bytes);
    ck_assert_int_eq(segment_header_decode(bytes, &again, NULL), 0);
    ck_assert_mem_eq(again.repo_id, header.repo_id, 16);
    ck_assert_uint_eq(again.seed, 77);
    ck_assert_uint_eq(again.backup_id, 5);
    for (size_t bit = 0; bit < 8 * sizeof bytes; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        ck_assert_int_eq(segment_header_decode(bytes, &again, NULL), -EBADMSG);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}
END_TEST

START_TEST(a_header_of_a_newer_format_says_what_to_do)
{
    struct segment_header header = {.version = FORMAT_VERSION + 1};
    uint8_t bytes[FORMAT_HEADER_BYTES];
    struct err err = ERR_INIT;

    segment_header_encode(&header, bytes);
    assert_fails(segment_header_decode(bytes, &header, &err), -EPROTONOSUPPORT, &err,
                 "format version 2 is newer than this dbsnapfs knows (1): upgrade it");
}
END_TEST

START_TEST(a_footer_comes_back_and_any_flip_in_it_is_seen)
{
    struct segment_footer footer = {5, 100, 200, 3, 4, 500, "0123456789abcde", 77}, again;
    uint8_t bytes[FORMAT_FOOTER_BYTES];

    segment_footer_encode(&footer, bytes);
    ck_assert_int_eq(segment_footer_decode(bytes, &again, NULL), 0);
    ck_assert_uint_eq(again.backup_id, 5);
    ck_assert_uint_eq(again.index_offset, 100);
    ck_assert_uint_eq(again.manifest_offset, 200);
    ck_assert_uint_eq(again.first_frame, 3);
    ck_assert_uint_eq(again.frame_count, 4);
    ck_assert_uint_eq(again.file_bytes, 500);
    ck_assert_uint_eq(again.seed, 77);
    for (size_t bit = 0; bit < 8 * sizeof bytes; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        ck_assert_int_eq(segment_footer_decode(bytes, &again, NULL), -EBADMSG);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}
END_TEST

static struct frame_head frame_of(enum frame_kind kind)
{
    struct frame_head head = {
        .id = 1000, .kind = kind, .codec = 1, .slot_count = 3, .block_size = 4096};

    for (uint32_t i = 0; i < 3; i++)
        head.slots[i] = (struct frame_slot){.block = 70 - i * 30,
                                            .hash = UINT64_C(0xdeadbeef00) + i,
                                            .base_frame = 900 + i,
                                            .base_slot = i,
                                            .len = 10 + i};
    return head;
}

START_TEST(a_frame_head_comes_back)
{
    struct frame_head head = frame_of(_i ? FRAME_DELTA : FRAME_FULL), again;

    frame_head_encode(&head, &body);
    buf_add(&body, "123456789012345678901234567890123", 33);
    ck_assert_int_eq(frame_head_decode((uint8_t *)body.data, body.len, &again, NULL), 0);
    ck_assert_uint_eq(again.id, 1000);
    ck_assert_uint_eq(again.slot_count, 3);
    ck_assert_uint_eq(again.payload_offset, body.len - 33);
    for (uint32_t i = 0; i < 3; i++) {
        ck_assert_uint_eq(again.slots[i].block, head.slots[i].block);
        ck_assert_uint_eq(again.slots[i].hash, head.slots[i].hash);
        if (!_i)
            continue;
        ck_assert_uint_eq(again.slots[i].base_frame, head.slots[i].base_frame);
        ck_assert_uint_eq(again.slots[i].base_slot, i);
        ck_assert_uint_eq(again.slots[i].offset, i == 0 ? 0 : i == 1 ? 10 : 21);
    }
}
END_TEST

START_TEST(a_frame_that_is_cut_off_is_refused)
{
    struct frame_head head = frame_of(FRAME_DELTA), again;
    struct err err = ERR_INIT;

    frame_head_encode(&head, &body);
    buf_add(&body, "123456789012345678901234567890123", 33);
    for (size_t len = 0; len < body.len; len++)
        ck_assert_int_eq(frame_head_decode((uint8_t *)body.data, len, &again, &err), -EBADMSG);
    ck_assert_ptr_nonnull(strstr(err.text, "frame 1000 make no sense"));
}
END_TEST

START_TEST(frame_heads_that_make_no_sense_are_refused)
{
    /* place, value: id 0, kind, no slots, too many, block sizes, payload */
    static const struct {
        size_t at;
        uint8_t value;
    } bad[] = {{7, 1}, {8, 2}, {10, 0}, {10, 17}, {13, 0}, {14, 2}, {16, 3}, {17, 255}, {19, 1}};
    struct frame_head head = frame_of(FRAME_FULL), again;

    frame_head_encode(&head, &body);
    buf_add(&body, "x", 1);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char before = body.data[bad[i].at];

        body.data[bad[i].at] = (char)bad[i].value;
        ck_assert_int_eq(frame_head_decode((uint8_t *)body.data, body.len, &again, NULL), -EBADMSG);
        body.data[bad[i].at] = before;
    }
}
END_TEST

START_TEST(map_entries_come_back)
{
    struct map_entry entries[FORMAT_SHARD_BLOCKS], again[FORMAT_SHARD_BLOCKS];

    for (uint32_t i = 0; i < FORMAT_SHARD_BLOCKS; i++)
        entries[i] = (struct map_entry){i, place_make(5000 - i * 3, i % 16)};
    map_entries_encode(entries, FORMAT_SHARD_BLOCKS, &body);
    ck_assert_int_eq(
        map_entries_decode((uint8_t *)body.data, body.len, again, FORMAT_SHARD_BLOCKS, NULL), 0);
    for (size_t i = 0; i < FORMAT_SHARD_BLOCKS; i++) {
        ck_assert_uint_eq(again[i].block, entries[i].block);
        ck_assert_uint_eq(again[i].place, entries[i].place);
    }
}
END_TEST

START_TEST(map_entries_out_of_bounds_are_refused)
{
    static const struct {
        const char *bytes;
        size_t len, count;
    } bad[] = {
        {"\x00\x02", 2, 1},                     /* cut off */
        {"\x00\x00\x00", 3, 1},                 /* frame 0 */
        {"\x80\x08\x02\x00", 4, 1},             /* block 1024 */
        {"\x00\x02\x10", 3, 1},                 /* slot 16 */
        {"\x00\x02\x00z", 4, 1},                /* bytes behind */
        {"\xff\x07\x02\x00\x00\x02\x00", 7, 2}, /* 1023, then one more */
    };
    struct map_entry entries[4];
    struct err err = ERR_INIT;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_int_eq(map_entries_decode((const uint8_t *)bad[i].bytes, bad[i].len, entries,
                                            bad[i].count, &err),
                         -EBADMSG);
    ck_assert_str_eq(err.text, "entry 1 of the map record makes no sense");
}
END_TEST

START_TEST(a_map_head_comes_back_and_nonsense_is_refused)
{
    struct map_head head = {.shard = 9,
                            .backup_id = 3,
                            .kind = MAP_FULL,
                            .codec = 1,
                            .entry_count = 1024,
                            .raw_bytes = 3000},
                    again;
    uint8_t bytes[FORMAT_MAP_HEAD_BYTES];

    map_head_encode(&head, bytes);
    ck_assert_int_eq(map_head_decode(bytes, sizeof bytes, &again, NULL), 0);
    ck_assert_uint_eq(again.shard, 9);
    ck_assert_uint_eq(again.backup_id, 3);
    ck_assert_uint_eq(again.entry_count, 1024);
    ck_assert_int_eq(map_head_decode(bytes, sizeof bytes - 1, &again, NULL), -EBADMSG);
    head.entry_count = 1025;
    map_head_encode(&head, bytes);
    ck_assert_int_eq(map_head_decode(bytes, sizeof bytes, &again, NULL), -EBADMSG);
}
END_TEST

START_TEST(a_record_in_another_place_has_another_checksum)
{
    uint64_t sum = format_record_checksum(RECORD_FRAME, "abc", 3, 64);

    ck_assert_uint_ne(sum, format_record_checksum(RECORD_FRAME, "abc", 3, 65));
    ck_assert_uint_ne(sum, format_record_checksum(RECORD_MAP, "abc", 3, 64));
    ck_assert_uint_ne(sum, format_record_checksum(RECORD_FRAME, "abd", 3, 64));
    ck_assert_uint_eq(sum, format_record_checksum(RECORD_FRAME, "abc", 3, 64));
}
END_TEST

Suite *suite_store_format(void)
{
    Suite *suite = suite_create("store/format");
    TCase *tests = tcase_create("format");

    tcase_add_checked_fixture(tests, NULL, tear_down);
    tcase_add_test(tests, numbers_come_back_from_varints);
    tcase_add_test(tests, a_varint_without_an_end_fails);
    tcase_add_test(tests, a_header_comes_back_and_any_flip_in_it_is_seen);
    tcase_add_test(tests, a_header_of_a_newer_format_says_what_to_do);
    tcase_add_test(tests, a_footer_comes_back_and_any_flip_in_it_is_seen);
    tcase_add_loop_test(tests, a_frame_head_comes_back, 0, 2);
    tcase_add_test(tests, a_frame_that_is_cut_off_is_refused);
    tcase_add_test(tests, frame_heads_that_make_no_sense_are_refused);
    tcase_add_test(tests, map_entries_come_back);
    tcase_add_test(tests, map_entries_out_of_bounds_are_refused);
    tcase_add_test(tests, a_map_head_comes_back_and_nonsense_is_refused);
    tcase_add_test(tests, a_record_in_another_place_has_another_checksum);
    suite_add_tcase(suite, tests);
    return suite;
}
