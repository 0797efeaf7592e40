/*
 * Files are read through the same nodes that a mount serves, a megabyte at a time, in order, so
 * that what comes next is decoded ahead. A directory is listed in portions, since one with a
 * name for every row of a table may not fit in memory.
 *
 * Errors are of two kinds. One of the tree concerns a path, and its neighbours may be sound: who
 * copies a directory out of a damaged backup wants these. One of the destination concerns all that
 * would follow, so it ends the copy, as a signal does.
 */
#include "cli/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dbsnapfs/tree.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"

#define BLOCK_BYTES (1 << 20)
#define NAMES_AT_ONCE 1024
#define MAX_OPEN_DIRECTORIES 16

/* ---- streams ---- */

static bool is_cancelled(const struct copy *copy)
{
    return copy->cancel && atomic_load(copy->cancel);
}

/* What is asked of nodes until the next call without `request` may be interrupted. */
static void serve(const struct copy *copy, const struct node_request *request)
{
    if (copy->cancel)
        node_serve(request);
}

static int read_pieces(struct copy *copy, struct node_file *file,
                       int (*put)(void *arg, const void *bytes, size_t len, struct err *err),
                       void *arg, struct err *err)
{
    uint64_t offset = 0;

    for (;;) {
        size_t len = 0;
        int code;

        if (is_cancelled(copy))
            return err_set(err, ECANCELED, "cancelled");
        code = file->ops->read(file, offset, copy->block, BLOCK_BYTES, &len, err);
        if (code == 0 && len > 0)
            code = put(arg, copy->block, len, err);
        if (code != 0 || len == 0)
            return code;
        offset += len;
        atomic_fetch_add(&copy->done_bytes, len);
    }
}

int copy_stream(struct copy *copy, struct node *node,
                int (*put)(void *arg, const void *bytes, size_t len, struct err *err), void *arg,
                struct err *err)
{
    struct node_request request = {.cancel = copy->cancel};
    struct node_file *file = NULL;
    int code;

    serve(copy, &request);
    code = node_open(node, false, copy->cancel ? &request : NULL, &file, err);
    if (code != 0)
        goto out;
    copy->block = malloc(BLOCK_BYTES);
    if (copy->block)
        code = read_pieces(copy, file, put, arg, err);
    else
        code = err_sys(err, ENOMEM, "cannot copy");
    free(copy->block);
    copy->block = NULL;
    file->ops->close(file);
out:
    serve(copy, NULL);
    return code;
}

/* A file that is being written. */
struct target {
    int fd;
    bool failed; /* to be written: an error is not one of what is read */
    const char *path;
};

static int put_bytes(void *arg, const void *bytes, size_t len, struct err *err)
{
    struct target *target = arg;
    const char *at = bytes;

    while (len > 0) {
        ssize_t n = write(target->fd, at, len);

        if (n < 0 && errno == EINTR)
            continue; /* whoever was interrupted looks at `cancel` next */
        if (n < 0) {
            target->failed = true;
            return err_sys(err, errno, "%s", target->path);
        }
        at += n;
        len -= (size_t)n;
    }
    return 0;
}

/* ---- names ---- */

static int temporary_name(const char *dest, struct buf *ret_path, struct err *err)
{
    buf_addf(ret_path, "%s.XXXXXX", dest);
    return buf_error(ret_path) == 0 ? 0 : err_sys(err, ENOMEM, "%s", dest);
}

static int sync_parent(const char *path, struct err *err)
{
    const char *slash = strrchr(path, '/');
    struct buf parent = BUF_INIT;
    int fd, code = 0;

    if (slash)
        buf_add(&parent, path, slash == path ? 1 : (size_t)(slash - path));
    else
        buf_add_char(&parent, '.');
    fd = open(buf_text(&parent), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0)
        code = err_sys(err, errno, "%s", buf_text(&parent));
    if (fd >= 0)
        (void)close(fd);
    buf_free(&parent);
    return code;
}

static int exists(const char *dest, struct err *err)
{
    return err_set(err, EEXIST, "%s exists already", dest);
}

/* Gives `from` its final name. */
static int give_name(const char *from, const char *dest, bool replace, struct err *err)
{
    struct stat st;

    if (!replace && renameat2(AT_FDCWD, from, AT_FDCWD, dest, RENAME_NOREPLACE) == 0)
        return sync_parent(dest, err);
    if (!replace && errno != EINVAL && errno != ENOSYS)
        return errno == EEXIST ? exists(dest, err) : err_sys(err, errno, "%s", dest);
    /* NFS and others do not know how to keep what is there: look first. */
    if (!replace && lstat(dest, &st) == 0)
        return exists(dest, err);
    if (rename(from, dest) != 0)
        return err_sys(err, errno, "%s", dest);
    return sync_parent(dest, err);
}

int copy_file(struct copy *copy, struct node *node, const char *dest, bool replace, struct err *err)
{
    struct target target = {-1, false, dest};
    struct buf temporary = BUF_INIT;
    struct stat st;
    int code;

    if (!replace && lstat(dest, &st) == 0)
        return exists(dest, err);
    code = temporary_name(dest, &temporary, err);
    if (code != 0)
        goto out;
    target.fd = mkostemp(temporary.data, O_CLOEXEC);
    if (target.fd < 0) {
        code = err_sys(err, errno, "%s", dest);
        goto out;
    }
    code = copy_stream(copy, node, put_bytes, &target, err);
    if (code != 0 && copy->name && !target.failed && !is_cancelled(copy))
        err_at(err, "%s", copy->name);
    if (code == 0 && fsync(target.fd) != 0)
        code = err_sys(err, errno, "%s", dest);
    if (close(target.fd) != 0 && code == 0)
        code = err_sys(err, errno, "%s", dest);
    if (code == 0)
        code = give_name(temporary.data, dest, replace, err);
    if (code != 0)
        (void)unlink(temporary.data);
out:
    buf_free(&temporary);
    return code;
}

/* ---- directories ---- */

/* A directory that is being copied. */
struct tree {
    struct copy *copy;
    struct buf path;   /* of what is being written */
    size_t root_bytes; /* how much of that is the directory's own */
    struct err why;    /* of what is being read */
};

struct names {
    struct buf text; /* NUL-terminated */
    size_t count;
    struct node_place place; /* so that each piece does not begin with looking for its first name */
    uint64_t next;           /* the cookie to go on with */
};

static int copy_entries(struct tree *tree, struct node *node, struct err *err);

/* What is being read, as the user would call it. */
static void name_source(const struct tree *tree, struct buf *out)
{
    const char *name = tree->copy->name ? tree->copy->name : ".";
    const char *below = buf_text(&tree->path) + tree->root_bytes;

    if (strcmp(name, ".") != 0 || *below == '\0')
        buf_addf(out, "%s%s", name, below);
    else
        buf_add_text(out, below + 1);
}

/* What is being read failed with `tree->why`: 0 if the copy goes on without it. Of a directory of
 * which not even the first name can be read, nothing would be left. */
static int leave_out(struct tree *tree, bool is_all, struct err *err)
{
    const struct copy *copy = tree->copy;
    struct buf name = BUF_INIT;
    int code = 0;

    if (is_cancelled(copy))
        return err_set(err, ECANCELED, "cancelled");
    name_source(tree, &name);
    if (buf_error(&name) != 0)
        code = err_sys(err, ENOMEM, "cannot copy");
    else if (copy->unread && !is_all)
        copy->unread(copy->arg, buf_text(&name), &tree->why);
    else
        code = err_set(err, -tree->why.code, "%s: %s", buf_text(&name), tree->why.text);
    buf_free(&name);
    return code;
}

static int copy_link(struct tree *tree, const struct buf *target, struct err *err)
{
    const char *dest = buf_text(&tree->path);

    if (symlink(buf_text(target), dest) != 0)
        return err_sys(err, errno, "%s", dest);
    return 0;
}

static int copy_inner_file(struct tree *tree, struct node *node, struct err *err)
{
    uint64_t before_bytes = atomic_load(&tree->copy->done_bytes);
    const char *dest = buf_text(&tree->path);
    struct target target = {-1, false, dest};
    int code;

    target.fd = open(dest, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (target.fd < 0)
        return err_sys(err, errno, "%s", dest);
    code = copy_stream(tree->copy, node, put_bytes, &target, &tree->why);
    if (close(target.fd) != 0 && code == 0)
        return err_sys(err, errno, "%s", dest);
    if (code != 0 && target.failed)
        return err_set(err, -code, "%s", tree->why.text);
    if (code == 0)
        return 0;
    if (unlink(dest) != 0) /* a part of it would be taken for all */
        return err_sys(err, errno, "%s", dest);
    atomic_store(&tree->copy->done_bytes, before_bytes);
    return leave_out(tree, false, err);
}

static int copy_inner_directory(struct tree *tree, struct node *node, struct err *err)
{
    const char *dest = buf_text(&tree->path);

    if (mkdir(dest, 0700) != 0)
        return err_sys(err, errno, "%s", dest);
    return copy_entries(tree, node, err);
}

/* Finds an entry, what it is, and where it leads if it is a link. */
static int find(struct tree *tree, struct node *parent, const char *name, struct node **ret_node,
                struct node_attr *ret_attr, struct buf *target)
{
    struct node_request request = {.cancel = tree->copy->cancel};
    struct err *why = &tree->why;
    int code;

    serve(tree->copy, &request);
    code = node_lookup(parent, name, ret_node, why);
    if (code == 0)
        code = node_attr(*ret_node, ret_attr, why);
    if (code == 0 && ret_attr->kind == NODE_LINK)
        code = (*ret_node)->ops->target(*ret_node, target, why);
    serve(tree->copy, NULL);
    return code;
}

static int copy_inner(struct tree *tree, struct node *parent, const char *name, struct err *err)
{
    struct node_attr attr = {.size = 0};
    struct buf target = BUF_INIT;
    size_t before = tree->path.len;
    struct node *node = NULL;
    int code;

    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return 0;
    buf_addf(&tree->path, "/%s", name);
    if (buf_error(&tree->path) != 0)
        return err_sys(err, ENOMEM, "%s", name);
    if (find(tree, parent, name, &node, &attr, &target) != 0)
        code = leave_out(tree, false, err);
    else if (attr.kind == NODE_LINK)
        code = copy_link(tree, &target, err);
    else if (attr.kind == NODE_FILE)
        code = copy_inner_file(tree, node, err);
    else
        code = copy_inner_directory(tree, node, err);
    node_unref(node);
    buf_free(&target);
    tree->path.len = before;
    tree->path.data[before] = '\0';
    return code;
}

static int collect(void *arg, const char *name, enum node_kind kind, uint64_t next)
{
    struct names *names = arg;

    (void)kind;
    if (names->count == NAMES_AT_ONCE)
        return 1;
    names->count++;
    names->next = next;
    buf_add(&names->text, name, strlen(name) + 1);
    return 0;
}

static int list_some(struct tree *tree, struct node *node, struct names *names)
{
    struct node_request request = {.cancel = tree->copy->cancel};
    int code;

    buf_clear(&names->text);
    names->count = 0;
    serve(tree->copy, &request);
    code = node_list(node, &names->place, names->next, collect, names, &tree->why);
    serve(tree->copy, NULL);
    return code;
}

/* Of a list that breaks off, the names that came are copied. */
static int copy_entries(struct tree *tree, struct node *node, struct err *err)
{
    struct names names = {.text = BUF_INIT, .place = {.kept = NULL}, .next = 0};
    struct err broken_off = ERR_INIT;
    int code = 0, listed;

    do {
        const char *name;

        listed = list_some(tree, node, &names);
        if (listed != 0)
            broken_off = tree->why;
        if (buf_error(&names.text) != 0)
            code = err_sys(err, ENOMEM, "%s", buf_text(&tree->path));
        name = buf_text(&names.text);
        for (size_t i = 0; code == 0 && i < names.count; i++, name += strlen(name) + 1)
            code = copy_inner(tree, node, name, err);
    } while (code == 0 && listed == 0 && names.count == NAMES_AT_ONCE);
    if (code == 0 && listed != 0) {
        bool is_all = names.next == 0 && tree->path.len == tree->root_bytes;

        tree->why = broken_off;
        code = leave_out(tree, is_all, err);
    }
    node_place_clear(&names.place);
    buf_free(&names.text);
    return code;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    (void)remove(path);
    return 0;
}

static int sync_all(const char *path, struct err *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), code = 0;

    if (fd < 0 || syncfs(fd) != 0)
        code = err_sys(err, errno, "%s", path);
    if (fd >= 0)
        (void)close(fd);
    return code;
}

int copy_directory(struct copy *copy, struct node *node, const char *dest, struct err *err)
{
    struct tree tree = {.copy = copy, .path = BUF_INIT, .why = ERR_INIT};
    struct stat st;
    int code;

    if (lstat(dest, &st) == 0)
        return exists(dest, err);
    code = temporary_name(dest, &tree.path, err);
    if (code == 0 && !mkdtemp(tree.path.data))
        code = err_sys(err, errno, "%s", dest);
    if (code != 0)
        goto out;
    tree.root_bytes = tree.path.len;
    code = copy_entries(&tree, node, err);
    if (code == 0)
        code = sync_all(tree.path.data, err);
    if (code == 0)
        code = give_name(tree.path.data, dest, false, err);
    if (code != 0)
        (void)nftw(tree.path.data, remove_one, MAX_OPEN_DIRECTORIES, FTW_DEPTH | FTW_PHYS);
out:
    buf_free(&tree.path);
    return code;
}
