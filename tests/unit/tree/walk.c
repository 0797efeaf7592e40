/* src/tree/walk.c: walking a path, through links and "..". */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dbsnapfs/tree.h"
#include "dbsnapfs/util/err.h"
#include "tree/support.h"

static const struct way {
    const char *path;
    const char *content; /* NULL: a directory */
} ways[] = {
    {"", NULL},
    {"/", NULL},
    {".", NULL},
    {"..", NULL},
    {"../../..", NULL},
    {"file", "hello\n"},
    {"/file", "hello\n"},
    {"//file", "hello\n"},
    {"./file", "hello\n"},
    {"hidden", ""},
    {"dir", NULL},
    {"dir/", NULL},
    {"dir//", NULL},
    {"dir/.", NULL},
    {"dir/inner", "inner\n"},
    {"dir/../file", "hello\n"},
    {"dir/sub/../inner", "inner\n"},
    {"../../file", "hello\n"},
    {"dir/up", "hello\n"},
    {"to-dir", NULL},
    {"to-dir/inner", "inner\n"},
    {"to-dir/../file", "hello\n"},
    {"to-dir/sub/deep", "deep\n"},
    {"to-deep", "deep\n"},
    {"dir/sub/../../to-dir/up", "hello\n"},
    {"absolute", "inner\n"},
    {"above", "hello\n"},
};

START_TEST(a_path_leads_to_its_node)
{
    char bytes[64] = "";
    struct node *root = support_tree(), *node = NULL;
    struct err err = ERR_INIT;
    ck_assert_msg(node_walk(root, ways[_i].path, &node, &err) == 0, "%s: %s", ways[_i].path,
                  err.text);
    if (ways[_i].content) {
        struct node_file *file = NULL;
        size_t len = 0;
        ck_assert_int_eq(node_open(node, false, NULL, &file, &err), 0);
        ck_assert_int_eq(file->ops->read(file, 0, bytes, sizeof(bytes) - 1, &len, &err), 0);
        ck_assert_uint_eq(len, strlen(ways[_i].content));
        ck_assert_str_eq(bytes, ways[_i].content);
        file->ops->close(file);
    } else {
        ck_assert_ptr_nonnull(node->ops->list);
    }
    node_unref(node);
    node_unref(root);
    ck_assert_int_eq(support_alive(), 0);
}
END_TEST

static const struct wrong {
    const char *path;
    int code;
    const char *text;
} wrongs[] = {
    {"nothing", -ENOENT, "nothing: no such file or directory"},
    {"dir/nothing", -ENOENT, "dir/nothing: nothing: no such file or directory"},
    {"file/x", -ENOTDIR, "file/x: x: not below a directory"},
    {"file/", -ENOTDIR, "file/: .: not below a directory"},
    {"file/..", -ENOTDIR, "file/..: ..: not below a directory"},
    {"to-deep/", -ENOTDIR, "to-deep/: .: not below a directory"},
    {"loop", -ELOOP, "loop: too many symbolic links"},
    {"loop/x", -ELOOP, "loop/x: too many symbolic links"},
    {"ping", -ELOOP, "ping: too many symbolic links"},
    {"grow", -ELOOP, "grow: too many symbolic links"},
};

START_TEST(a_path_that_leads_nowhere_says_why)
{
    struct node *root = support_tree(), *node = NULL;
    struct err err = ERR_INIT;
    ck_assert_int_eq(node_walk(root, wrongs[_i].path, &node, &err), wrongs[_i].code);
    ck_assert_str_eq(err.text, wrongs[_i].text);
    ck_assert_ptr_null(node);
    node_unref(root);
    ck_assert_int_eq(support_alive(), 0);
}
END_TEST

START_TEST(a_name_over_255_bytes_is_too_long)
{
    char path[300];
    struct node *root = support_tree(), *node = NULL;
    struct err err = ERR_INIT;
    memset(path, 'x', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    ck_assert_int_eq(node_walk(root, path, &node, &err), -ENAMETOOLONG);
    ck_assert_ptr_nonnull(strstr(err.text, ": a name is over 255 bytes long"));
    node_unref(root);
}
END_TEST

START_TEST(forty_links_are_followed_and_no_more)
{
    char path[1024] = "";
    struct node *root = support_tree(), *node = NULL;
    struct err err = ERR_INIT;
    size_t used = 0;
    for (int i = 0; i < 40; i++)
        used += (size_t)snprintf(path + used, sizeof(path) - used, "to-dir/../");
    ck_assert_int_eq(node_walk(root, path, &node, &err), 0);
    node_unref(node);
    snprintf(path + used, sizeof(path) - used, "to-dir");
    ck_assert_int_eq(node_walk(root, path, &node, &err), -ELOOP);
    node_unref(root);
    ck_assert_int_eq(support_alive(), 0);
}
END_TEST

Suite *suite_tree_walk(void);
Suite *suite_tree_walk(void)
{
    Suite *suite = suite_create("tree/walk");
    TCase *tcase = tcase_create("walk");
    tcase_add_loop_test(tcase, a_path_leads_to_its_node, 0, (int)(sizeof(ways) / sizeof(ways[0])));
    tcase_add_loop_test(tcase, a_path_that_leads_nowhere_says_why, 0,
                        (int)(sizeof(wrongs) / sizeof(wrongs[0])));
    tcase_add_test(tcase, a_name_over_255_bytes_is_too_long);
    tcase_add_test(tcase, forty_links_are_followed_and_no_more);
    suite_add_tcase(suite, tcase);
    return suite;
}
