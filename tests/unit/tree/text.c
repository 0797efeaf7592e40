/* src/tree/text.c and src/tree/link.c: files and links that are rendered. */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "dbsnapfs/tree.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"
#include "tree/support.h"

static struct node *at(const char *path)
{
    struct node *root = support_tree(), *node = NULL;
    ck_assert_int_eq(node_walk(root, path, &node, NULL), 0);
    node_unref(root);
    return node;
}

START_TEST(a_text_is_as_long_as_its_rendering)
{
    struct node *node = at("file");
    struct node_attr attr = {.kind = NODE_LINK};
    ck_assert_int_eq(node_attr(node, &attr, NULL), 0);
    ck_assert_int_eq(attr.kind, NODE_FILE);
    ck_assert_uint_eq(attr.size, 6);
    ck_assert_int_eq(attr.mtime_ns, 7);
    ck_assert(attr.immutable && !attr.writable);
    node_unref(node);
}
END_TEST

START_TEST(a_text_is_read_from_anywhere_to_its_end)
{
    struct node *node = at("file");
    struct node_file *file = NULL;
    char bytes[16] = "";
    size_t len = 0;
    ck_assert_int_eq(node_open(node, false, NULL, &file, NULL), 0);
    ck_assert_int_eq(file->ops->read(file, 2, bytes, 3, &len, NULL), 0);
    ck_assert_uint_eq(len, 3);
    ck_assert_mem_eq(bytes, "llo", 3);
    ck_assert_int_eq(file->ops->read(file, 4, bytes, 16, &len, NULL), 0);
    ck_assert_uint_eq(len, 2);
    ck_assert_int_eq(file->ops->read(file, 6, bytes, 16, &len, NULL), 0);
    ck_assert_uint_eq(len, 0);
    ck_assert_int_eq(file->ops->read(file, UINT64_MAX, bytes, 16, &len, NULL), 0);
    ck_assert_uint_eq(len, 0);
    file->ops->close(file);
    node_unref(node);
    ck_assert_int_eq(support_alive(), 0);
}
END_TEST

static int never_size(void *context, uint64_t *ret_size, struct err *err)
{
    (void)context;
    *ret_size = UINT64_MAX;
    return err_set(err, EDEADLK, "somebody asked");
}

static int render_slowly(void *context, struct buf *out, struct err *err)
{
    (void)context;
    (void)err;
    buf_add_text(out, "slow");
    return 0;
}

START_TEST(the_size_of_a_slow_text_is_only_for_who_asks)
{
    const struct node_text text = {
        .render = render_slowly, .size = never_size, .immutable = true, .slow = true};
    struct node_attr attr = {.kind = NODE_LINK};
    struct node_file *file = NULL;
    struct node *node = NULL;
    uint64_t size = 0;
    bool whole = true;
    ck_assert_int_eq(node_text_new(&text, NULL, NULL, 7, &node), 0);
    ck_assert_int_eq(node_glance(node, &attr, &whole, NULL), 0);
    ck_assert(!whole);
    ck_assert(attr.immutable && attr.size == 0 && attr.mtime_ns == 7);
    ck_assert_int_eq(node_attr(node, &attr, NULL), -EDEADLK);
    ck_assert_int_eq(node_open(node, false, NULL, &file, NULL), 0);
    ck_assert(file->direct && !file->keep_cache);
    ck_assert_int_eq(file->ops->size(file, &size, NULL), 0);
    ck_assert_uint_eq(size, 4);
    file->ops->close(file);
    node_unref(node);
}
END_TEST

START_TEST(only_a_text_that_never_changes_is_cached)
{
    struct node *kept = at("file"), *changing = at("dir/inner");
    struct node_file *file = NULL;
    ck_assert_int_eq(node_open(kept, false, NULL, &file, NULL), 0);
    ck_assert(file->keep_cache && !file->direct);
    file->ops->close(file);
    ck_assert_int_eq(node_open(changing, false, NULL, &file, NULL), 0);
    ck_assert(!file->keep_cache && file->direct);
    file->ops->close(file);
    node_unref(kept);
    node_unref(changing);
}
END_TEST

START_TEST(a_text_cannot_be_written)
{
    struct node *node = at("file");
    struct node_file *file = NULL;
    struct err err = ERR_INIT;
    ck_assert_int_eq(node_open(node, true, NULL, &file, &err), -EROFS);
    ck_assert_str_eq(err.text, "cannot be written");
    ck_assert_ptr_null(file);
    node_unref(node);
}
END_TEST

START_TEST(a_text_that_cannot_be_rendered_says_why)
{
    struct node *node = at("broken");
    struct node_file *file = NULL;
    struct node_attr attr;
    struct err err = ERR_INIT;
    ck_assert_int_eq(node_attr(node, &attr, &err), -EBADMSG);
    ck_assert_str_eq(err.text, "segment 3: damaged");
    ck_assert_int_eq(node_open(node, false, NULL, &file, &err), -EBADMSG);
    ck_assert_ptr_null(file);
    node_unref(node);
}
END_TEST

START_TEST(a_link_tells_its_target_and_its_length)
{
    struct node *root = support_tree(), *link = NULL;
    struct node_attr attr = {.kind = NODE_FILE};
    struct node_file *file = NULL;
    struct buf target = BUF_INIT;
    struct err err = ERR_INIT;
    ck_assert_int_eq(node_lookup(root, "to-deep", &link, NULL), 0);
    ck_assert_int_eq(node_attr(link, &attr, NULL), 0);
    ck_assert_int_eq(attr.kind, NODE_LINK);
    ck_assert_uint_eq(attr.size, strlen("dir/sub/deep"));
    ck_assert_int_eq(attr.mtime_ns, 9);
    ck_assert_int_eq(link->ops->target(link, &target, NULL), 0);
    ck_assert_str_eq(buf_text(&target), "dir/sub/deep");
    ck_assert_int_eq(node_open(link, false, NULL, &file, &err), -ELOOP);
    ck_assert_str_eq(err.text, "is a symbolic link");
    buf_free(&target);
    node_unref(link);
    node_unref(root);
    ck_assert_int_eq(support_alive(), 0);
}
END_TEST

Suite *suite_tree_text(void);
Suite *suite_tree_text(void)
{
    Suite *suite = suite_create("tree/text");
    TCase *tcase = tcase_create("text");
    tcase_add_test(tcase, the_size_of_a_slow_text_is_only_for_who_asks);
    tcase_add_test(tcase, a_text_is_as_long_as_its_rendering);
    tcase_add_test(tcase, a_text_is_read_from_anywhere_to_its_end);
    tcase_add_test(tcase, only_a_text_that_never_changes_is_cached);
    tcase_add_test(tcase, a_text_cannot_be_written);
    tcase_add_test(tcase, a_text_that_cannot_be_rendered_says_why);
    tcase_add_test(tcase, a_link_tells_its_target_and_its_length);
    suite_add_tcase(suite, tcase);
    return suite;
}
