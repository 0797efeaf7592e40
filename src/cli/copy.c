/*
 * Files are read through the same nodes that a mount serves, a megabyte at a time, in order, so
 * that what comes next is decoded ahead. A directory is listed in portions, since one with a
 * name for every row of a table may not fit in memory.
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

static int read_pieces(struct copy *copy, struct node_file *file,
                       int (*put)(void *arg, const void *bytes, size_t len, struct err *err),
                       void *arg, struct err *err)
{
    uint64_t offset = 0;

    for (;;) {
        size_t len = 0;
        int code;

        if (copy->cancel && atomic_load(copy->cancel))
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

    code = node_open(node, false, copy->cancel ? &request : NULL, &file, err);
    if (code != 0)
        return code;
    copy->block = malloc(BLOCK_BYTES);
    if (copy->block)
        code = read_pieces(copy, file, put, arg, err);
    else
        code = err_sys(err, ENOMEM, "cannot copy");
    free(copy->block);
    copy->block = NULL;
    file->ops->close(file);
    return code;
}

/* A file that is being written. */
struct target {
    int fd;
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
        if (n < 0)
            return err_sys(err, errno, "%s", target->path);
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
    struct target target = {-1, dest};
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

struct names {
    struct buf text; /* NUL-terminated */
    size_t count;
    uint64_t next; /* the cookie to go on with */
};

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

static int copy_entries(struct copy *copy, struct node *node, const char *dest, struct err *err);

static int copy_link(struct node *node, const char *dest, struct err *err)
{
    struct buf target = BUF_INIT;
    int code = node->ops->target(node, &target, err);

    if (code == 0 && symlink(buf_text(&target), dest) != 0)
        code = err_sys(err, errno, "%s", dest);
    buf_free(&target);
    return code;
}

static int copy_inner_file(struct copy *copy, struct node *node, const char *dest, struct err *err)
{
    struct target target = {open(dest, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), dest};
    int code;

    if (target.fd < 0)
        return err_sys(err, errno, "%s", dest);
    code = copy_stream(copy, node, put_bytes, &target, err);
    if (close(target.fd) != 0 && code == 0)
        code = err_sys(err, errno, "%s", dest);
    return code;
}

static int copy_inner(struct copy *copy, struct node *parent, const char *name, const char *into,
                      struct err *err)
{
    struct node_attr attr = {.size = 0};
    struct buf dest = BUF_INIT;
    struct node *node = NULL;
    int code;

    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return 0;
    buf_addf(&dest, "%s/%s", into, name);
    code = node_lookup(parent, name, &node, err);
    if (code == 0)
        code = node_attr(node, &attr, err);
    if (code == 0 && attr.kind == NODE_LINK) {
        code = copy_link(node, buf_text(&dest), err);
    } else if (code == 0 && attr.kind == NODE_FILE) {
        code = copy_inner_file(copy, node, buf_text(&dest), err);
    } else if (code == 0) {
        if (mkdir(buf_text(&dest), 0700) != 0)
            code = err_sys(err, errno, "%s", buf_text(&dest));
        else
            code = copy_entries(copy, node, buf_text(&dest), err);
    }
    node_unref(node);
    buf_free(&dest);
    return code;
}

static int copy_entries(struct copy *copy, struct node *node, const char *dest, struct err *err)
{
    struct names names = {.text = BUF_INIT, .next = 0};
    int code;

    do {
        const char *name;

        buf_clear(&names.text);
        names.count = 0;
        code = node_list(node, NULL, names.next, collect, &names, err);
        if (code == 0 && buf_error(&names.text) != 0)
            code = err_sys(err, ENOMEM, "%s", dest);
        name = buf_text(&names.text);
        for (size_t i = 0; code == 0 && i < names.count; i++, name += strlen(name) + 1)
            code = copy_inner(copy, node, name, dest, err);
    } while (code == 0 && names.count == NAMES_AT_ONCE);
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
    struct buf temporary = BUF_INIT;
    struct stat st;
    int code;

    if (lstat(dest, &st) == 0)
        return exists(dest, err);
    code = temporary_name(dest, &temporary, err);
    if (code == 0 && !mkdtemp(temporary.data))
        code = err_sys(err, errno, "%s", dest);
    if (code != 0)
        goto out;
    code = copy_entries(copy, node, temporary.data, err);
    if (code == 0)
        code = sync_all(temporary.data, err);
    if (code == 0)
        code = give_name(temporary.data, dest, false, err);
    if (code != 0)
        (void)nftw(temporary.data, remove_one, MAX_OPEN_DIRECTORIES, FTW_DEPTH | FTW_PHYS);
out:
    buf_free(&temporary);
    return code;
}
