/*
 * Pages of one table or index are of one kind, those of others mostly of another, and any bytes
 * have some kind.
 */
#include "source/sqlite/page_kind.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "source/sqlite/support.h"

Suite *suite_source_sqlite_page_kind(void);

#define PAGE 4096u

/* A database of two tables and an index over one of them; their pages by type and kind. */
static void make_image(struct buf *image)
{
    database_make("a.db",
                  "CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT, born INTEGER, email TEXT);"
                  "CREATE TABLE blobs(id INTEGER PRIMARY KEY, b BLOB);"
                  "CREATE INDEX by_name ON users(name);"
                  "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 5000)"
                  " INSERT INTO users SELECT i, 'name of ' || i, i, i || '@example.org' FROM c;"
                  "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 500)"
                  " INSERT INTO blobs SELECT i, randomblob(300) FROM c;");
    file_backup("a.db", image);
}

/* How many different kinds the pages of a b-tree page type have, up to `max`. */
static size_t kinds_of_type(const struct buf *image, unsigned char type, size_t max)
{
    uint32_t kinds[16];
    size_t count = 0;

    for (size_t at = PAGE; at + PAGE <= image->len; at += PAGE) {
        uint32_t kind = sqlite_page_kind(image->data + at, PAGE);
        size_t i = 0;

        if ((unsigned char)image->data[at] != type)
            continue;
        while (i < count && kinds[i] != kind)
            i++;
        if (i == count && count < max)
            kinds[count++] = kind;
    }
    return count;
}

START_TEST(leaves_of_two_tables_are_of_two_kinds)
{
    struct buf image = BUF_INIT;

    make_image(&image);
    ck_assert_uint_eq(kinds_of_type(&image, 13, 16), 2);
    buf_free(&image);
}
END_TEST

START_TEST(leaves_of_one_index_are_of_one_kind)
{
    struct buf image = BUF_INIT;

    make_image(&image);
    ck_assert_uint_eq(kinds_of_type(&image, 10, 16), 1);
    buf_free(&image);
}
END_TEST

START_TEST(any_bytes_have_a_kind)
{
    unsigned char page[512];

    srandom(11);
    for (int i = 0; i < 20000; i++) {
        static const unsigned char types[] = {2, 5, 10, 13, 0, 255};

        for (size_t k = 0; k < sizeof(page); k++)
            page[k] = (unsigned char)random();
        page[0] = types[i % 6];
        (void)sqlite_page_kind(page, sizeof(page));
    }
    ck_assert_uint_eq(sqlite_page_kind(page, 0), 0);
}
END_TEST

Suite *suite_source_sqlite_page_kind(void)
{
    Suite *suite = suite_create("source/sqlite/page_kind");
    TCase *tcase = tcase_create("page_kind");

    tcase_add_checked_fixture(tcase, folder_set_up, folder_tear_down);
    tcase_add_test(tcase, leaves_of_two_tables_are_of_two_kinds);
    tcase_add_test(tcase, leaves_of_one_index_are_of_one_kind);
    tcase_add_test(tcase, any_bytes_have_a_kind);
    suite_add_tcase(suite, tcase);
    return suite;
}
