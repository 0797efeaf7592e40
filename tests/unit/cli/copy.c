/*
 * src/cli/copy.c, over a tree of static nodes.
 */
#include "cli/copy.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
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

/* A file that fails behind its first bytes. */

static int half_attr(struct node *node, struct node_attr *ret_attr, struct err *err)
{
    (void)node;
    (void)err;
    *ret_attr = (struct node_attr){.kind = NODE_FILE, .size = 20};
    return 0;
}

static int half_read(struct node_file *file, uint64_t offset, void *bytes, size_t len,
                     size_t *ret_len, struct err *err)
{
    (void)file;
    (void)len;
    if (offset > 0)
        return err_set(err, EBADMSG, "the other half is damaged");
    *ret_len = 10;
    memcpy(bytes, "first half", *ret_len);
    return 0;
}

static void half_close(struct node_file *file)
{
    (void)file;
}

static int half_open(struct node *node, bool writing, const struct node_request *request,
                     struct node_file **ret_file, struct err *err)
{
    static const struct node_file_ops ops = {.read = half_read, .close = half_close};
    static struct node_file file = {.ops = &ops};

    (void)node;
    (void)writing;
    (void)request;
    (void)err;
    *ret_file = &file;
    return 0;
}

static void free_nothing(struct node *node)
{
    (void)node;
}

static int make_half(void *context, struct node **ret_node, struct err *err)
{
    static const struct node_ops ops = {.attr = half_attr, .open = half_open, .free = free_nothing};
    static struct node half;

    (void)context;
    (void)err;
    node_init(&half, &ops);
    *ret_node = &half;
    return 0;
}

static int make_bad(void *context, struct node **ret_node, struct err *err)
{
    static const struct node_static_entry bad[] = {{"broken", NODE_FILE, false, make_broken},
                                                   {"half", NODE_FILE, false, make_half},
                                                   {"long", NODE_FILE, false, make_long},
                                                   {NULL, NODE_FILE, false, NULL}};

    (void)context;
    (void)err;
    return node_static_new(bad, NULL, NULL, 0, true, ret_node);
}

/* A directory whose list breaks off behind "a", or at once. */

static int torn_attr(struct node *node, struct node_attr *ret_attr, struct err *err)
{
    (void)node;
    (void)err;
    *ret_attr = (struct node_attr){.kind = NODE_DIRECTORY};
    return 0;
}

static int torn_lookup(struct node *node, const char *name, struct node **ret_node, struct err *err)
{
    (void)node;
    (void)name;
    return make_long(NULL, ret_node, err);
}

static int torn_list(struct node *node, struct node_place *place, uint64_t cookie, node_emit emit,
                     void *arg, struct err *err)
{
    (void)node;
    (void)place;
    if (cookie == 0)
        (void)emit(arg, "a", NODE_FILE, 1);
    return err_set(err, EBADMSG, "this list is damaged");
}

static int lost_list(struct node *node, struct node_place *place, uint64_t cookie, node_emit emit,
                     void *arg, struct err *err)
{
    (void)node;
    (void)place;
    (void)cookie;
    (void)emit;
    (void)arg;
    return err_set(err, EBADMSG, "this list is damaged");
}

static const struct node_ops torn_ops = {
    .attr = torn_attr, .lookup = torn_lookup, .list = torn_list, .free = free_nothing};
static const struct node_ops lost_ops = {
    .attr = torn_attr, .lookup = torn_lookup, .list = lost_list, .free = free_nothing};
static struct node torn, lost;

static int make_torn(void *context, struct node **ret_node, struct err *err)
{
    (void)context;
    (void)err;
    node_init(&torn, &torn_ops);
    *ret_node = &torn;
    return 0;
}

static int make_lost(void *context, struct node **ret_node, struct err *err)
{
    (void)context;
    (void)err;
    node_init(&lost, &lost_ops);
    *ret_node = &lost;
    return 0;
}

static const struct node_static_entry outer[] = {{"inner", NODE_DIRECTORY, false, make_inner},
                                                 {"bad", NODE_DIRECTORY, false, make_bad},
                                                 {"torn", NODE_DIRECTORY, false, make_torn},
                                                 {"lost", NODE_DIRECTORY, false, make_lost},
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

/* Goes on behind what cannot be read; `told` is a line for each. */

static struct buf told;

static void tell(void *arg, const char *path, const struct err *err)
{
    (void)arg;
    buf_addf(&told, "%s: %s\n", path, err->text);
}

static uint64_t stayed_bytes;

static int copy_what_can_be_read(const char *path, const char *dest, struct err *err)
{
    struct copy copy = {.name = path, .unread = tell};
    struct node *node = at(path);
    int code;

    buf_free(&told);
    code = copy_directory(&copy, node, dest, err);
    stayed_bytes = copy.done_bytes;
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
    ck_assert_str_eq(err.text, "broken: this file is damaged");
    ck_assert_int_eq(copy_out("inner/long", "no/such/out", false, &err), -ENOENT);
    assert_only("");
}
END_TEST

START_TEST(a_file_that_cannot_be_read_is_named)
{
    struct copy copy = {.name = "bad/broken"};
    struct node *node = at("bad/broken");
    struct err err = ERR_INIT;

    ck_assert_int_eq(copy_file(&copy, node, "out", false, &err), -EBADMSG);
    ck_assert_str_eq(err.text, "bad/broken: this file is damaged");
    node_unref(node);
}
END_TEST

START_TEST(what_cannot_be_read_of_a_directory_is_told_and_left_out)
{
    struct stat st;

    ck_assert_int_eq(copy_what_can_be_read("bad", "dir", NULL), 0);
    ck_assert_str_eq(buf_text(&told), "bad/broken: this file is damaged\n"
                                      "bad/half: the other half is damaged\n");
    ck_assert_int_eq(stat("dir/long", &st), 0);
    ck_assert_int_eq(st.st_size, TEXT_SIZE);
    ck_assert_int_ne(access("dir/broken", F_OK), 0);
    ck_assert_int_ne(access("dir/half", F_OK), 0);
    ck_assert_uint_eq(stayed_bytes, TEXT_SIZE);
    assert_only("dir ");
}
END_TEST

START_TEST(names_in_front_of_the_place_where_a_list_breaks_off_are_copied)
{
    ck_assert_int_eq(copy_what_can_be_read("torn", "dir", NULL), 0);
    ck_assert_str_eq(buf_text(&told), "torn: this list is damaged\n");
    ck_assert_int_eq(access("dir/a", F_OK), 0);
}
END_TEST

START_TEST(all_that_is_told_is_named_from_the_place_that_is_copied)
{
    ck_assert_int_eq(copy_what_can_be_read(".", "dir", NULL), 0);
    ck_assert_str_eq(buf_text(&told), "bad/broken: this file is damaged\n"
                                      "bad/half: the other half is damaged\n"
                                      "torn: this list is damaged\n"
                                      "lost: this list is damaged\n");
    ck_assert_int_eq(access("dir/inner/long", F_OK), 0);
}
END_TEST

START_TEST(a_directory_of_which_nothing_can_be_read_leaves_nothing)
{
    struct err err = ERR_INIT;

    ck_assert_int_eq(copy_what_can_be_read("lost", "dir", &err), -EBADMSG);
    ck_assert_str_eq(err.text, "lost: this list is damaged");
    ck_assert_str_eq(buf_text(&told), "");
    assert_only("");
}
END_TEST

START_TEST(what_cannot_be_written_ends_the_copy_and_leaves_nothing)
{
    const struct rlimit little = {1000, RLIM_INFINITY}, any = {RLIM_INFINITY, RLIM_INFINITY};
    struct err err = ERR_INIT;
    int code;

    ck_assert(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &little), 0);
    code = copy_what_can_be_read(".", "dir", &err);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &any), 0);
    ck_assert_int_eq(code, -EFBIG);
    ck_assert_ptr_nonnull(strstr(err.text, "/inner/long: File too large"));
    ck_assert_str_eq(buf_text(&told), "");
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
    tcase_add_test(tests, a_file_that_cannot_be_read_is_named);
    tcase_add_test(tests, what_cannot_be_read_of_a_directory_is_told_and_left_out);
    tcase_add_test(tests, names_in_front_of_the_place_where_a_list_breaks_off_are_copied);
    tcase_add_test(tests, all_that_is_told_is_named_from_the_place_that_is_copied);
    tcase_add_test(tests, a_directory_of_which_nothing_can_be_read_leaves_nothing);
    tcase_add_test(tests, what_cannot_be_written_ends_the_copy_and_leaves_nothing);
    tcase_add_test(tests, a_copy_can_be_cancelled);
    tcase_add_test(tests, a_directory_is_copied_with_its_links_and_without_what_is_hidden);
    suite_add_tcase(suite, tests);
    return suite;
}
