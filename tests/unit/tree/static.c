/* src/tree/static.c: directories whose entries are known beforehand. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dbsnapfs/tree.h"
#include "dbsnapfs/util/err.h"
#include "tree/support.h"

struct taken {
    char names[512];
    size_t room;   /* entries that fit */
    uint64_t next; /* behind the last one taken */
};

static int take(void *arg, const char *name, enum node_kind kind, uint64_t next)
{
    static const char marks[] = {[NODE_DIRECTORY] = '/', [NODE_FILE] = ' ', [NODE_LINK] = '@'};
    struct taken *taken = arg;
    size_t used = strlen(taken->names);
    if (taken->room == 0)
        return 1;
    taken->room--;
    taken->next = next;
    snprintf(taken->names + used, sizeof(taken->names) - used, "%s%c", name, marks[kind]);
    return 0;
}

static const char everything[] =
    "file dir/to-dir@to-deep@absolute@above@loop@ping@pong@grow@broken ";

START_TEST(a_listing_has_every_entry_but_the_hidden_ones)
{
    struct node *root = support_tree();
    struct taken taken = {.room = 100};
    ck_assert_int_eq(node_list(root, NULL, 0, take, &taken, NULL), 0);
    ck_assert_str_eq(taken.names, everything);
    node_unref(root);
}
END_TEST

static int gone_make(void *context, struct node **ret_node, struct err *err)
{
    (void)context, (void)ret_node;
    return err_set(err, ENOENT, "gone");
}

static int bad_make(void *context, struct node **ret_node, struct err *err)
{
    (void)context, (void)ret_node;
    return err_set(err, EBADMSG, "bad");
}

START_TEST(a_directory_that_is_not_there_stands_in_no_listing)
{
    static const struct node_static_entry entries[] = {
        {"gone", NODE_DIRECTORY, false, gone_make},
        {"bad", NODE_DIRECTORY, false, bad_make},
        {"file", NODE_FILE, false, gone_make},
        {"link", NODE_LINK, false, gone_make},
        {NULL, NODE_FILE, false, NULL},
    };
    struct node *dir = NULL, *entry = NULL;
    struct taken taken = {.room = 100};
    struct err err = ERR_INIT;
    ck_assert_int_eq(node_static_new(entries, NULL, NULL, 0, true, &dir), 0);
    ck_assert_int_eq(node_list(dir, NULL, 0, take, &taken, NULL), 0);
    ck_assert_str_eq(taken.names, "bad/file link@");
    ck_assert_int_eq(node_lookup(dir, "gone", &entry, &err), -ENOENT);
    ck_assert_str_eq(err.text, "gone");
    node_unref(dir);
}
END_TEST

static int file_make(void *context, struct node **ret_node, struct err *err)
{
    (void)context, (void)err;
    return node_text_new(&(struct node_text){.render = NULL}, NULL, NULL, 0, ret_node);
}

#define BOTH                               \
    {"one", NODE_FILE, false, file_make},  \
    {                                      \
        "two", NODE_FILE, false, file_make \
    }
static const struct node_static_entry all_entries[] = {BOTH, {NULL, NODE_FILE, false, NULL}};

static int choose(void *context, const struct node_static_entry **ret_entries, struct err *err)
{
    static const struct node_static_entry fewer[] = {
        {"one", NODE_FILE, false, file_make},
        {"two", NODE_FILE, true, file_make},
        {NULL, NODE_FILE, false, NULL},
    };
    const int *chosen = context;
    if (*chosen < 0)
        return err_set(err, -*chosen, "nobody knows");
    *ret_entries = *chosen == 1 ? fewer : all_entries;
    return 0;
}

START_TEST(what_a_listing_has_may_be_chosen_each_time)
{
    int chosen = 1;
    struct node *dir = NULL, *entry = NULL;
    struct taken taken = {.room = 1};
    struct err err = ERR_INIT;
    ck_assert_int_eq(node_static_new(all_entries, &chosen, NULL, 0, false, &dir), 0);
    node_static_choose(dir, choose);
    ck_assert_int_eq(node_list(dir, NULL, 0, take, &taken, &err), 0);
    ck_assert_str_eq(taken.names, "one ");
    ck_assert_int_eq(node_list(dir, NULL, taken.next, take, &taken, &err), 0);
    ck_assert_str_eq(taken.names, "one ");
    ck_assert_int_eq(node_lookup(dir, "two", &entry, &err), 0);
    chosen = 2;
    taken.room = 1;
    ck_assert_int_eq(node_list(dir, NULL, taken.next, take, &taken, &err), 0);
    ck_assert_str_eq(taken.names, "one two ");
    chosen = -EIO;
    ck_assert_int_eq(node_list(dir, NULL, 0, take, &taken, &err), -EIO);
    ck_assert_str_eq(err.text, "nobody knows");
    node_unref(entry);
    node_unref(dir);
}
END_TEST

START_TEST(a_listing_goes_on_where_the_room_ended)
{
    struct node *root = support_tree();
    struct taken taken = {.next = 0};
    size_t turns = 0;
    do {
        taken.room = (size_t)_i;
        ck_assert_int_eq(node_list(root, NULL, taken.next, take, &taken, NULL), 0);
        turns++;
    } while (taken.room == 0);
    ck_assert_str_eq(taken.names, everything);
    ck_assert_uint_eq(turns, 11 / (size_t)_i + 1);
    node_unref(root);
}
END_TEST

START_TEST(a_listing_behind_its_end_is_empty)
{
    struct node *root = support_tree();
    struct taken taken = {.room = 100};
    ck_assert_int_eq(node_list(root, NULL, UINT64_MAX, take, &taken, NULL), 0);
    ck_assert_str_eq(taken.names, "");
    node_unref(root);
}
END_TEST

START_TEST(what_is_no_directory_has_neither_names_nor_listing)
{
    struct node *root = support_tree(), *file = NULL, *node = NULL;
    struct taken taken = {.room = 100};
    struct err err = ERR_INIT;
    ck_assert_int_eq(node_lookup(root, "file", &file, &err), 0);
    ck_assert_int_eq(node_lookup(file, "x", &node, &err), -ENOTDIR);
    ck_assert_str_eq(err.text, "x: what should hold it is not a directory");
    ck_assert_int_eq(node_list(file, NULL, 0, take, &taken, &err), -ENOTDIR);
    ck_assert_str_eq(err.text, "not a directory");
    node_unref(file);
    node_unref(root);
}
END_TEST

START_TEST(a_directory_tells_what_it_was_made_with)
{
    struct node *root = support_tree(), *dir = NULL;
    struct node_attr attr = {.kind = NODE_FILE};
    ck_assert_int_eq(node_attr(root, &attr, NULL), 0);
    ck_assert_int_eq(attr.kind, NODE_DIRECTORY);
    ck_assert_int_eq(attr.mtime_ns, 3);
    ck_assert(!attr.immutable && !attr.writable);
    ck_assert_int_eq(node_lookup(root, "dir", &dir, NULL), 0);
    ck_assert_int_eq(node_attr(dir, &attr, NULL), 0);
    ck_assert(attr.immutable);
    ck_assert_int_eq(attr.mtime_ns, 5);
    node_unref(dir);
    node_unref(root);
    ck_assert_int_eq(support_alive(), 0);
}
END_TEST

START_TEST(a_directory_cannot_be_opened_as_a_file)
{
    struct node *root = support_tree();
    struct node_file *file = NULL;
    struct err err = ERR_INIT;
    ck_assert_int_eq(node_open(root, false, NULL, &file, &err), -EISDIR);
    ck_assert_str_eq(err.text, "is a directory");
    node_unref(root);
}
END_TEST

Suite *suite_tree_static(void);
Suite *suite_tree_static(void)
{
    Suite *suite = suite_create("tree/static");
    TCase *tcase = tcase_create("static");
    tcase_add_test(tcase, a_listing_has_every_entry_but_the_hidden_ones);
    tcase_add_test(tcase, a_directory_that_is_not_there_stands_in_no_listing);
    tcase_add_test(tcase, what_a_listing_has_may_be_chosen_each_time);
    tcase_add_loop_test(tcase, a_listing_goes_on_where_the_room_ended, 1, 6);
    tcase_add_test(tcase, a_listing_behind_its_end_is_empty);
    tcase_add_test(tcase, what_is_no_directory_has_neither_names_nor_listing);
    tcase_add_test(tcase, a_directory_tells_what_it_was_made_with);
    tcase_add_test(tcase, a_directory_cannot_be_opened_as_a_file);
    suite_add_tcase(suite, tcase);
    return suite;
}
