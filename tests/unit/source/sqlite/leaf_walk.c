/*
 * src/source/sqlite/leaf_walk.c, under random work on databases of all shapes, and over damage.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "source/sqlite/pages_support.h"
#include "source/sqlite/support.h"
#include "store/support.h"

Suite *suite_source_sqlite_leaf_walk(void);

static struct two_states two;

static const int page_sizes[] = {512, 1024, 2048, 4096, 8192, 16384, 32768, 65536};

static void make(uint64_t seed)
{
    static const char *const vacuum[] = {"NONE", "FULL", "INCREMENTAL"};
    static const char *const encodings[] = {"UTF-8", "UTF-16le", "UTF-16be"};
    char sql[1500];

    (void)snprintf(sql, sizeof sql,
                   "PRAGMA page_size = %d; PRAGMA auto_vacuum = %s; PRAGMA encoding = '%s';"
                   "CREATE TABLE t(id INTEGER PRIMARY KEY, x TEXT, n);"
                   "CREATE TABLE b(id INTEGER PRIMARY KEY, b BLOB, n);"
                   "CREATE TABLE w(k TEXT PRIMARY KEY, v) WITHOUT ROWID;"
                   "CREATE INDEX tx ON t(x); CREATE INDEX bb ON b(b);"
                   "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 3000)"
                   " INSERT INTO t SELECT i * 10, 'the text of ' || i, i %% 50 FROM c;"
                   "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 60)"
                   " INSERT INTO b SELECT i * 10 - 300, zeroblob(i * 311 %% 9000), i FROM c;"
                   "INSERT INTO w SELECT x, n FROM t WHERE id %% 3 = 0;",
                   page_sizes[seed % 8], vacuum[seed / 8 % 3], encodings[seed / 3 % 3]);
    database_make("a.db", sql);
}

/* One of the things that people do to databases. */
static void work(sqlite3 *db, uint64_t *seed)
{
    static const char *const statements[] = {
        "UPDATE t SET n = n + 1 WHERE id = ?1 / 10 * 10",
        "UPDATE OR REPLACE t SET id = id + 7 WHERE id BETWEEN ?1 AND ?1 + 40",
        "DELETE FROM t WHERE id BETWEEN ?1 AND ?1 + 200",
        "INSERT OR REPLACE INTO t VALUES(?1, 'new text', ?2)",
        "INSERT INTO t(x, n) VALUES(hex(zeroblob(?1 % 3000)), ?2)",
        "UPDATE b SET b = CAST(substr(b, 6) || printf('%05d', ?1) AS BLOB) WHERE n = ?2 % 60",
        "UPDATE b SET b = CAST(substr(b, 1, length(b) - 1) || 'x' AS BLOB) WHERE n = ?1 % 60",
        "UPDATE b SET b = zeroblob(?1 % 12000) WHERE n = ?2 % 60",
        "INSERT OR REPLACE INTO b VALUES(?1 % 700 - 350, zeroblob(?2 % 20000), ?1 % 60)",
        "DELETE FROM b WHERE n = ?1 % 60",
        "UPDATE w SET v = -1 WHERE k = 'the text of ' || ?1 / 10",
        "CREATE TABLE gone AS SELECT zeroblob(?1 % 9000) FROM t LIMIT 50",
        "DROP TABLE IF EXISTS gone",
        "PRAGMA incremental_vacuum(5)",
        "INSERT OR REPLACE INTO t VALUES(9223372036854775807 - ?1 % 5, 'far', ?2)",
        "INSERT OR REPLACE INTO t VALUES(-9223372036854775807 - 1 + ?1 % 5, 'near', ?2)",
    };
    size_t which = (size_t)(random_next(seed) % (sizeof(statements) / sizeof(statements[0])));
    sqlite3_stmt *s = NULL;

    /* fails at times: a table is there already, the greatest rowid taken */
    if (sqlite3_prepare_v2(db, statements[which], -1, &s, NULL) == SQLITE_OK) {
        sqlite3_bind_int(s, 1, (int)(random_next(seed) % 30000));
        sqlite3_bind_int(s, 2, (int)(random_next(seed) % 30000));
        while (sqlite3_step(s) == SQLITE_ROW)
            ;
    }
    sqlite3_finalize(s);
}

static void work_some(uint64_t *seed)
{
    sqlite3 *db = shell_open("a.db");

    for (uint64_t i = random_next(seed) % 12 + 1; i > 0; i--)
        work(db, seed);
    if (random_next(seed) % 12 == 0)
        database_exec(db, "VACUUM");
    sqlite3_close(db);
}

/* Are all rows of w equal in both states? */
static bool without_rowid_equal(void)
{
    sqlite3_stmt *s = NULL;
    bool equal;

    ck_assert_int_eq(sqlite3_prepare_v2(two.oracle,
                                        "SELECT * FROM (SELECT * FROM before.w EXCEPT SELECT * FROM"
                                        " after.w) UNION ALL SELECT * FROM (SELECT * FROM after.w"
                                        " EXCEPT SELECT * FROM before.w)",
                                        -1, &s, NULL),
                     SQLITE_OK);
    equal = sqlite3_step(s) == SQLITE_DONE;
    sqlite3_finalize(s);
    return equal;
}

static void assert_all_sound(void)
{
    struct table_ranges ranges;

    ck_assert_int_ge(assert_sound(&two, "t"), 0);
    ck_assert_int_ge(assert_sound(&two, "b"), 0);
    table_ranges_get(&two, "w", &ranges);
    ck_assert(ranges.whole || without_rowid_equal());
    table_ranges_free(&ranges);
}

START_TEST(no_row_that_differs_is_missed)
{
    uint64_t seed = (uint64_t)_i;

    make(seed);
    two_states_begin(&two);
    two_states_keep(&two, 0);
    for (int i = 0; i < 8; i++) {
        work_some(&seed);
        two_states_keep(&two, 1);
        two_states_compare(&two);
        assert_all_sound();
        if (i % 3 != 0) /* else two steps lie between the states */
            two_states_keep(&two, 0);
    }
    two_states_end(&two);
}
END_TEST

static bool image_is_good(const char *state)
{
    sqlite3_stmt *s = NULL;
    char sql[80];
    bool good;

    (void)snprintf(sql, sizeof sql, "PRAGMA %s.integrity_check", state);
    good = sqlite3_prepare_v2(two.oracle, sql, -1, &s, NULL) == SQLITE_OK &&
           sqlite3_step(s) == SQLITE_ROW &&
           strcmp((const char *)sqlite3_column_text(s, 0), "ok") == 0;
    sqlite3_finalize(s);
    return good;
}

/* Flips bits, the most of them where pages have their heads and interior pages their cells. */
static void damage(struct buf *image, size_t page_size, uint64_t *seed)
{
    for (uint64_t i = random_next(seed) % 6 + 1; i > 0; i--) {
        size_t page = (size_t)(random_next(seed) % (image->len / page_size)) * page_size, at;

        for (int k = 0; k < 40 && image->data[page] != 5 && image->data[page] != 2; k++)
            page = (size_t)(random_next(seed) % (image->len / page_size)) * page_size;
        at = (size_t)(random_next(seed) % (random_next(seed) % 2 ? 30 : page_size));
        if (page == 0 && at < 100)
            at = 100 + at % 20;
        image->data[page + at] = (char)(image->data[page + at] ^ 1 << random_next(seed) % 8);
    }
}

/* The ranges may be too many; and too few only where SQLite itself finds damage. */
START_TEST(damage_ends_nothing)
{
    uint64_t seed = 1000 + (uint64_t)_i;
    struct buf good[2] = {BUF_INIT, BUF_INIT};

    make((uint64_t)_i);
    two_states_begin(&two);
    two_states_keep(&two, 0);
    work_some(&seed);
    two_states_keep(&two, 1);
    for (int i = 0; i < 2; i++)
        buf_add(&good[i], two.images[i].data, two.images[i].len);
    for (int i = 0; i < 12; i++) {
        struct table_ranges ranges;

        for (int k = 0; k < 2; k++) {
            buf_clear(&two.images[k]);
            buf_add(&two.images[k], good[k].data, good[k].len);
        }
        damage(&two.images[random_next(&seed) % 2], (size_t)page_sizes[_i % 8], &seed);
        two_states_put(&two, 0);
        two_states_put(&two, 1);
        two_states_compare(&two);
        if (image_is_good("before") && image_is_good("after")) {
            assert_all_sound();
            continue;
        }
        for (uint32_t root = 0; root < 12; root++) {
            struct err err = ERR_INIT;

            ck_assert_msg(page_comparison_ranges(two.comparison, root, root, &ranges.whole,
                                                 &ranges.items, &ranges.count, &err) == 0,
                          "%s", err.text);
            table_ranges_free(&ranges);
        }
    }
    for (int i = 0; i < 2; i++)
        buf_free(&good[i]);
    two_states_end(&two);
}
END_TEST

/* A root whose only children are itself. */
START_TEST(a_cycle_is_whole)
{
    struct table_ranges ranges;
    uint32_t root;
    uint8_t *page;

    make(3);
    two_states_begin(&two);
    two_states_keep(&two, 0);
    two_states_keep(&two, 1);
    two_states_compare(&two);
    root = root_page(&two, "after", "t");
    page = (uint8_t *)two.images[1].data + (size_t)(root - 1) * 4096;
    ck_assert_uint_eq(page[0], 5);
    for (int i = 0; i < page[4]; i++) {
        size_t cell = (size_t)page[12 + 2 * i] << 8 | page[13 + 2 * i];

        page[cell + 3] = (uint8_t)root;
    }
    page[11] = (uint8_t)root;
    two_states_put(&two, 1);
    two_states_compare(&two);
    table_ranges_get(&two, "t", &ranges);
    ck_assert(ranges.whole);
    ck_assert_uint_lt(page_comparison_pages_read(two.comparison), 100);
    two_states_end(&two);
}
END_TEST

Suite *suite_source_sqlite_leaf_walk(void)
{
    Suite *suite = suite_create("source/sqlite/leaf_walk");
    TCase *walk = tcase_create("walk");

    tcase_add_checked_fixture(walk, folder_set_up, folder_tear_down);
    tcase_set_timeout(walk, 120);
    tcase_add_loop_test(walk, no_row_that_differs_is_missed, 0, 48);
    tcase_add_loop_test(walk, damage_ends_nothing, 0, 16);
    tcase_add_test(walk, a_cycle_is_whole);
    suite_add_tcase(suite, walk);
    return suite;
}
