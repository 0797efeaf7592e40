/* src/tree/node.c: what nodes have in common. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "dbsnapfs/tree.h"
#include "dbsnapfs/util/err.h"
#include "tree/support.h"

/* A directory of numbers up to 9, which counts what it keeps; its size takes long to find out. */
static int alive;

static void forget(void *kept)
{
    free(kept);
    alive--;
}

static int slow_attr(struct node *node, struct node_attr *ret_attr, struct err *err)
{
    (void)node;
    (void)err;
    *ret_attr = (struct node_attr){.kind = NODE_DIRECTORY, .size = 7};
    return 0;
}

static int quick_attr(struct node *node, struct node_attr *ret_attr, struct err *err)
{
    (void)node;
    (void)err;
    *ret_attr = (struct node_attr){.kind = NODE_DIRECTORY};
    return 0;
}

static int list_numbers(struct node *node, struct node_place *place, uint64_t cookie,
                        node_emit emit, void *arg, struct err *err)
{
    (void)node;
    (void)err;
    if (!place->kept) {
        place->kept = malloc(1);
        ck_assert_ptr_nonnull(place->kept);
        place->free = forget;
        alive++;
    }
    for (uint64_t i = cookie; i < 10; i++) {
        const char name[] = {(char)('0' + i), '\0'};
        if (emit(arg, name, NODE_FILE, i + 1) != 0)
            break;
    }
    return 0;
}

static void free_node(struct node *node)
{
    free(node);
}

static const struct node_ops ops = {
    .attr = slow_attr,
    .glance = quick_attr,
    .list = list_numbers,
    .free = free_node,
};

static struct node *directory(void)
{
    struct node *node = calloc(1, sizeof(*node));
    ck_assert_ptr_nonnull(node);
    node_init(node, &ops);
    return node;
}

static int count(void *arg, const char *name, enum node_kind kind, uint64_t next)
{
    (void)name;
    (void)kind;
    (void)next;
    (*(int *)arg)++;
    return 0;
}

START_TEST(a_glance_has_no_size_and_says_so)
{
    struct node *node = directory(), *root = support_tree();
    struct node_attr attr = {.size = 1};
    bool whole = true;
    ck_assert_int_eq(node_glance(node, &attr, &whole, NULL), 0);
    ck_assert(!whole);
    ck_assert_uint_eq(attr.size, 0);
    ck_assert_int_eq(node_attr(node, &attr, NULL), 0);
    ck_assert_uint_eq(attr.size, 7);
    ck_assert_int_eq(node_glance(root, &attr, &whole, NULL), 0);
    ck_assert(whole);
    node_unref(root);
    node_unref(node);
}
END_TEST

START_TEST(a_place_is_kept_until_it_is_cleared)
{
    struct node *node = directory();
    struct node_place place = {NULL, NULL};
    int seen = 0;
    ck_assert_int_eq(node_list(node, &place, 0, count, &seen, NULL), 0);
    ck_assert_int_eq(node_list(node, &place, 8, count, &seen, NULL), 0);
    ck_assert_int_eq(seen, 12);
    ck_assert_int_eq(alive, 1);
    node_place_clear(&place);
    ck_assert_int_eq(alive, 0);
    ck_assert_ptr_null(place.kept);
    node_place_clear(&place);
    node_unref(node);
}
END_TEST

START_TEST(without_a_place_nothing_is_kept)
{
    struct node *node = directory();
    int seen = 0;
    ck_assert_int_eq(node_list(node, NULL, 3, count, &seen, NULL), 0);
    ck_assert_int_eq(seen, 7);
    ck_assert_int_eq(alive, 0);
    node_unref(node);
}
END_TEST

START_TEST(what_a_request_shares_goes_with_it)
{
    static const atomic_bool never = false;
    const struct node_request request = {.cancel = &never};
    struct node *node = directory();
    int seen = 0;
    ck_assert_ptr_null(node_shared());
    node_serve(&request);
    ck_assert_int_eq(node_list(node, node_shared(), 0, count, &seen, NULL), 0);
    ck_assert_int_eq(alive, 1);
    ck_assert_ptr_nonnull(node_shared()->kept);
    node_serve(&request);
    ck_assert_int_eq(alive, 0);
    ck_assert_ptr_null(node_shared()->kept);
    ck_assert_int_eq(node_list(node, node_shared(), 0, count, &seen, NULL), 0);
    node_serve(NULL);
    ck_assert_int_eq(alive, 0);
    ck_assert_ptr_null(node_shared());
    node_unref(node);
}
END_TEST

Suite *suite_tree_node(void)
{
    Suite *suite = suite_create("tree/node");
    TCase *tests = tcase_create("node");
    tcase_add_test(tests, a_glance_has_no_size_and_says_so);
    tcase_add_test(tests, a_place_is_kept_until_it_is_cleared);
    tcase_add_test(tests, without_a_place_nothing_is_kept);
    tcase_add_test(tests, what_a_request_shares_goes_with_it);
    suite_add_tcase(suite, tests);
    return suite;
}
