/*
 * src/cli/copy.c, over a tree of static nodes.
 */
#include "cli/copy.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dbsnapfs/tree.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"

#define TEXT_SIZE (3 << 20) /* several pieces */

static char folder[] = "/tmp/dbsnapfs-copy-XXXXXX";
static struct node *root;

static int render_long(void *context, struct buf *out, struct err *err)
{
    (void)context;
    (void)err;
    for (int i = 0; i < TEXT_SIZE / 8; i++)
        buf_addf(out, "%07d\n", i);
    return 0;
}

static int render_broken(void *context, struct buf *out, struct err *err)
{
    (void)context;
    (void)out;
    return err_set(err, EBADMSG, "this file is damaged");
}

static int render_target(void *context, struct buf *out, struct err *err)
{
    (void)context;
    (void)err;
    buf_add_text(out, "long");
    return 0;
}

static int size_broken(void *context, uint64_t *ret_size, struct err *err)
{
    (void)context;
    (void)err;
    *ret_size = 10;
    return 0;
}

static int make_long(void *context, struct node **ret_node, struct err *err)
{
    static const struct node_text text = {.render = render_long};

    (void)context;
    (void)err;
    return node_text_new(&text, NULL, NULL, 0, ret_node);
}

static int make_broken(void *context, struct node **ret_node, struct err *err)
{
    static const struct node_text text = {.render = render_broken, .size = size_broken};

    (void)context;
    (void)err;
    return node_text_new(&text, NULL, NULL, 0, ret_node);
}

static int make_link(void *context, struct node **ret_node, struct err *err)
{
    (void)context;
    (void)err;
    return node_link_new(render_target, NULL, NULL, 0, true, ret_node);
}

static int make_inner(void *context, struct node **ret_node, struct err *err)
{
    static const struct node_static_entry inner[] = {{"long", NODE_FILE, false, make_long},
                                                     {"link", NODE_LINK, false, make_link},
                                                     {"unseen", NODE_FILE, true, make_broken},
                                                     {NULL, NODE_FILE, false, NULL}};

    (void)context;
    (void)err;
    return node_static_new(inner, NULL, NULL, 0, true, ret_node);
}

static int make_bad(void *context, struct node **ret_node, struct err *err)
{
    static const struct node_static_entry bad[] = {{"long", NODE_FILE, false, make_long},
                                                   {"broken", NODE_FILE, false, make_broken},
                                                   {NULL, NODE_FILE, false, NULL}};

    (void)context;
    (void)err;
    return node_static_new(bad, NULL, NULL, 0, true, ret_node);
}

static const struct node_static_entry outer[] = {{"inner", NODE_DIRECTORY, false, make_inner},
                                                 {"bad", NODE_DIRECTORY, false, make_bad},
                                                 {NULL, NODE_FILE, false, NULL}};

static void set_up(void)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(chdir(folder), 0);
    ck_assert_int_eq(node_static_new(outer, NULL, NULL, 0, true, &root), 0);
}

static void tear_down(void)
{
    struct buf command = BUF_INIT;

    node_unref(root);
    buf_addf(&command, "rm -rf %s", folder);
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_int_eq(system(buf_text(&command)), 0); // NOLINT(cert-env33-c)
    buf_free(&command);
}

static struct node *at(const char *path)
{
    struct node *node = NULL;

    ck_assert_int_eq(node_walk(root, path, &node, NULL), 0);
    return node;
}

static int copy_out(const char *path, const char *dest, bool replace, struct err *err)
{
    struct copy copy = {.cancel = NULL};
    struct node *node = at(path);
    int code = copy_file(&copy, node, dest, replace, err);

    node_unref(node);
    return code;
}

static int copy_all(const char *path, const char *dest, struct err *err)
{
    struct copy copy = {.cancel = NULL};
    struct node *node = at(path);
    int code = copy_directory(&copy, node, dest, err);

    node_unref(node);
    return code;
}

/* Nothing lies in the folder but what is named. */
static void assert_only(const char *names)
{
    struct buf command = BUF_INIT;

    buf_addf(&command, "test \"$(ls -A | tr '\\n' ' ')\" = '%s'", names);
    ck_assert_int_eq(system(buf_text(&command)), 0); // NOLINT(cert-env33-c)
    buf_free(&command);
}

START_TEST(a_file_is_copied_whole_and_private)
{
    struct stat st;

    ck_assert_int_eq(copy_out("inner/long", "out", false, NULL), 0);
    ck_assert_int_eq(stat("out", &st), 0);
    ck_assert_int_eq(st.st_size, TEXT_SIZE);
    ck_assert_uint_eq(st.st_mode & 07777, 0600);
    assert_only("out ");
}
END_TEST

START_TEST(a_file_that_exists_stays_unless_it_is_to_be_replaced)
{
    struct err err = ERR_INIT;
    struct stat st;
    FILE *file = fopen("out", "w");

    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(copy_out("inner/long", "out", false, &err), -EEXIST);
    ck_assert_str_eq(err.text, "out exists already");
    ck_assert_int_eq(stat("out", &st), 0);
    ck_assert_int_eq(st.st_size, 0);
    ck_assert_int_eq(copy_out("inner/long", "out", true, &err), 0);
    ck_assert_int_eq(stat("out", &st), 0);
    ck_assert_int_eq(st.st_size, TEXT_SIZE);
    assert_only("out ");
}
END_TEST

START_TEST(a_failure_leaves_nothing)
{
    struct err err = ERR_INIT;

    ck_assert_int_eq(copy_out("bad/broken", "out", false, &err), -EBADMSG);
    ck_assert_str_eq(err.text, "this file is damaged");
    ck_assert_int_eq(copy_all("bad", "dir", &err), -EBADMSG);
    ck_assert_int_eq(copy_out("inner/long", "no/such/out", false, &err), -ENOENT);
    assert_only("");
}
END_TEST

START_TEST(a_copy_can_be_cancelled)
{
    static const atomic_bool cancel = true;
    struct copy copy = {.cancel = &cancel};
    struct node *node = at("inner");
    struct err err = ERR_INIT;

    ck_assert_int_eq(copy_directory(&copy, node, "dir", &err), -ECANCELED);
    ck_assert_str_eq(err.text, "cancelled");
    node_unref(node);
    assert_only("");
}
END_TEST

START_TEST(a_directory_is_copied_with_its_links_and_without_what_is_hidden)
{
    char target[16] = "";
    struct err err = ERR_INIT;
    struct stat st;

    ck_assert_int_eq(copy_all("inner", "dir", NULL), 0);
    ck_assert_int_eq(stat("dir/long", &st), 0);
    ck_assert_int_eq(st.st_size, TEXT_SIZE);
    ck_assert_int_eq(readlink("dir/link", target, sizeof target - 1), 4);
    ck_assert_str_eq(target, "long");
    ck_assert_int_ne(access("dir/unseen", F_OK), 0);
    ck_assert_int_eq(copy_all("inner", "dir", &err), -EEXIST);
    assert_only("dir ");
}
END_TEST

Suite *suite_cli_copy(void)
{
    Suite *suite = suite_create("cli/copy");
    TCase *tests = tcase_create("copy");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_file_is_copied_whole_and_private);
    tcase_add_test(tests, a_file_that_exists_stays_unless_it_is_to_be_replaced);
    tcase_add_test(tests, a_failure_leaves_nothing);
    tcase_add_test(tests, a_copy_can_be_cancelled);
    tcase_add_test(tests, a_directory_is_copied_with_its_links_and_without_what_is_hidden);
    suite_add_tcase(suite, tests);
    return suite;
}
