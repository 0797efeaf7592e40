/*
 * Walking a path: a stack of the directories from the root to where the walk is, because
 * nodes do not know their parents, and a text of what is still to be walked, in front of
 * which a symbolic link's target is put when one is met.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/tree.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"

#define WALK_LINKS 40
#define WALK_DEPTH 256
#define WALK_BYTES 65536

struct walk {
    struct node *stack[WALK_DEPTH]; /* [0] is the root */
    size_t depth;                   /* how many there are */
    unsigned links;
    char *rest; /* heap; what is still to be walked … */
    size_t at;  /* … from here on */
};

static void walk_push(struct walk *walk, struct node *node)
{
    walk->stack[walk->depth++] = node;
}

static void walk_pop(struct walk *walk)
{
    node_unref(walk->stack[--walk->depth]);
}

/* Puts the target of `link` in front of the rest and gives the link up. */
static int walk_follow(struct walk *walk, struct node *link, struct err *err)
{
    struct buf text = BUF_INIT;
    int r = 0;
    if (++walk->links > WALK_LINKS) {
        r = err_set(err, ELOOP, "too many symbolic links");
        goto out;
    }
    r = link->ops->target(link, &text, err);
    if (r < 0)
        goto out;
    if (buf_text(&text)[0] == '/')
        while (walk->depth > 1)
            walk_pop(walk);
    buf_add_text(&text, walk->rest + walk->at); /* empty, or begins with a slash */
    if (buf_error(&text) < 0) {
        r = err_set(err, ENOMEM, "out of memory");
        goto out;
    }
    if (text.len > WALK_BYTES) {
        r = err_set(err, ENAMETOOLONG, "symbolic links grow the path too long");
        goto out;
    }
    free(walk->rest);
    walk->rest = text.data;
    walk->at = 0;
    text = (struct buf)BUF_INIT;
out:
    buf_free(&text);
    node_unref(link);
    return r;
}

static int walk_name(struct walk *walk, const char *name, struct err *err)
{
    struct node *top = walk->stack[walk->depth - 1];
    if (!top->ops->lookup)
        return err_set(err, ENOTDIR, "%s: not below a directory", name);
    if (strcmp(name, ".") == 0)
        return 0;
    if (strcmp(name, "..") == 0) {
        if (walk->depth > 1)
            walk_pop(walk);
        return 0;
    }
    struct node *node = NULL;
    int r = node_lookup(top, name, &node, err);
    if (r < 0)
        return r;
    if (node->ops->target)
        return walk_follow(walk, node, err);
    if (walk->depth == WALK_DEPTH) {
        node_unref(node);
        return err_set(err, ENAMETOOLONG, "%s: too deep", name);
    }
    walk_push(walk, node);
    return 0;
}

/* Takes the next name off the rest: false at its end. A trailing slash, as everywhere, asks
 * for a directory and gives ".". */
static bool walk_next(struct walk *walk, char *name, size_t size, bool *ret_too_long)
{
    const char *rest = walk->rest + walk->at;
    size_t slashes = strspn(rest, "/");
    size_t len = strcspn(rest + slashes, "/");
    *ret_too_long = len >= size;
    if (*ret_too_long)
        return true;
    if (len == 0 && slashes == 0)
        return false;
    walk->at += slashes + len;
    memcpy(name, rest + slashes, len);
    name[len] = '\0';
    if (len == 0)
        memcpy(name, ".", 2);
    return true;
}

/* A path of one name stands in its error already. */
static bool is_named(const struct err *err, const char *path)
{
    size_t len = strlen(path);
    return err && strncmp(err->text, path, len) == 0 && err->text[len] == ':';
}

int node_walk(struct node *root, const char *path, struct node **ret_node, struct err *err)
{
    struct walk walk = {.depth = 0};
    char name[256];
    bool too_long = false;
    int r = 0;

    walk.rest = strdup(path);
    if (!walk.rest)
        return err_set(err, ENOMEM, "%s: out of memory", path);
    walk_push(&walk, node_ref(root));
    while (r == 0 && walk_next(&walk, name, sizeof(name), &too_long))
        r = too_long ? err_set(err, ENAMETOOLONG, "a name is over 255 bytes long")
                     : walk_name(&walk, name, err);
    if (r == 0)
        *ret_node = node_ref(walk.stack[walk.depth - 1]);
    else if (!is_named(err, path))
        err_at(err, "%s", path);
    while (walk.depth > 0)
        walk_pop(&walk);
    free(walk.rest);
    return r;
}
