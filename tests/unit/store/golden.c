/*
 * tests/golden: a repository of every format version that there was, each read as it was written.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/util/sha256.h"
#include "store/support.h"

static const char *const versions[] = {"v1"};

#define VERSIONS ((int)(sizeof versions / sizeof versions[0]))
#define LINE_BYTES 128

static struct ground ground;

static void tear_down(void)
{
    ground_tear_down(&ground);
}

/* A copy, so that a test may write. */
static void golden_copy(const char *version, const char *without)
{
    const char *top = getenv("DBSNAPFS_TOP");
    char command[512];

    ground_set_up(&ground);
    (void)snprintf(command, sizeof command, "cp -r '%s/tests/golden/%s' %s && rm -f %s/%s",
                   top ? top : ".", version, ground.repo, ground.repo, without);
    ck_assert_int_eq(system(command), 0); // NOLINT(cert-env33-c)
}

static void sum_of(struct repo *repo, const char *name, char hex[SHA256_HEX_BYTES])
{
    struct snapshot *snapshot = NULL;
    struct backup_entry entry = {0};
    struct sha256 *sum = NULL;
    struct err err = ERR_INIT;
    uint8_t bytes[10000];
    size_t got = 1;

    ck_assert_msg(repo_find(repo, name, &entry, &err) == 0, "%s", err.text);
    ck_assert_int_eq(snapshot_open(repo, entry.id, &snapshot, &err), 0);
    ck_assert_int_eq(sha256_new(&sum, NULL), 0);
    for (uint64_t at = 0; got; at += got) {
        ck_assert_msg(snapshot_read(snapshot, at, bytes, sizeof bytes, &got, &err) == 0, "%s",
                      err.text);
        ck_assert_int_eq(sha256_add(sum, bytes, got, NULL), 0);
    }
    ck_assert_int_eq(sha256_hex(sum, hex, NULL), 0);
    sha256_free(sum);
    snapshot_close(snapshot);
    backup_entry_free(&entry);
}

static void assert_sums(struct repo *repo)
{
    FILE *sums = fopen(ground_file(&ground, "SHA256SUMS"), "re");
    char line[LINE_BYTES], hex[SHA256_HEX_BYTES], *name;
    uint64_t count = 0;
    struct repo_totals totals;

    ck_assert_ptr_nonnull(sums);
    while (fgets(line, sizeof line, sums)) {
        line[strcspn(line, "\n")] = '\0';
        name = strrchr(line, ' ') + 1;
        sum_of(repo, name, hex);
        ck_assert_msg(strncmp(line, hex, strlen(hex)) == 0, "%s is %s", line, hex);
        count++;
    }
    (void)fclose(sums);
    ck_assert_int_eq(repo_totals(repo, &totals, NULL), 0);
    ck_assert_uint_eq(totals.backups, count);
}

START_TEST(a_golden_repository_is_read_as_it_was_written)
{
    struct repo *repo;

    golden_copy(versions[_i], "nothing");
    repo = repo_reader(&ground);
    assert_sums(repo);
    assert_whole(repo);
    repo_close(repo);
}
END_TEST

START_TEST(a_golden_repository_can_be_made_again_from_its_segments)
{
    struct repo *repo;

    golden_copy(versions[_i], "catalog.sqlite");
    repo = repo_at(&ground, "deflate");
    assert_sums(repo);
    assert_whole(repo);
    repo_close(repo);
}
END_TEST

START_TEST(a_golden_repository_can_be_gone_on_with)
{
    struct repo *repo;
    struct pages image;
    uint64_t id;

    golden_copy(versions[_i], "nothing");
    pages_make(&image, 3, 8192, 20);
    repo = repo_at(&ground, "deflate");
    id = backup_of(repo, &image).id;
    assert_backup_is(repo, id, &image);
    assert_whole(repo);
    repo_close(repo);
    pages_free(&image);
}
END_TEST

Suite *suite_store_golden(void)
{
    Suite *suite = suite_create("store/golden");
    TCase *tests = tcase_create("golden");

    tcase_add_checked_fixture(tests, NULL, tear_down);
    tcase_add_loop_test(tests, a_golden_repository_is_read_as_it_was_written, 0, VERSIONS);
    tcase_add_loop_test(tests, a_golden_repository_can_be_made_again_from_its_segments, 0,
                        VERSIONS);
    tcase_add_loop_test(tests, a_golden_repository_can_be_gone_on_with, 0, VERSIONS);
    suite_add_tcase(suite, tests);
    return suite;
}
