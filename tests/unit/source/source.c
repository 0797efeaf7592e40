/*
 * How a database is named.
 */
#include "dbsnapfs/source/source.h"

#include <check.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dbsnapfs/util/err.h"

Suite *suite_source_source(void);

static void assert_path(const char *spec, const char *path)
{
    struct source *source = NULL;
    struct err err = ERR_INIT;

    ck_assert_msg(source_new(spec, &source, &err) == 0, "%s: %s", spec, err.text);
    ck_assert_str_eq(source_path(source), path);
    source_free(source);
}

static void assert_refused(const char *spec, int code, const char *message)
{
    struct source *source = NULL;
    struct err err = ERR_INIT;

    ck_assert_int_eq(source_new(spec, &source, &err), -code);
    ck_assert_int_eq(err.code, -code);
    ck_assert_ptr_null(source);
    ck_assert_msg(strstr(err.text, message) != NULL, "%s: %s", spec, err.text);
}

START_TEST(a_path_is_made_absolute)
{
    char here[PATH_MAX], path[PATH_MAX + 8];

    ck_assert_ptr_nonnull(getcwd(here, sizeof(here)));
    snprintf(path, sizeof(path), "%s/a.db", here);
    assert_path("a.db", path);
    assert_path("./a.db", path);
    assert_path("/a.db", "/a.db");
    assert_path("/usr/../usr//lib/./a.db", "/usr/lib/a.db");
    assert_path("/usr/a?b.db", "/usr/a?b.db");
}
END_TEST

START_TEST(a_path_in_a_directory_that_is_not_there_is_made_absolute)
{
    char here[PATH_MAX], path[PATH_MAX + 16];

    ck_assert_ptr_nonnull(getcwd(here, sizeof(here)));
    snprintf(path, sizeof(path), "%s/nowhere/a.db", here);
    assert_path("nowhere/a.db", path);
    assert_path("/nowhere/at/all.db", "/nowhere/at/all.db");
    assert_path("/etc/passwd/a.db", "/etc/passwd/a.db");
}
END_TEST

START_TEST(a_url_has_three_slashes_before_a_relative_path_and_four_before_an_absolute_one)
{
    char here[PATH_MAX], path[PATH_MAX + 8];

    ck_assert_ptr_nonnull(getcwd(here, sizeof(here)));
    snprintf(path, sizeof(path), "%s/a.db", here);
    assert_path("sqlite:///a.db", path);
    assert_path("sqlite:////usr/a.db", "/usr/a.db");
}
END_TEST

START_TEST(a_url_may_name_a_python_driver_and_its_options)
{
    assert_path("sqlite+pysqlite:////usr/a.db?check_same_thread=true", "/usr/a.db");
    assert_path("SQLite+aiosqlite:////usr/a.db", "/usr/a.db");
}
END_TEST

START_TEST(another_kind_of_database_is_refused_with_what_is_known)
{
    assert_refused("postgresql://host/db", EPROTONOSUPPORT,
                   "postgresql://: not a known kind of database; give a path or sqlite:///path");
    assert_refused("sqlitex:///a.db", EPROTONOSUPPORT, "sqlitex://: not a known kind");
}
END_TEST

START_TEST(a_database_in_memory_or_on_a_host_is_refused)
{
    assert_refused("sqlite://", EINVAL, "a database in memory cannot be backed up");
    assert_refused("sqlite:///", EINVAL, "a database in memory cannot be backed up");
    assert_refused("sqlite:///:memory:", EINVAL, "a database in memory cannot be backed up");
    assert_refused("sqlite://host/a.db", EINVAL, "SQLite has no hosts");
}
END_TEST

START_TEST(what_cannot_be_a_file_is_refused)
{
    assert_refused("", EINVAL, "an empty path names no database");
    assert_refused("/usr/", EISDIR, "/usr/: a directory, not a database file");
    assert_refused("/", EISDIR, "/: a directory, not a database file");
    assert_refused("..", EISDIR, "..: a directory, not a database file");
}
END_TEST

START_TEST(freeing_nothing_is_fine)
{
    source_free(NULL);
}
END_TEST

Suite *suite_source_source(void)
{
    Suite *suite = suite_create("source/source");
    TCase *names = tcase_create("names");

    tcase_add_test(names, a_path_is_made_absolute);
    tcase_add_test(names, a_path_in_a_directory_that_is_not_there_is_made_absolute);
    tcase_add_test(names,
                   a_url_has_three_slashes_before_a_relative_path_and_four_before_an_absolute_one);
    tcase_add_test(names, a_url_may_name_a_python_driver_and_its_options);
    tcase_add_test(names, another_kind_of_database_is_refused_with_what_is_known);
    tcase_add_test(names, a_database_in_memory_or_on_a_host_is_refused);
    tcase_add_test(names, what_cannot_be_a_file_is_refused);
    tcase_add_test(names, freeing_nothing_is_fine);
    suite_add_tcase(suite, names);
    return suite;
}
