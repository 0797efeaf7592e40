/*
 * Open files. What may take long (opening, writing, closing) can be interrupted.
 *
 * What an open file shows may be a state of its own, of which its attributes are, whatever became of
 * the name meanwhile. The kernel asks for them by the inode alone, so that has them at hand. (Two that
 * were opened at the same moment may share an inode: the last one speaks for both.)
 *
 * They are on a list, because a mount that ends may leave some that the kernel never
 * released; what they hold of the store has to be given back before the store goes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "dbsnapfs/util/clock.h"
#include "mount.h"

struct open_file {
    struct node_file *file;
    struct inode *inode;
    bool has_state;        /* of its own … */
    struct node_attr attr; /* … and then what it had at its opening, but for the size */
    unsigned references;   /* protected by the list's lock, as is what follows */
    struct open_file *previous, *next;
    struct open_file *before; /* opened before, of the same inode, with a state as well */
};

static struct open_file *open_file_of(const struct fuse_file_info *fi)
{
    return (struct open_file *)(uintptr_t)fi->fh;
}

static struct node_file *file_of(const struct fuse_file_info *fi)
{
    return open_file_of(fi)->file;
}

void files_init(struct open_files *files)
{
    pthread_mutex_init(&files->lock, NULL);
    files->first = NULL;
}

static void files_add(struct open_files *files, struct open_file *open_file)
{
    struct inode *inode = open_file->inode;
    pthread_mutex_lock(&files->lock);
    open_file->references = 1;
    if (open_file->has_state) {
        open_file->before = inode->open;
        inode->open = open_file;
    }
    open_file->next = files->first;
    if (open_file->next)
        open_file->next->previous = open_file;
    files->first = open_file;
    pthread_mutex_unlock(&files->lock);
}

/* The caller holds the lock. */
static void files_remove(struct open_files *files, struct open_file *open_file)
{
    struct open_file **link = &open_file->inode->open;
    while (open_file->has_state && *link != open_file)
        link = &(*link)->before;
    if (open_file->has_state)
        *link = open_file->before;
    if (open_file->previous)
        open_file->previous->next = open_file->next;
    else
        files->first = open_file->next;
    if (open_file->next)
        open_file->next->previous = open_file->previous;
}

static void files_put(struct open_files *files, struct open_file *open_file)
{
    pthread_mutex_lock(&files->lock);
    bool last = --open_file->references == 0;
    pthread_mutex_unlock(&files->lock);
    if (!last)
        return;
    open_file->file->ops->close(open_file->file);
    free(open_file);
}

static void files_close(struct open_files *files, struct open_file *open_file)
{
    pthread_mutex_lock(&files->lock);
    files_remove(files, open_file);
    pthread_mutex_unlock(&files->lock);
    files_put(files, open_file);
}

int file_attr(struct mount *mount, const struct inode *inode, struct node_attr *ret_attr,
              struct err *err)
{
    struct open_files *files = &mount->files;
    pthread_mutex_lock(&files->lock);
    struct open_file *open_file = inode->open;
    if (open_file)
        open_file->references++;
    pthread_mutex_unlock(&files->lock);
    if (!open_file)
        return node_attr(inode->node, ret_attr, err);
    *ret_attr = open_file->attr;
    int r = open_file->file->ops->size(open_file->file, &ret_attr->size, err);
    files_put(files, open_file);
    return r;
}

/* If what was opened has a state of its own, notes what else there is to know of it. */
static void note_state(struct open_file *open_file)
{
    struct err unheard = ERR_INIT;
    bool whole = false;
    if (!open_file->file->ops->size || open_file->file->keep_cache)
        return;
    /* It may have gone this moment. */
    if (node_glance(open_file->inode->node, &open_file->attr, &whole, &unheard) < 0)
        open_file->attr = (struct node_attr){.kind = NODE_FILE, .mtime_ns = clock_now_ns()};
    open_file->has_state = !open_file->attr.writable && !open_file->attr.immutable;
}

void files_release(struct open_files *files)
{
    while (files->first)
        files_close(files, files->first);
    pthread_mutex_destroy(&files->lock);
}

static void close_file(struct mount *mount, struct open_file *open_file)
{
    struct inode *inode = open_file->inode;
    if (open_file->has_state)
        inode_state_end(mount->inodes, inode);
    files_close(&mount->files, open_file);
    inode_unpin(mount->inodes, inode);
}

void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    struct mount *mount = mount_of(req);
    struct inode *inode = inode_get(mount->inodes, ino);
    struct node_file *file = NULL;
    struct err err = ERR_INIT;
    struct interrupt in;
    struct node_request request = {.cancel = &in.cancel};
    bool writing = (fi->flags & O_ACCMODE) != O_RDONLY;
    struct open_file *open_file = calloc(1, sizeof(*open_file));
    if (!open_file) {
        fuse_reply_err(req, ENOMEM);
        return;
    }

    interrupt_begin(&in, &mount->interrupts, req);
    int r = node_open(inode->node, writing, &request, &file, &err);
    open_file->file = file;
    open_file->inode = inode;
    if (r == 0)
        note_state(open_file);
    interrupt_end(&in);
    if (r < 0) {
        mount_fail(req, inode, NULL, &err);
        free(open_file);
        return;
    }
    files_add(&mount->files, open_file);
    inode_pin(mount->inodes, inode);
    if (open_file->has_state)
        inode_state_begin(mount->inodes, inode);
    fi->fh = (uint64_t)(uintptr_t)open_file;
    fi->keep_cache = file->keep_cache;
    fi->direct_io = file->direct;
    fi->noflush = !file->ops->flush;
    if (fuse_reply_open(req, fi) < 0) /* the opener is gone */
        close_file(mount, open_file);
}

void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi)
{
    struct mount *mount = mount_of(req);
    struct node_file *file = file_of(fi);
    struct interrupt in;
    struct err err = ERR_INIT;
    size_t len = 0;

    if (!file->ops->read) {
        fuse_reply_err(req, EBADF);
        return;
    }
    void *buffer = buffers_get(&mount->buffers);
    if (!buffer) {
        fuse_reply_err(req, ENOMEM);
        return;
    }
    if (size > mount->buffers.bytes)
        size = mount->buffers.bytes;
    interrupt_begin(&in, &mount->interrupts, req);
    int r = file->ops->read(file, (uint64_t)offset, buffer, size, &len, &err);
    interrupt_end(&in);
    if (r < 0)
        mount_fail(req, inode_get(mount->inodes, ino), NULL, &err);
    else
        fuse_reply_buf(req, buffer, len);
    buffers_put(&mount->buffers, buffer);
}

/* Why a command failed is in `control` and in the log already: only the code is told. */
static void reply_result(fuse_req_t req, int r)
{
    fuse_reply_err(req, r < 0 ? err_to_mount(r) : 0);
}

void op_write(fuse_req_t req, fuse_ino_t ino, const char *bytes, size_t size, off_t offset,
              struct fuse_file_info *fi)
{
    struct mount *mount = mount_of(req);
    struct node_file *file = file_of(fi);
    struct err err = ERR_INIT;
    struct interrupt in;
    struct node_request request = {.cancel = &in.cancel, .owner = fi->lock_owner};
    (void)ino;

    if (!file->ops->write) {
        fuse_reply_err(req, EROFS);
        return;
    }
    interrupt_begin(&in, &mount->interrupts, req);
    int r = file->ops->write(file, &request, (uint64_t)offset, bytes, size, &err);
    interrupt_end(&in);
    if (r < 0)
        reply_result(req, r);
    else
        fuse_reply_write(req, size);
}

void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    struct mount *mount = mount_of(req);
    struct node_file *file = file_of(fi);
    struct err err = ERR_INIT;
    struct interrupt in;
    struct node_request request = {.cancel = &in.cancel, .owner = fi->lock_owner};
    int r = 0;
    (void)ino;

    if (file->ops->flush) {
        interrupt_begin(&in, &mount->interrupts, req);
        r = file->ops->flush(file, &request, &err);
        interrupt_end(&in);
    }
    reply_result(req, r);
}

void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    struct mount *mount = mount_of(req);
    (void)ino;
    close_file(mount, open_file_of(fi));
    fuse_reply_err(req, 0);
}

/* A command has done what it does, durably, when its write returns. */
void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
    (void)ino;
    (void)datasync;
    (void)fi;
    fuse_reply_err(req, 0);
}
