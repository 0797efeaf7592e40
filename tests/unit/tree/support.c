/* Every node's context is a counter, so that a test sees references that were lost. */
#include "tree/support.h"

#include <check.h>
#include <errno.h>
#include <stdatomic.h>

#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"

static atomic_int alive;

static void gone(void *context)
{
    (void)context;
    atomic_fetch_sub(&alive, 1);
}

int support_alive(void)
{
    return atomic_load(&alive);
}

static int counted(int r)
{
    ck_assert_int_eq(r, 0);
    atomic_fetch_add(&alive, 1);
    return 0;
}

#define TEXT(name, content, keeps)                                                            \
    static int name##_render(void *context, struct buf *out, struct err *err)                 \
    {                                                                                         \
        (void)context;                                                                        \
        (void)err;                                                                            \
        buf_add_text(out, content);                                                           \
        return 0;                                                                             \
    }                                                                                         \
    static int name##_make(void *context, struct node **ret_node, struct err *err)            \
    {                                                                                         \
        static const struct node_text text = {.render = name##_render, .immutable = (keeps)}; \
        (void)err;                                                                            \
        return counted(node_text_new(&text, context, gone, 7, ret_node));                     \
    }

#define LINK(name, content)                                                              \
    static int name##_render(void *context, struct buf *out, struct err *err)            \
    {                                                                                    \
        (void)context;                                                                   \
        (void)err;                                                                       \
        buf_add_text(out, content);                                                      \
        return 0;                                                                        \
    }                                                                                    \
    static int name##_make(void *context, struct node **ret_node, struct err *err)       \
    {                                                                                    \
        (void)err;                                                                       \
        return counted(node_link_new(name##_render, context, gone, 9, false, ret_node)); \
    }

TEXT(file, "hello\n", true)
TEXT(hidden, "", true)
TEXT(inner, "inner\n", false)
TEXT(deep, "deep\n", true)
LINK(up, "../file")
LINK(to_dir, "dir")
LINK(to_deep, "dir/sub/deep")
LINK(absolute, "/dir/inner")
LINK(above, "../../../file")
LINK(loop, "loop")
LINK(ping, "pong")
LINK(pong, "ping")
LINK(grow, "grow/x")

static int broken_render(void *context, struct buf *out, struct err *err)
{
    (void)context;
    (void)out;
    return err_set(err, EBADMSG, "segment 3: damaged");
}

static int broken_make(void *context, struct node **ret_node, struct err *err)
{
    static const struct node_text text = {.render = broken_render};
    (void)err;
    return counted(node_text_new(&text, context, gone, 0, ret_node));
}

static const struct node_static_entry sub_entries[] = {
    {"deep", NODE_FILE, false, deep_make},
    {NULL, NODE_FILE, false, NULL},
};

static int sub_make(void *context, struct node **ret_node, struct err *err)
{
    (void)err;
    return counted(node_static_new(sub_entries, context, gone, 0, false, ret_node));
}

static const struct node_static_entry dir_entries[] = {
    {"inner", NODE_FILE, false, inner_make},
    {"up", NODE_LINK, false, up_make},
    {"sub", NODE_DIRECTORY, false, sub_make},
    {NULL, NODE_FILE, false, NULL},
};

static int dir_make(void *context, struct node **ret_node, struct err *err)
{
    (void)err;
    return counted(node_static_new(dir_entries, context, gone, 5, true, ret_node));
}

static const struct node_static_entry root_entries[] = {
    {"file", NODE_FILE, false, file_make},
    {"hidden", NODE_FILE, true, hidden_make},
    {"dir", NODE_DIRECTORY, false, dir_make},
    {"to-dir", NODE_LINK, false, to_dir_make},
    {"to-deep", NODE_LINK, false, to_deep_make},
    {"absolute", NODE_LINK, false, absolute_make},
    {"above", NODE_LINK, false, above_make},
    {"loop", NODE_LINK, false, loop_make},
    {"ping", NODE_LINK, false, ping_make},
    {"pong", NODE_LINK, false, pong_make},
    {"grow", NODE_LINK, false, grow_make},
    {"broken", NODE_FILE, false, broken_make},
    {NULL, NODE_FILE, false, NULL},
};

struct node *support_tree(void)
{
    struct node *root = NULL;
    counted(node_static_new(root_entries, NULL, gone, 3, false, &root));
    return root;
}
