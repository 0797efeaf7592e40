/*
 * src/cli/options.c
 */
#include "cli/options.h"

#include <check.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "dbsnapfs/util/err.h"

/* Parses a NULL-terminated list of arguments behind the program's name. */
static int parse(struct options *ret_options, struct err *err, ...)
{
    static char program[] = "dbsnapfs";
    char *argv[16] = {program};
    va_list ap;
    int argc = 1;

    va_start(ap, err);
    while (argc < 15 && (argv[argc] = va_arg(ap, char *)) != NULL)
        argc++;
    va_end(ap);
    return options_parse(argc, argv, ret_options, err);
}

static void assert_refused(const char *first, const char *second, const char *message)
{
    struct options options;
    struct err err = ERR_INIT;

    ck_assert_int_eq(parse(&options, &err, first, second, NULL), -EINVAL);
    ck_assert_str_eq(err.text, message);
    options_release(&options);
}

START_TEST(options_stand_anywhere)
{
    struct options options;

    ck_assert_int_eq(
        parse(&options, NULL, "app.db", "-f", "/mnt", "-o", "ro,umask=022", "-q", NULL), 0);
    ck_assert_uint_eq(options.count, 2);
    ck_assert_str_eq(options.args[0], "app.db");
    ck_assert_str_eq(options.args[1], "/mnt");
    ck_assert(options.foreground && options.read_only && options.quiet && !options.debug);
    ck_assert_uint_eq(options.umask, 022);
    options_release(&options);
}
END_TEST

START_TEST(what_is_not_given_has_a_sensible_value)
{
    struct options options;

    ck_assert_int_eq(parse(&options, NULL, NULL), 0);
    ck_assert_uint_eq(options.count, 0);
    ck_assert_uint_eq(options.umask, 077);
    ck_assert_int_eq(options.live_timeout_s, 600);
    ck_assert_uint_eq(options.uid, getuid());
    ck_assert_uint_eq(options.gid, getgid());
    ck_assert_int_eq(options.compress.id, CODEC_DEFLATE);
    ck_assert_ptr_null(options.repo);
    options_release(&options);
}
END_TEST

START_TEST(mount_options_are_typed)
{
    struct options options;

    ck_assert_int_eq(parse(&options, NULL, "-orepo=/srv/r,cache=64M,uid=1000,gid=100,allow_other",
                           "-o", "compress=none,live-timeout=0", NULL),
                     0);
    ck_assert_str_eq(options.repo, "/srv/r");
    ck_assert_uint_eq(options.cache_bytes, 64u << 20);
    ck_assert_uint_eq(options.uid, 1000);
    ck_assert_uint_eq(options.gid, 100);
    ck_assert(options.allow_other);
    ck_assert_int_eq(options.compress.id, CODEC_NONE);
    ck_assert_int_eq(options.live_timeout_s, 0);
    options_release(&options);
}
END_TEST

START_TEST(a_comma_in_a_path_is_written_with_a_backslash)
{
    struct options options;

    ck_assert_int_eq(parse(&options, NULL, "-o", "repo=/a\\,b\\\\c,ro", NULL), 0);
    ck_assert_str_eq(options.repo, "/a,b\\c");
    ck_assert(options.read_only);
    options_release(&options);
}
END_TEST

START_TEST(the_last_of_ro_and_rw_counts)
{
    struct options options;

    ck_assert_int_eq(parse(&options, NULL, "-o", "ro,,rw", NULL), 0);
    ck_assert(!options.read_only);
    options_release(&options);
}
END_TEST

START_TEST(options_of_mount_8_are_accepted_and_restrictions_passed_on)
{
    struct options options;

    ck_assert_int_eq(parse(&options, NULL, "-o",
                           "rw,dev,suid,noauto,nofail,_netdev,user=me,x-systemd.automount,"
                           "comment=a b,defaults,relatime,nodev,nosuid,noexec,noatime",
                           NULL),
                     0);
    ck_assert_str_eq(buf_text(&options.fuse_options), "nodev,nosuid,noexec,noatime");
    options_release(&options);
}
END_TEST

START_TEST(two_dashes_end_the_options)
{
    struct options options;

    ck_assert_int_eq(parse(&options, NULL, "--repo", "/r", "--", "-f", "-", NULL), 0);
    ck_assert_str_eq(options.repo, "/r");
    ck_assert_uint_eq(options.count, 2);
    ck_assert_str_eq(options.args[0], "-f");
    ck_assert(!options.foreground);
    options_release(&options);
}
END_TEST

START_TEST(what_is_unknown_is_named)
{
    assert_refused("-x", NULL, "unknown option: -x");
    assert_refused("-fx", NULL, "unknown option: -x");
    assert_refused("--jason", NULL, "unknown option: --jason");
    assert_refused("--jason=1", NULL, "unknown option: --jason");
    assert_refused("-o", "ro,nonsense=1", "unknown option: -o nonsense=1");
    assert_refused("-o", "nofailure", "unknown option: -o nofailure");
}
END_TEST

START_TEST(missing_and_needless_values_are_refused)
{
    assert_refused("-o", NULL, "-o needs a value");
    assert_refused("--repo", NULL, "--repo needs a value");
    assert_refused("--repo=", NULL, "repo= needs a path");
    assert_refused("--json=yes", NULL, "--json takes no value");
    assert_refused("-o", "repo", "-o repo needs a value: repo=PATH");
    assert_refused("-o", "ro=1", "-o ro takes no value");
}
END_TEST

START_TEST(wrong_values_are_refused)
{
    assert_refused("-o", "umask=8", "umask=8: not an octal number such as 022");
    assert_refused("-o", "umask=1000", "umask=1000: not an octal number such as 022");
    assert_refused("-o", "uid=me", "uid=me: not a number of a user or group");
    assert_refused("-o", "gid=4294967295", "gid=4294967295: not a number of a user or group");
    assert_refused("-o", "cache=much", "cache=much: not a size such as 64M");
    assert_refused("-o", "live-timeout=1m", "live-timeout=1m: not a number of seconds such as 600");
}
END_TEST

START_TEST(help_shows_every_option_once)
{
    struct buf out = BUF_INIT;

    options_help(&out);
    ck_assert_ptr_nonnull(strstr(buf_text(&out), "  -q, --quiet"));
    ck_assert_ptr_nonnull(strstr(buf_text(&out), "  --repo=PATH"));
    ck_assert_ptr_nonnull(strstr(buf_text(&out), "  -o OPTIONS"));
    buf_clear(&out);
    options_mount_help(&out);
    ck_assert_ptr_nonnull(strstr(buf_text(&out), "  compress=CODEC"));
    ck_assert_ptr_null(strstr(buf_text(&out), "  rw"));
    buf_free(&out);
}
END_TEST

Suite *suite_cli_options(void)
{
    Suite *suite = suite_create("cli/options");
    TCase *tests = tcase_create("options");

    tcase_add_test(tests, options_stand_anywhere);
    tcase_add_test(tests, what_is_not_given_has_a_sensible_value);
    tcase_add_test(tests, mount_options_are_typed);
    tcase_add_test(tests, a_comma_in_a_path_is_written_with_a_backslash);
    tcase_add_test(tests, the_last_of_ro_and_rw_counts);
    tcase_add_test(tests, options_of_mount_8_are_accepted_and_restrictions_passed_on);
    tcase_add_test(tests, two_dashes_end_the_options);
    tcase_add_test(tests, what_is_unknown_is_named);
    tcase_add_test(tests, missing_and_needless_values_are_refused);
    tcase_add_test(tests, wrong_values_are_refused);
    tcase_add_test(tests, help_shows_every_option_once);
    suite_add_tcase(suite, tests);
    return suite;
}
