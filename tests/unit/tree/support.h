/*
 * A small tree to test with: static directories, links and texts.
 */
#ifndef TESTS_UNIT_TREE_SUPPORT_H
#define TESTS_UNIT_TREE_SUPPORT_H

#include "dbsnapfs/tree.h"

/*
 *     /file            "hello\n", immutable
 *     /hidden          empty, listed nowhere
 *     /dir/inner       "inner\n", changes
 *     /dir/up          -> ../file
 *     /dir/sub/deep    "deep\n"
 *     /to-dir          -> dir
 *     /to-deep         -> dir/sub/deep
 *     /absolute        -> /dir/inner
 *     /above           -> ../../../file
 *     /loop            -> loop
 *     /ping /pong      -> each other
 *     /grow            -> grow/x
 *     /broken          reading it fails with -EBADMSG "segment 3: damaged"
 */
struct node *support_tree(void);

/* How many of its nodes are alive. */
int support_alive(void);

#endif
