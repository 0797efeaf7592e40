/* src/fuse/inode.c: what the kernel knows of the tree. */
#include "fuse/inode.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

static int alive;

static void free_node(struct node *node)
{
    alive--;
    free(node);
}

static const struct node_ops ops = {.free = free_node};

static struct node *new_node(void)
{
    struct node *node = malloc(sizeof(*node));
    ck_assert_ptr_nonnull(node);
    node_init(node, &ops);
    alive++;
    return node;
}

static struct inode_table *table;
static struct inode *root;

static void set(void)
{
    struct node *node = new_node();
    ck_assert_int_eq(inode_table_new(node, &table, NULL), 0);
    node_unref(node);
    root = inode_get(table, 1);
}

static void clear(void)
{
    inode_table_free(table);
    ck_assert_int_eq(alive, 0);
}

static struct inode *remember(struct inode *parent, const char *name, enum node_kind kind)
{
    struct inode *inode = NULL;
    ck_assert_int_eq(inode_remember(table, parent, name, kind, new_node(), &inode, NULL), 0);
    return inode;
}

START_TEST(a_name_has_one_inode_until_it_is_forgotten)
{
    struct inode *first = remember(root, "a", NODE_FILE);
    struct node *node = first->node;
    ck_assert_ptr_eq(remember(root, "a", NODE_FILE), first);
    ck_assert_ptr_eq(first->node, node);
    ck_assert_int_eq(alive, 2);
    ck_assert_ptr_eq(inode_get(table, inode_id(table, first)), first);
    inode_forget(table, first, 1);
    ck_assert_uint_eq(inode_count(table), 2);
    inode_forget(table, first, 1);
    ck_assert_uint_eq(inode_count(table), 1);
    ck_assert_int_eq(alive, 1);
}
END_TEST

START_TEST(a_directory_stays_while_something_in_it_is_known)
{
    struct inode *dir = remember(root, "dir", NODE_DIRECTORY);
    struct inode *sub = remember(dir, "sub", NODE_DIRECTORY);
    struct inode *file = remember(sub, "file", NODE_FILE);
    char path[64];
    inode_forget(table, dir, 1);
    inode_forget(table, sub, 1);
    ck_assert_uint_eq(inode_count(table), 4);
    ck_assert_str_eq(inode_path(file, path, sizeof(path)), "/dir/sub/file");
    ck_assert_str_eq(inode_path(file, path, 10), "/sub/file");
    ck_assert_str_eq(inode_path(root, path, sizeof(path)), "");
    ck_assert_ptr_eq(remember(root, "dir", NODE_DIRECTORY), dir);
    inode_forget(table, file, 1);
    ck_assert_uint_eq(inode_count(table), 2);
    inode_forget(table, dir, 1);
    ck_assert_uint_eq(inode_count(table), 1);
}
END_TEST

START_TEST(another_kind_under_a_name_is_another_inode)
{
    struct inode *dir = remember(root, "x", NODE_DIRECTORY);
    struct inode *link = remember(root, "x", NODE_LINK);
    ck_assert_ptr_ne(dir, link);
    ck_assert_ptr_eq(remember(root, "x", NODE_LINK), link);
    inode_forget(table, dir, 1);
    ck_assert_ptr_eq(remember(root, "x", NODE_LINK), link);
}
END_TEST

START_TEST(a_number_is_that_of_the_path)
{
    ck_assert_uint_eq(root->number, 1);
    ck_assert_uint_eq(remember(root, "a", NODE_FILE)->number, inode_number(1, "a"));
    ck_assert_uint_ne(inode_number(1, "a"), inode_number(1, "b"));
    ck_assert_uint_ne(inode_number(1, "a"), inode_number(2, "a"));

    /* The same from mount to mount, for tar and rsync. */
    ck_assert_uint_eq(inode_number(1, "backups"), UINT64_C(15869951399995691435));
}
END_TEST

START_TEST(many_inodes_are_found_and_forgotten)
{
    enum { COUNT = 5000 };
    static struct inode *inodes[COUNT];
    char name[32];
    for (int i = 0; i < COUNT; i++) {
        snprintf(name, sizeof(name), "%d", i);
        inodes[i] = remember(root, name, NODE_FILE);
    }
    ck_assert_uint_eq(inode_count(table), COUNT + 1);
    for (int i = 0; i < COUNT; i++) {
        snprintf(name, sizeof(name), "%d", i);
        ck_assert_ptr_eq(remember(root, name, NODE_FILE), inodes[i]);
        inode_forget(table, inodes[i], 2);
    }
    ck_assert_uint_eq(inode_count(table), 1);
}
END_TEST

Suite *suite_fuse_inode(void);
Suite *suite_fuse_inode(void)
{
    Suite *suite = suite_create("fuse/inode");
    TCase *tcase = tcase_create("inode");
    tcase_add_checked_fixture(tcase, set, clear);
    tcase_add_test(tcase, a_name_has_one_inode_until_it_is_forgotten);
    tcase_add_test(tcase, a_directory_stays_while_something_in_it_is_known);
    tcase_add_test(tcase, another_kind_under_a_name_is_another_inode);
    tcase_add_test(tcase, a_number_is_that_of_the_path);
    tcase_add_test(tcase, many_inodes_are_found_and_forgotten);
    suite_add_tcase(suite, tcase);
    return suite;
}
