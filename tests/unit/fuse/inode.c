/* src/fuse/inode.c: what the kernel knows of the tree. */
#include "fuse/inode.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#define BOUND 32

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
    ck_assert_int_eq(inode_table_new(node, BOUND, &table, NULL), 0);
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

START_TEST(what_stands_for_an_open_file_is_found_by_no_look_up)
{
    struct inode *first = remember(root, "a", NODE_FILE);
    inode_pin(table, first);
    inode_state_begin(table, first);
    struct inode *second = remember(root, "a", NODE_FILE);
    ck_assert_ptr_ne(second, first);
    ck_assert_uint_eq(second->number, first->number);
    ck_assert(!inode_is_listed(table, first));
    ck_assert_ptr_eq(remember(root, "a", NODE_FILE), second);
    inode_state_end(table, first);
    inode_unpin(table, first);
    inode_forget(table, first, 1);
    ck_assert_ptr_eq(remember(root, "a", NODE_FILE), second);
    inode_forget(table, second, 3);
    ck_assert_uint_eq(inode_count(table), 1);
}
END_TEST

START_TEST(what_was_open_while_nobody_looked_keeps_its_name)
{
    struct inode *inode = remember(root, "a", NODE_FILE);
    inode_state_begin(table, inode);
    inode_state_end(table, inode);
    ck_assert_ptr_eq(remember(root, "a", NODE_FILE), inode);
    inode_forget(table, inode, 2);
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

/* As many files in the root as are too many, made one after the other. */
static void make_surplus(void)
{
    char name[32];
    for (int i = 0; i < BOUND + 1; i++) {
        snprintf(name, sizeof(name), "%d", i);
        remember(root, name, NODE_FILE);
    }
}

static const char *take_one(void)
{
    struct inode *inode = NULL;
    if (inode_take_oldest(table, &inode, 1) == 0)
        return "none";
    inode_put_back(table, &inode, 1);
    return inode->name;
}

/* Takes one away for ever: the kernel forgets it. */
static void drop(struct inode *inode)
{
    inode_forget(table, inode, inode->lookups);
}

START_TEST(the_oldest_is_what_was_not_looked_up_for_the_longest_time)
{
    remember(root, "a", NODE_FILE);
    remember(root, "b", NODE_FILE);
    remember(root, "c", NODE_FILE);
    remember(root, "a", NODE_FILE);
    ck_assert_str_eq(take_one(), "b");
}
END_TEST

START_TEST(what_was_taken_is_the_youngest_when_it_is_put_back)
{
    struct inode *inodes[8];
    remember(root, "a", NODE_FILE);
    remember(root, "b", NODE_FILE);
    remember(root, "c", NODE_FILE);
    ck_assert_uint_eq(inode_take_oldest(table, inodes, 2), 2);
    ck_assert_str_eq(inodes[0]->name, "a");
    ck_assert_str_eq(inodes[1]->name, "b");
    ck_assert_str_eq(take_one(), "c");
    inode_put_back(table, inodes, 2);
    ck_assert_str_eq(take_one(), "c");
    ck_assert_str_eq(take_one(), "a");
    ck_assert_uint_eq(inode_take_oldest(table, inodes, 8), 3);
    ck_assert_uint_eq(inode_take_oldest(table, inodes, 8), 0);
    inode_put_back(table, inodes, 3);
}
END_TEST

START_TEST(what_is_taken_stays_until_it_is_put_back)
{
    struct inode *taken = NULL;
    struct inode *dir = remember(root, "dir", NODE_DIRECTORY);
    struct inode *file = remember(dir, "file", NODE_FILE);
    ck_assert_uint_eq(inode_take_oldest(table, &taken, 1), 1);
    ck_assert_ptr_eq(taken, file);
    drop(file);
    drop(dir);
    ck_assert_uint_eq(inode_count(table), 3);
    ck_assert_str_eq(taken->name, "file");
    inode_put_back(table, &taken, 1);
    ck_assert_uint_eq(inode_count(table), 1);
    ck_assert_int_eq(alive, 1);
}
END_TEST

START_TEST(what_is_looked_up_while_it_is_taken_is_the_same_inode)
{
    struct inode *taken = NULL;
    struct inode *file = remember(root, "file", NODE_FILE);
    ck_assert_uint_eq(inode_take_oldest(table, &taken, 1), 1);
    drop(file);
    ck_assert_ptr_eq(remember(root, "file", NODE_FILE), file);
    inode_put_back(table, &taken, 1);
    ck_assert_uint_eq(inode_count(table), 2);
    ck_assert_str_eq(take_one(), "file");
}
END_TEST

START_TEST(a_directory_is_in_no_order_while_something_in_it_is_known_and_then_the_oldest)
{
    struct inode *dir = remember(root, "dir", NODE_DIRECTORY);
    struct inode *first = remember(dir, "first", NODE_FILE);
    struct inode *second = remember(dir, "second", NODE_FILE);
    remember(root, "dir", NODE_DIRECTORY);
    ck_assert_str_eq(take_one(), "first");
    drop(first);
    ck_assert_str_eq(take_one(), "second");
    remember(root, "other", NODE_FILE);
    drop(second);
    ck_assert_str_eq(take_one(), "dir");
}
END_TEST

START_TEST(an_open_file_is_in_no_order_and_the_youngest_when_it_is_closed)
{
    struct inode *file = remember(root, "file", NODE_FILE);
    remember(root, "other", NODE_FILE);
    inode_pin(table, file);
    inode_pin(table, file);
    remember(root, "file", NODE_FILE);
    ck_assert_str_eq(take_one(), "other");
    inode_unpin(table, file);
    ck_assert_str_eq(take_one(), "other");
    ck_assert_str_eq(take_one(), "other");
    inode_unpin(table, file);
    ck_assert_str_eq(take_one(), "other");
    ck_assert_str_eq(take_one(), "file");
}
END_TEST

START_TEST(the_root_is_never_taken)
{
    struct inode *dir = remember(root, "dir", NODE_DIRECTORY);
    drop(dir);
    ck_assert_str_eq(take_one(), "none");
}
END_TEST

START_TEST(no_more_than_the_bound_is_no_surplus)
{
    char name[32];
    for (int i = 0; i < BOUND; i++) {
        snprintf(name, sizeof(name), "%d", i);
        remember(root, name, NODE_FILE);
    }
    ck_assert_uint_eq(inode_surplus(table), 0);
    remember(root, "another", NODE_FILE);
    ck_assert_uint_gt(inode_surplus(table), 0);
}
END_TEST

START_TEST(a_surplus_is_told_again_only_when_there_are_new_ones)
{
    make_surplus();
    ck_assert_uint_eq(inode_surplus_wait(table), 1 + BOUND / 16);
    ck_assert_uint_eq(inode_surplus(table), 0);
    remember(root, "1", NODE_FILE);
    ck_assert_uint_eq(inode_surplus(table), 0);
    remember(root, "x", NODE_FILE);
    remember(root, "y", NODE_FILE);
    remember(root, "z", NODE_FILE);
    ck_assert_uint_eq(inode_surplus(table), 4 + BOUND / 16);
}
END_TEST

START_TEST(what_is_pinned_is_no_surplus)
{
    struct inode *dir = remember(root, "dir", NODE_DIRECTORY);
    for (int i = 0; i < BOUND; i++)
        dir = remember(dir, "dir", NODE_DIRECTORY);
    ck_assert_uint_eq(inode_surplus(table), 1);
}
END_TEST

START_TEST(nobody_waits_for_a_surplus_after_the_end)
{
    make_surplus();
    inode_surplus_end(table);
    ck_assert_uint_eq(inode_surplus_wait(table), 0);
}
END_TEST

START_TEST(a_name_that_stands_for_something_else_is_not_listed)
{
    struct inode *dir = remember(root, "x", NODE_DIRECTORY);
    ck_assert(inode_is_listed(table, dir));
    remember(root, "x", NODE_LINK);
    ck_assert(!inode_is_listed(table, dir));
}
END_TEST

START_TEST(asking_again_and_again_keeps_the_inodes_few)
{
    struct inode *taken[BOUND];
    char name[32];
    for (int i = 0; i < 100 * BOUND; i++) {
        snprintf(name, sizeof(name), "%d", i);
        remember(remember(root, name, NODE_DIRECTORY), "file", NODE_FILE);
        size_t surplus = inode_surplus(table);
        ck_assert_uint_le(surplus, BOUND);
        size_t count = inode_take_oldest(table, taken, surplus);
        for (size_t t = 0; t < count; t++)
            drop(taken[t]);
        inode_put_back(table, taken, count);
        ck_assert_uint_le(inode_count(table), BOUND + BOUND / 4);
    }
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
    tcase_add_test(tcase, what_stands_for_an_open_file_is_found_by_no_look_up);
    tcase_add_test(tcase, what_was_open_while_nobody_looked_keeps_its_name);
    tcase_add_test(tcase, a_number_is_that_of_the_path);
    tcase_add_test(tcase, many_inodes_are_found_and_forgotten);

    TCase *order = tcase_create("order");
    tcase_add_checked_fixture(order, set, clear);
    tcase_add_test(order, the_oldest_is_what_was_not_looked_up_for_the_longest_time);
    tcase_add_test(order, what_was_taken_is_the_youngest_when_it_is_put_back);
    tcase_add_test(order, what_is_taken_stays_until_it_is_put_back);
    tcase_add_test(order, what_is_looked_up_while_it_is_taken_is_the_same_inode);
    tcase_add_test(order,
                   a_directory_is_in_no_order_while_something_in_it_is_known_and_then_the_oldest);
    tcase_add_test(order, an_open_file_is_in_no_order_and_the_youngest_when_it_is_closed);
    tcase_add_test(order, the_root_is_never_taken);
    tcase_add_test(order, no_more_than_the_bound_is_no_surplus);
    tcase_add_test(order, a_surplus_is_told_again_only_when_there_are_new_ones);
    tcase_add_test(order, what_is_pinned_is_no_surplus);
    tcase_add_test(order, nobody_waits_for_a_surplus_after_the_end);
    tcase_add_test(order, a_name_that_stands_for_something_else_is_not_listed);
    tcase_add_test(order, asking_again_and_again_keeps_the_inodes_few);
    suite_add_tcase(suite, tcase);
    suite_add_tcase(suite, order);
    return suite;
}
