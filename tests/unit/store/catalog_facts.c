/*
 * src/store/catalog_facts.c: facts about backups, and catalogs that have no place for them.
 */
#include <check.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/util/buf.h"
#include "store/support.h"

static struct ground ground;
static struct buf found = BUF_INIT;

static void set_up(void)
{
    ground_set_up(&ground);
}

static void tear_down(void)
{
    buf_free(&found);
    ground_tear_down(&ground);
}

static void note(struct repo *repo, uint64_t id, const char *kind, const char *text)
{
    struct err err = ERR_INIT;

    ck_assert_msg(repo_note_fact(repo, id, kind, text, strlen(text), &err) == 0, "%s", err.text);
}

static void assert_known(struct repo *repo, uint64_t id, const char *kind, const char *text)
{
    struct err err = ERR_INIT;

    buf_clear(&found);
    ck_assert_msg(repo_find_fact(repo, id, kind, &found, &err) == 0, "%s", err.text);
    ck_assert_str_eq(buf_text(&found), text);
    ck_assert_uint_eq(found.len, strlen(text));
}

static void assert_unknown(struct repo *repo, uint64_t id, const char *kind)
{
    struct err err = ERR_INIT;

    ck_assert_int_eq(repo_find_fact(repo, id, kind, &found, &err), -ENOENT);
    ck_assert_str_eq(err.text, "");
}

static bool has_table(void)
{
    sqlite3 *db = NULL;
    bool has;

    ck_assert_int_eq(sqlite3_open(ground_file(&ground, "catalog.sqlite"), &db), SQLITE_OK);
    has = sqlite3_table_column_metadata(db, NULL, "facts", "value", NULL, NULL, NULL, NULL, NULL) ==
          SQLITE_OK;
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
    return has;
}

START_TEST(a_fact_is_known_by_backup_and_kind)
{
    struct repo *repo = repo_at(&ground, "deflate");

    note(repo, 1, "sizes", "one");
    note(repo, 2, "sizes", "two");
    note(repo, 2, "changes", "");
    assert_known(repo, 1, "sizes", "one");
    assert_known(repo, 2, "sizes", "two");
    assert_known(repo, 2, "changes", "");
    assert_unknown(repo, 1, "changes");
    assert_unknown(repo, 3, "sizes");
    repo_close(repo);
}
END_TEST

START_TEST(a_later_fact_takes_the_place_of_the_one_before)
{
    struct repo *repo = repo_at(&ground, "deflate");

    note(repo, 1, "sizes", "one");
    note(repo, 1, "sizes", "another");
    assert_known(repo, 1, "sizes", "another");
    repo_close(repo);
    repo = repo_at(&ground, "deflate");
    assert_known(repo, 1, "sizes", "another");
    assert_whole(repo);
    repo_close(repo);
}
END_TEST

START_TEST(a_catalog_without_facts_is_not_written_by_who_looks_for_one)
{
    struct repo *repo = repo_at(&ground, "deflate");

    assert_unknown(repo, 1, "sizes");
    repo_close(repo);
    ck_assert(!has_table());
    repo = repo_reader(&ground);
    assert_unknown(repo, 1, "sizes");
    note(repo, 1, "sizes", "ignored");
    assert_unknown(repo, 1, "sizes");
    repo_close(repo);
    ck_assert(!has_table());
}
END_TEST

START_TEST(a_reader_sees_the_first_fact_that_another_notes)
{
    struct repo *repo = repo_at(&ground, "deflate"), *reader = repo_reader(&ground);

    assert_unknown(reader, 1, "sizes");
    note(repo, 1, "sizes", "one");
    assert_known(reader, 1, "sizes", "one");
    repo_close(reader);
    repo_close(repo);
}
END_TEST

START_TEST(repair_makes_a_catalog_without_facts)
{
    const struct repo_options options = {.compress = CODEC_DEFAULT};
    struct repo *repo = repo_at(&ground, "deflate");
    struct pages image;
    uint64_t backups = 0;

    pages_make(&image, 1, 4096, 10);
    note(repo, backup_of(repo, &image).id, "sizes", "one");
    repo_close(repo);
    ck_assert_int_eq(repo_rebuild(ground.repo, &options, NULL, &backups, NULL), 0);
    ck_assert_uint_eq(backups, 1);
    repo = repo_reader(&ground);
    assert_unknown(repo, 1, "sizes");
    repo_close(repo);
    pages_free(&image);
}
END_TEST

START_TEST(the_oldest_catalogs_know_no_fact_and_take_one)
{
    const char *top = getenv("DBSNAPFS_TOP");
    char command[512];
    struct repo *repo;

    (void)snprintf(command, sizeof command, "cp -r '%s/tests/golden/v1' %s", top ? top : ".",
                   ground.repo);
    ck_assert_int_eq(system(command), 0); // NOLINT(cert-env33-c)
    repo = repo_reader(&ground);
    assert_unknown(repo, 1, "sizes");
    repo_close(repo);
    repo = repo_at(&ground, "deflate");
    assert_unknown(repo, 1, "sizes");
    note(repo, 1, "sizes", "one");
    assert_known(repo, 1, "sizes", "one");
    assert_whole(repo);
    repo_close(repo);
}
END_TEST

Suite *suite_store_catalog_facts(void)
{
    Suite *suite = suite_create("store/catalog_facts");
    TCase *tests = tcase_create("facts");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_fact_is_known_by_backup_and_kind);
    tcase_add_test(tests, a_later_fact_takes_the_place_of_the_one_before);
    tcase_add_test(tests, a_catalog_without_facts_is_not_written_by_who_looks_for_one);
    tcase_add_test(tests, a_reader_sees_the_first_fact_that_another_notes);
    tcase_add_test(tests, repair_makes_a_catalog_without_facts);
    tcase_add_test(tests, the_oldest_catalogs_know_no_fact_and_take_one);
    suite_add_tcase(suite, tests);
    return suite;
}
