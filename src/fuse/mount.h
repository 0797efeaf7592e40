/*
 * What the files of this room share: one mounted tree.
 */
#ifndef DBSNAPFS_SRC_FUSE_MOUNT_H
#define DBSNAPFS_SRC_FUSE_MOUNT_H

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "buffers.h"
#include "dbsnapfs/fuse.h"
#include "dbsnapfs/tree.h"
#include "dbsnapfs/util/err.h"
#include "inode.h"
#include "interrupt.h"
#include "report.h"

#define MOUNT_INODES 50000                    /* that are not too many, about 200 bytes each */
#define MOUNT_REQUEST_BYTES ((size_t)1 << 20) /* the most that one read or write carries */

struct open_file;
struct pruner;
struct signals;

/* Every file that the kernel has open. */
struct open_files {
    pthread_mutex_t lock;
    struct open_file *first; /* protected by lock */
};

struct mount {
    const struct mount_config *config;
    const struct mount_hooks *hooks;
    struct fuse_session *session;
    struct inode_table *inodes;
    struct buffers buffers;
    struct open_files files;
    struct interrupt_list interrupts;
    struct report report;
    struct signals *signals; /* NULL: no thread takes them */
    struct pruner *pruner;   /* NULL: no thread keeps the inodes few */
    atomic_bool serving;     /* requests are answered */
    atomic_bool stopped;     /* the stop hook was called */
    atomic_bool loop_end;    /* the loop has returned */
};

/* libfuse's table of callbacks; each gets the mount as its request's user data. */
extern const struct fuse_lowlevel_ops mount_ops;

/* attr.c: names and attributes */
struct mount *mount_of(fuse_req_t req);
void mount_stat(const struct mount *mount, uint64_t number, const struct node_attr *attr,
                struct stat *ret_stat);
/* Looks `name` up and counts it, as the kernel will when it gets the reply. The entry's size may be
 * missing, and then the kernel is told to ask again. */
int mount_look_up(struct mount *mount, struct inode *parent, const char *name,
                  struct fuse_entry_param *ret_entry, struct err *err);
/* Tells the client the code and, where nobody would learn the cause otherwise, the log why. */
void mount_fail(fuse_req_t req, const struct inode *inode, const char *name, const struct err *err);
void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t count);
void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets);
void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
                struct fuse_file_info *fi);
void op_readlink(fuse_req_t req, fuse_ino_t ino);
void op_statfs(fuse_req_t req, fuse_ino_t ino);

/* dir.c: listings */
void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                struct fuse_file_info *fi);
void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                    struct fuse_file_info *fi);
void op_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi);

/* file.c: open files */
void files_init(struct open_files *files);
/* Closes what the kernel did not get to release; nothing is served any more. */
void files_release(struct open_files *files);
void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
/* The attributes of an inode: its node's, or those of the open file that it stands for. */
int file_attr(struct mount *mount, const struct inode *inode, struct node_attr *ret_attr,
              struct err *err);
void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi);
void op_write(fuse_req_t req, fuse_ino_t ino, const char *bytes, size_t size, off_t offset,
              struct fuse_file_info *fi);
void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi);

/* point.c: the mount point */
int mount_point_check(const char *path, struct err *err);
int mount_device_check(struct err *err);
/* Waits until the mount answers and asks the kernel to read further ahead. */
int mount_point_answers(const char *path, struct err *err);
/* Makes mount->session and mounts it; catches what libfuse or fusermount3 print about a
 * failure. */
int mount_session(struct mount *mount, struct fuse_args *args, struct err *err);

/* background.c: the readiness pipe */
struct background {
    int ready_fd; /* the daemon's end; -1: foreground, or said already */
};
/* In the parent: the daemon's word, `ret_daemon` false. In the daemon: 0 and true. */
int background_fork(struct background *background, bool *ret_daemon, struct err *err);
/* Ready (`failure` NULL) or failed. -EPIPE: whoever started the daemon is gone. */
int background_say(struct background *background, const struct err *failure);

/* signals.c: a thread that takes the signals */
int signals_start(struct mount *mount, struct signals **ret_signals, struct err *err);
void signals_end(struct signals *signals); /* NULL is fine */

/* pruner.c: a thread that keeps the inodes few */
int pruner_start(struct mount *mount, struct pruner **ret_pruner, struct err *err);
/* Ends the thread, while requests are served; once that has returned, again and again. */
void pruner_stop(struct pruner *pruner); /* NULL is fine */
void pruner_end(struct pruner *pruner);  /* stops and frees; NULL is fine */

/* Calls the stop hook, once, and ends what can be interrupted. */
void mount_stop(struct mount *mount);

#endif
