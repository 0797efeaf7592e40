/*
 * Names and attributes.
 *
 * What is immutable may be cached by the kernel for as long as it likes. Everything else is
 * asked for anew each time, so that a new backup and `latest` are right for every process as
 * soon as the command that made them has returned; that a name is not there is never
 * remembered, for the same reason.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "dbsnapfs/util/buf.h"
#include "mount.h"

#define FOREVER_S (365.0 * 24 * 3600)
#define NS 1000000000

struct mount *mount_of(fuse_req_t req)
{
    return fuse_req_userdata(req);
}

static bool error_is_ordinary(int code)
{
    switch (code) {
    case -ENOENT:
    case -EROFS:
    case -EISDIR:
    case -ENOTDIR:
    case -ELOOP:
    case -ECANCELED:
    case -ESHUTDOWN:
        return true;
    default:
        return false;
    }
}

void mount_fail(fuse_req_t req, const struct inode *inode, const char *name, const struct err *err)
{
    struct mount *mount = mount_of(req);
    if (!error_is_ordinary(err->code)) {
        char path[512], line[2048];
        snprintf(line, sizeof(line), "%s%s%s%s: %s", mount->config->mount_point,
                 inode_path(inode, path, sizeof(path)), name ? "/" : "", name ? name : "",
                 err->text);
        report_line(&mount->report, line);
    }
    fuse_reply_err(req, err_to_mount(err->code));
}

static mode_t attr_mode(const struct mount *mount, const struct node_attr *attr)
{
    mode_t umask = mount->config->umask;
    switch (attr->kind) {
    case NODE_DIRECTORY:
        return S_IFDIR | (0555 & ~umask);
    case NODE_LINK:
        return S_IFLNK | 0777;
    case NODE_FILE:
        break;
    }
    return S_IFREG | ((attr->writable ? 0666 : 0444) & ~umask);
}

void mount_stat(const struct mount *mount, uint64_t number, const struct node_attr *attr,
                struct stat *ret_stat)
{
    int64_t seconds = attr->mtime_ns / NS, rest = attr->mtime_ns % NS;
    if (rest < 0) {
        seconds--;
        rest += NS;
    }
    struct timespec time = {.tv_sec = (time_t)seconds, .tv_nsec = (long)rest};
    *ret_stat = (struct stat){
        .st_ino = number,
        .st_mode = attr_mode(mount, attr),
        /* 1 for directories too: find(1) takes 2 to mean "no directories below". */
        .st_nlink = 1,
        .st_uid = mount->config->uid,
        .st_gid = mount->config->gid,
        .st_size = (off_t)attr->size,
        .st_blksize = (blksize_t)attr->piece_bytes,
        .st_blocks = (blkcnt_t)((attr->size + 511) / 512),
        .st_atim = time,
        .st_mtim = time,
        .st_ctim = time,
    };
}

/* In seconds. */
static double attr_timeout(const struct node_attr *attr)
{
    return attr->immutable ? FOREVER_S : attr->fresh_ms / 1000.0;
}

int mount_look_up(struct mount *mount, struct inode *parent, const char *name,
                  struct fuse_entry_param *ret_entry, struct err *err)
{
    struct node *node = NULL;
    struct node_attr attr = {.kind = NODE_FILE};
    struct inode *inode = NULL;
    bool whole = true;
    int r = node_lookup(parent->node, name, &node, err);
    if (r < 0)
        return r;
    r = node_glance(node, &attr, &whole, err);
    if (r < 0) {
        node_unref(node);
        return r;
    }
    /* The kernel locks an inode while it is written, and a command is a write that may take long:
     * each look-up of a file for commands gives an inode of its own, or `cancel` would wait for
     * what it is to cancel. */
    if (attr.writable)
        r = inode_add(mount->inodes, parent, name, attr.kind, node, &inode, err);
    else
        r = inode_remember(mount->inodes, parent, name, attr.kind, node, &inode, err);
    if (r < 0)
        return r;
    *ret_entry = (struct fuse_entry_param){
        .ino = inode_id(mount->inodes, inode),
        .attr_timeout = whole ? attr_timeout(&attr) : 0,
        .entry_timeout = !attr.writable && (attr.immutable || attr.permanent) ? FOREVER_S : 0,
    };
    mount_stat(mount, inode->number, &attr, &ret_entry->attr);
    return 0;
}

void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct mount *mount = mount_of(req);
    struct inode *dir = inode_get(mount->inodes, parent);
    struct fuse_entry_param entry;
    struct interrupt in;
    struct err err = ERR_INIT;

    memset(&entry, 0, sizeof(entry));
    interrupt_begin(&in, &mount->interrupts, req);
    int r = mount_look_up(mount, dir, name, &entry, &err);
    interrupt_end(&in);
    if (r < 0) {
        mount_fail(req, dir, name, &err);
        return;
    }
    if (fuse_reply_entry(req, &entry) < 0) /* the kernel never heard of it */
        inode_forget(mount->inodes, inode_get(mount->inodes, entry.ino), 1);
}

void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t count)
{
    struct mount *mount = mount_of(req);
    inode_forget(mount->inodes, inode_get(mount->inodes, ino), count);
    fuse_reply_none(req);
}

void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
    struct mount *mount = mount_of(req);
    for (size_t i = 0; i < count; i++)
        inode_forget(mount->inodes, inode_get(mount->inodes, forgets[i].ino), forgets[i].nlookup);
    fuse_reply_none(req);
}

void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    struct mount *mount = mount_of(req);
    struct inode *inode = inode_get(mount->inodes, ino);
    struct node_attr attr = {.kind = NODE_FILE};
    struct err err = ERR_INIT;
    struct interrupt in;
    struct stat stat;
    (void)fi; /* fstat(2) gives none */

    interrupt_begin(&in, &mount->interrupts, req);
    int r = file_attr(mount, inode, &attr, &err);
    interrupt_end(&in);
    if (r < 0) {
        mount_fail(req, inode, NULL, &err);
        return;
    }
    mount_stat(mount, inode->number, &attr, &stat);
    fuse_reply_attr(req, &stat, attr_timeout(&attr));
}

/* Truncation is what a shell's `>` does before it writes a command; a command is no content
 * that could be cut. Owner, mode and times belong to the mount. */
void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
                struct fuse_file_info *fi)
{
    struct mount *mount = mount_of(req);
    struct inode *inode = inode_get(mount->inodes, ino);
    struct node_attr now = {.kind = NODE_FILE};
    struct err err = ERR_INIT;
    (void)attr;

    if (node_attr(inode->node, &now, &err) < 0) {
        mount_fail(req, inode, NULL, &err);
        return;
    }
    if (!now.writable)
        fuse_reply_err(req, EROFS);
    else if (!(to_set & FUSE_SET_ATTR_SIZE) ||
             (to_set & (FUSE_SET_ATTR_MODE | FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID)))
        fuse_reply_err(req, EPERM);
    else
        op_getattr(req, ino, fi);
}

void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
    struct mount *mount = mount_of(req);
    struct inode *inode = inode_get(mount->inodes, ino);
    struct buf target = BUF_INIT;
    struct err err = ERR_INIT;

    if (!inode->node->ops->target)
        fuse_reply_err(req, EINVAL);
    else if (inode->node->ops->target(inode->node, &target, &err) < 0)
        mount_fail(req, inode, NULL, &err);
    else
        fuse_reply_readlink(req, buf_text(&target));
    buf_free(&target);
}

void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
    const struct mount *mount = mount_of(req);
    struct statvfs fs;
    (void)ino;
    if (statvfs(mount->config->statfs_path, &fs) < 0) {
        fuse_reply_err(req, errno);
        return;
    }
    fs.f_namemax = 255;
    fuse_reply_statfs(req, &fs);
}
