/*
 * src/table/rendering_reader.c, rendering.c, parts.c: long texts in pieces, in any order. Each test
 * runs on the live database and on a stored backup of it.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/source/source.h"
#include "dbsnapfs/util/err.h"
#include "source/sqlite/support.h"
#include "table/reading_support.h"

Suite *suite_table_rendering_reader(void);

#define PIECE ((size_t)128 << 10)
#define ROWS 40000

/* 5 MB of text in rows of about 130 bytes, by every kind of position. */
static const char big[] =
    "CREATE TABLE numbers(i);"
    "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 40000)"
    " INSERT INTO numbers SELECT i FROM c;"
    "CREATE TABLE by_rowid(a, b);"
    "INSERT INTO by_rowid(rowid, a, b)"
    " SELECT i * 3 - 50000, i, printf('%0110d', i) FROM numbers;"
    "CREATE TABLE by_key(a, k TEXT, b, n, PRIMARY KEY (k, n DESC)) WITHOUT ROWID;"
    "INSERT INTO by_key SELECT i, 'k' || (i / 100), printf('%0110d', i), i FROM numbers;"
    "CREATE TABLE no_position(rowid, oid, _rowid_);"
    "INSERT INTO no_position SELECT i, 'x', printf('%0110d', i) FROM numbers;"
    "CREATE VIEW seen AS SELECT a, b FROM by_rowid;";

static struct opened opened;
static struct buf whole, piece;

static void begin(int backup, const char *sql)
{
    database_make("a.db", sql);
    opened_begin(&opened, backup != 0);
}

static void end(void)
{
    opened_end(&opened);
    buf_free(&whole);
    buf_free(&piece);
}

static void assert_piece(struct rendering_reader *reader, uint64_t offset, size_t len)
{
    size_t left = offset < whole.len ? whole.len - (size_t)offset : 0;

    reading_piece(reader, offset, len, &piece);
    ck_assert_uint_eq(piece.len, len < left ? len : left);
    ck_assert_mem_eq(piece.data, whole.data + offset, piece.len);
}

/* Pieces of the whole in an order that is the same in every run. */
static void assert_shuffled(struct rendering_reader *reader)
{
    size_t count = whole.len / PIECE + 1;

    for (size_t i = 0; i < count; i++)
        assert_piece(reader, (i * 23 + 11) % count * PIECE, PIECE);
}

START_TEST(reading_in_order_begins_once)
{
    struct rendering *rendering;
    struct rendering_reader *reader;
    struct rendering_work work;

    begin(_i, big);
    rendering = reading_rows("by_rowid", TEXT_CSV);
    reader = reading_new(&opened, rendering);
    ck_assert_uint_eq(rendering_known_bytes(rendering), UINT64_MAX);
    reading_whole(reader, PIECE, &whole);
    ck_assert_uint_eq(rendering_known_bytes(rendering), whole.len);
    ck_assert_uint_gt(whole.len, 4 << 20);
    work = reading_work(reader);
    ck_assert_uint_eq(work.from_beginning, 1);
    ck_assert_uint_eq(work.from_mark, 0);
    ck_assert_uint_eq(work.rows, ROWS);
    rendering_reader_free(reader);
    rendering_unref(rendering);
    end();
}
END_TEST

START_TEST(a_text_is_head_rows_and_tail)
{
    begin(_i, "CREATE TABLE t(a INTEGER PRIMARY KEY, b); INSERT INTO t VALUES (1, 'x'), (2, NULL);"
              "CREATE TABLE none(a)");
    reading_text(&opened, reading_rows("t", TEXT_CSV), &whole);
    ck_assert_str_eq(buf_text(&whole), "\"a\",\"b\"\r\n1,\"x\"\r\n2,\r\n");
    reading_text(&opened, reading_rows("T", TEXT_NDJSON), &whole);
    ck_assert_str_eq(buf_text(&whole), "{\"a\":1,\"b\":\"x\"}\n{\"a\":2,\"b\":null}\n");
    reading_text(&opened, reading_rows("t", TEXT_SQL), &whole);
    ck_assert_str_eq(buf_text(&whole), "SAVEPOINT dbsnapfs_rows;\nPRAGMA defer_foreign_keys = ON;\n"
                                       "INSERT INTO \"t\"(\"a\",\"b\") VALUES(1,'x');\n"
                                       "INSERT INTO \"t\"(\"a\",\"b\") VALUES(2,NULL);\n"
                                       "RELEASE dbsnapfs_rows;\n");
    reading_text(&opened, reading_rows("none", TEXT_NDJSON), &whole);
    ck_assert_str_eq(buf_text(&whole), "");
    end();
}
END_TEST

START_TEST(reading_shuffled_gives_equal_bytes)
{
    static const char *const names[] = {"by_rowid", "by_key", "no_position", "seen"};

    begin(_i, big);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct rendering *rendering = reading_rows(names[i], (enum text_form)(i % 3));
        struct rendering_reader *reader;

        reading_text(&opened, reading_rows(names[i], (enum text_form)(i % 3)), &whole);
        reader = reading_new(&opened, rendering);
        assert_shuffled(reader);
        rendering_reader_free(reader);
        rendering_unref(rendering);
    }
    end();
}
END_TEST

START_TEST(reading_a_little_out_of_order_costs_nothing)
{
    struct rendering *rendering;
    struct rendering_reader *reader;
    struct rendering_work work;

    begin(_i, big);
    reading_text(&opened, reading_rows("by_key", TEXT_CSV), &whole);
    rendering = reading_rows("by_key", TEXT_CSV);
    reader = reading_new(&opened, rendering);
    assert_piece(reader, 0, PIECE);
    for (uint64_t offset = PIECE; offset < whole.len; offset += 4 * PIECE)
        for (uint64_t i = 4; i-- > 0;)
            assert_piece(reader, offset + i * PIECE, PIECE);
    work = reading_work(reader);
    ck_assert_uint_eq(work.from_beginning, 1);
    ck_assert_uint_eq(work.from_mark, 0);
    ck_assert_uint_eq(work.rows, ROWS);
    rendering_reader_free(reader);
    rendering_unref(rendering);
    end();
}
END_TEST

/* The rows that are made for the last piece, by a reader of its own, when somebody was there. */
static struct rendering_work work_for_tail(const char *name)
{
    struct rendering *rendering = reading_rows(name, TEXT_CSV);
    struct rendering_reader *first = reading_new(&opened, rendering);
    struct rendering_reader *second;
    struct rendering_work work;

    reading_whole(first, PIECE, &whole);
    second = reading_new(&opened, rendering);
    assert_piece(second, whole.len - 1000, 1000);
    work = reading_work(second);
    rendering_reader_free(first);
    rendering_reader_free(second);
    rendering_unref(rendering);
    return work;
}

START_TEST(the_tail_is_made_from_a_mark_once_somebody_was_there)
{
    static const char *const names[] = {"by_rowid", "by_key"};

    begin(_i, big);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct rendering_work work = work_for_tail(names[i]);

        ck_assert_uint_eq(work.from_beginning, 0);
        ck_assert_uint_eq(work.from_mark, 1);
        ck_assert_uint_lt(work.rows, ROWS / 8);
    }
    end();
}
END_TEST

START_TEST(rows_without_a_position_are_made_from_their_beginning)
{
    begin(_i, big);
    ck_assert_uint_eq(work_for_tail("seen").from_beginning, 1);
    ck_assert_uint_eq(work_for_tail("seen").rows, ROWS);
    ck_assert_uint_eq(work_for_tail("seen").from_mark, 0);
    end();
}
END_TEST

START_TEST(reading_backwards_begins_at_marks)
{
    struct rendering *rendering;
    struct rendering_reader *reader;

    begin(_i, big);
    rendering = reading_rows("by_rowid", TEXT_NDJSON);
    reader = reading_new(&opened, rendering);
    reading_whole(reader, PIECE, &whole);
    for (uint64_t offset = whole.len / PIECE * PIECE; offset > 0; offset -= PIECE)
        assert_piece(reader, offset, PIECE);
    assert_piece(reader, 0, PIECE);
    ck_assert_uint_lt(reading_work(reader).rows, 5 * ROWS);
    ck_assert_uint_le(reading_work(reader).from_beginning, 4);
    rendering_reader_free(reader);
    rendering_unref(rendering);
    end();
}
END_TEST

START_TEST(there_is_nothing_behind_the_end)
{
    struct rendering *rendering;
    struct rendering_reader *reader;

    begin(_i, "CREATE TABLE t(a INTEGER PRIMARY KEY); INSERT INTO t VALUES (7)");
    rendering = reading_rows("t", TEXT_CSV);
    reader = reading_new(&opened, rendering);
    reading_piece(reader, INT64_MAX, 10, &piece);
    ck_assert_uint_eq(piece.len, 0);
    ck_assert_uint_eq(rendering_known_bytes(rendering), 8);
    reading_piece(reader, 8, 10, &piece);
    ck_assert_uint_eq(piece.len, 0);
    reading_piece(reader, 5, 10, &piece);
    ck_assert_str_eq(buf_text(&piece), "7\r\n");
    rendering_reader_free(reader);
    rendering_unref(rendering);
    end();
}
END_TEST

START_TEST(a_row_longer_than_what_is_kept_can_be_read_in_pieces)
{
    struct rendering *rendering;
    struct rendering_reader *reader;

    begin(_i, "CREATE TABLE t(a, b);"
              "INSERT INTO t VALUES (1, zeroblob(2000000)), (2, printf('%3000000d', 1)), (3, 4)");
    reading_text(&opened, reading_rows("t", TEXT_CSV), &whole);
    ck_assert_uint_eq(whole.len,
                      strlen("\"a\",\"b\"\r\n1,x''\r\n2,\"\"\r\n3,4\r\n") + 2 * 2000000 + 3000000);
    rendering = reading_rows("t", TEXT_CSV);
    reader = reading_new(&opened, rendering);
    for (uint64_t offset = 0; offset < whole.len; offset += PIECE)
        assert_piece(reader, offset, PIECE);
    ck_assert_uint_eq(reading_work(reader).rows, 3);
    assert_shuffled(reader);
    rendering_reader_free(reader);
    rendering_unref(rendering);
    end();
}
END_TEST

static void assert_no_reader(const char *name, int code, const char *message)
{
    struct rendering *rendering = reading_rows(name, TEXT_CSV);
    struct rendering_reader *reader = NULL;
    struct err err = ERR_INIT;

    ck_assert_int_eq(rendering_reader_new(rendering, opened.database, &reader, &err), code);
    ck_assert_str_eq(err.text, message);
    rendering_unref(rendering);
}

START_TEST(large_blobs_within_rows_are_read_in_any_order)
{
    static const char sql[] =
        "CREATE TABLE t(id INTEGER PRIMARY KEY, b BLOB, s);"
        "INSERT INTO t VALUES(1, x'01', 'a'), (2, randomblob(1048577), randomblob(1050000)),"
        " (3, NULL, 'c'), (4, x'02', 'd')";
    struct rendering *rendering;
    struct rendering_reader *reader;
    struct rendering_work work;

    begin(_i % 2, sql);
    reading_text(&opened, reading_rows("t", (enum text_form)(_i / 2)), &whole);
    rendering = reading_rows("t", (enum text_form)(_i / 2));
    reader = reading_new(&opened, rendering);
    assert_piece(reader, whole.len / 2, PIECE);
    assert_piece(reader, whole.len / 4, PIECE);
    assert_piece(reader, whole.len - 10, 100);
    assert_piece(reader, 0, PIECE);
    rendering_reader_free(reader);
    rendering_unref(rendering);
    rendering = reading_rows("t", (enum text_form)(_i / 2));
    reader = reading_new(&opened, rendering);
    for (uint64_t offset = 0; offset < whole.len; offset += PIECE)
        assert_piece(reader, offset, PIECE);
    work = reading_work(reader);
    ck_assert_uint_eq(work.rows, 4);
    rendering_reader_free(reader); /* what it was in the middle of goes with it */
    reader = reading_new(&opened, rendering);
    assert_piece(reader, whole.len / 2, PIECE);
    rendering_reader_free(reader);
    rendering_unref(rendering);
    end();
}
END_TEST

START_TEST(what_is_gone_or_broken_has_no_reader)
{
    begin(_i, "CREATE TABLE t(a); CREATE VIEW v AS SELECT * FROM t; DROP TABLE t");
    assert_no_reader("t", -ENOENT, "t: no such table or view");
    assert_no_reader("v", -EIO, "v: no such table: main.t");
    end();
}
END_TEST

/* Breaks a leaf of the table's b-tree near the middle of the file. */
static void damage(void)
{
    static const unsigned char junk[8] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    sqlite3 *db = shell_open("a.db");
    long pages = (long)database_int(db, "PRAGMA page_count");

    sqlite3_close(db);
    file_patch("a.db", pages / 2 * 4096, junk, sizeof(junk));
}

START_TEST(damage_fails_where_it_is_and_not_before)
{
    struct rendering *rendering;
    struct rendering_reader *reader;
    struct err err = ERR_INIT;
    uint64_t good = 0;
    size_t len;
    int r;

    database_make("a.db", "CREATE TABLE t(a INTEGER PRIMARY KEY, b);"
                          "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c"
                          " WHERE i < 30000)"
                          " INSERT INTO t SELECT i, printf('%0110d', i) FROM c;");
    opened_begin(&opened, false);
    reading_text(&opened, reading_rows("t", TEXT_CSV), &whole);
    opened_end(&opened);
    damage();
    opened_begin(&opened, _i != 0);
    rendering = reading_rows("t", TEXT_CSV);
    reader = reading_new(&opened, rendering);
    ck_assert_ptr_nonnull(buf_reserve(&piece, 1000));
    while ((r = rendering_read(reader, good, piece.data, 1000, &len, &err)) == 0 && len == 1000) {
        ck_assert_mem_eq(piece.data, whole.data + good, len);
        good += len;
    }
    ck_assert_int_eq(r, -EBADMSG);
    ck_assert_msg(strstr(err.text, "malformed") != NULL, "%s", err.text);
    ck_assert_uint_gt(good, whole.len / 3);
    ck_assert_uint_lt(good, whole.len * 2 / 3);
    assert_piece(reader, good - 1000, 1000);
    assert_piece(reader, 5, 1000);
    ck_assert_int_eq(rendering_read(reader, good, piece.data, 1000, &len, &err), -EBADMSG);
    ck_assert_int_eq(rendering_read(reader, whole.len, piece.data, 1, &len, &err), -EBADMSG);
    ck_assert_uint_eq(rendering_known_bytes(rendering), UINT64_MAX);
    rendering_reader_free(reader);
    rendering_unref(rendering);
    end();
}
END_TEST

/* ---- several at once ---- */

struct thread {
    pthread_t id;
    struct rendering *rendering;
    size_t first;
    bool equal;
};

static void *read_shuffled(void *arg)
{
    struct thread *thread = arg;
    struct opened own = {NULL, NULL, NULL, NULL, NULL};
    struct rendering_reader *reader = NULL;
    struct err err = ERR_INIT;
    size_t count = whole.len / PIECE + 1, len = 0;
    char *bytes = malloc(PIECE);

    thread->equal = bytes && source_new(folder_path("a.db"), &own.source, &err) == 0 &&
                    database_open(own.source, &own.database, &err) == 0 &&
                    database_begin(own.database, &err) == 0 &&
                    rendering_reader_new(thread->rendering, own.database, &reader, &err) == 0;
    for (size_t i = 0; thread->equal && i < count; i++) {
        size_t offset = (i * 23 + thread->first) % count * PIECE;

        thread->equal = rendering_read(reader, offset, bytes, PIECE, &len, &err) == 0 &&
                        memcmp(bytes, whole.data + offset, len) == 0;
    }
    rendering_reader_free(reader);
    if (own.database)
        database_end(own.database);
    database_close(own.database);
    source_free(own.source);
    free(bytes);
    return NULL;
}

START_TEST(several_threads_share_marks)
{
    struct rendering *rendering;
    struct thread threads[4];

    begin(0, big);
    reading_text(&opened, reading_rows("by_key", TEXT_NDJSON), &whole);
    rendering = reading_rows("by_key", TEXT_NDJSON);
    for (size_t i = 0; i < 4; i++) {
        threads[i] = (struct thread){.rendering = rendering, .first = i * 9};
        ck_assert_int_eq(pthread_create(&threads[i].id, NULL, read_shuffled, &threads[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        ck_assert_int_eq(pthread_join(threads[i].id, NULL), 0);
        ck_assert(threads[i].equal);
    }
    rendering_unref(rendering);
    end();
}
END_TEST

Suite *suite_table_rendering_reader(void)
{
    Suite *suite = suite_create("table/rendering_reader");
    TCase *pieces = tcase_create("pieces");
    TCase *failing = tcase_create("failing");

    tcase_add_checked_fixture(pieces, folder_set_up, folder_tear_down);
    tcase_add_loop_test(pieces, reading_in_order_begins_once, 0, 2);
    tcase_add_loop_test(pieces, a_text_is_head_rows_and_tail, 0, 2);
    tcase_add_loop_test(pieces, reading_shuffled_gives_equal_bytes, 0, 2);
    tcase_add_loop_test(pieces, reading_a_little_out_of_order_costs_nothing, 0, 2);
    tcase_add_loop_test(pieces, the_tail_is_made_from_a_mark_once_somebody_was_there, 0, 2);
    tcase_add_loop_test(pieces, rows_without_a_position_are_made_from_their_beginning, 0, 2);
    tcase_add_loop_test(pieces, reading_backwards_begins_at_marks, 0, 2);
    tcase_add_loop_test(pieces, there_is_nothing_behind_the_end, 0, 2);
    tcase_add_loop_test(pieces, a_row_longer_than_what_is_kept_can_be_read_in_pieces, 0, 2);
    tcase_add_loop_test(pieces, large_blobs_within_rows_are_read_in_any_order, 0, 2 * TEXT_FORMS);
    tcase_add_test(pieces, several_threads_share_marks);
    suite_add_tcase(suite, pieces);
    tcase_add_checked_fixture(failing, folder_set_up, folder_tear_down);
    tcase_add_loop_test(failing, what_is_gone_or_broken_has_no_reader, 0, 2);
    tcase_add_loop_test(failing, damage_fails_where_it_is_and_not_before, 0, 2);
    suite_add_tcase(suite, failing);
    return suite;
}
