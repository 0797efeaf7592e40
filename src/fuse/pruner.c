/*
 * A thread that keeps the inodes few. The kernel remembers every name that it looked up until it
 * needs the memory, and as long the table has to hold an inode for it: a walk through a table of a
 * million rows would fill this process's memory, not the kernel's. So when the table says that there
 * are too many, the kernel is asked to drop those that were not used for the longest time.
 *
 * Linux 6.18 and later takes their numbers (FUSE_NOTIFY_PRUNE, see fs/fuse/dev.c) and drops what
 * nobody uses: not an open file, not a process's current directory, no directory above either, nor
 * one in which a name was looked for that is not there: that, too, the kernel notes in it, until it
 * needs the memory. Leaves go before directories, as a directory is pinned by what is known in it.
 *
 * An older kernel can only be told that a name became invalid, which it believes whoever uses it: a
 * current directory would have no path any more (getcwd(2): ENOENT), so directories are left alone
 * there, and the memory grows with those that were looked up. A file does not mind: one that is open
 * stays, and is in no order meanwhile.
 *
 * The kernel takes locks for this that somebody whose request waits for us may hold. Hence a thread
 * of its own, which holds none of ours while it asks; and it ends before the requests' threads do.
 */
#include "mount.h"

#include <errno.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dbsnapfs/util/probe.h"

#define NOTIFY_PRUNE 9 /* FUSE_NOTIFY_PRUNE, in linux/fuse.h since protocol 7.45 */
#define ASK_COUNT 512  /* at once: as many as the kernel takes under one lock */

struct pruner {
    struct mount *mount;
    pthread_t thread;
    bool joined;  /* used by those who end it, one after the other */
    bool by_name; /* used by the thread: the kernel does not know FUSE_NOTIFY_PRUNE */
    struct inode *asked[ASK_COUNT];
    struct {
        struct fuse_out_header header;
        uint32_t prune[4]; /* struct fuse_notify_prune_out: how many, and room for more */
        uint64_t ids[ASK_COUNT];
    } notice;
};

/* -EINVAL: the kernel does not know such notices. Of other errors it says more to whoever reads
 * requests from it. */
static int prune_by_number(struct pruner *pruner, size_t count)
{
    const struct mount *mount = pruner->mount;
    size_t bytes = offsetof(__typeof__(pruner->notice), ids) + count * sizeof(uint64_t);
    if (probe_is_armed("few-inodes-by-name"))
        return -EINVAL;
    pruner->notice.header.len = (uint32_t)bytes;
    pruner->notice.header.error = NOTIFY_PRUNE;
    pruner->notice.prune[0] = (uint32_t)count;
    for (size_t i = 0; i < count; i++)
        pruner->notice.ids[i] = inode_id(mount->inodes, pruner->asked[i]);
    return write(fuse_session_fd(mount->session), &pruner->notice, bytes) < 0 ? -errno : 0;
}

static void prune_by_name(struct pruner *pruner, size_t count)
{
    const struct mount *mount = pruner->mount;
    for (size_t i = 0; i < count; i++) {
        struct inode *inode = pruner->asked[i];
        if (inode->kind != NODE_DIRECTORY && inode_is_listed(mount->inodes, inode))
            fuse_lowlevel_notify_inval_entry(mount->session, inode_id(mount->inodes, inode->parent),
                                             inode->name, strlen(inode->name));
    }
}

static void *pruner_run(void *arg)
{
    struct pruner *pruner = arg;
    struct inode_table *inodes = pruner->mount->inodes;
    size_t surplus;
    while ((surplus = inode_surplus_wait(inodes)) > 0) {
        while (surplus > 0) {
            size_t room = surplus < ASK_COUNT ? surplus : ASK_COUNT;
            size_t count = inode_take_oldest(inodes, pruner->asked, room);
            if (!pruner->by_name && count > 0)
                pruner->by_name = prune_by_number(pruner, count) == -EINVAL;
            if (pruner->by_name)
                prune_by_name(pruner, count);
            inode_put_back(inodes, pruner->asked, count);
            surplus = count > 0 ? surplus - count : 0;
        }
    }
    return NULL;
}

int pruner_start(struct mount *mount, struct pruner **ret_pruner, struct err *err)
{
    struct pruner *pruner = calloc(1, sizeof(*pruner));
    if (!pruner)
        return err_set(err, ENOMEM, "inodes: out of memory");
    pruner->mount = mount;
    int r = pthread_create(&pruner->thread, NULL, pruner_run, pruner);
    if (r != 0) {
        free(pruner);
        return err_sys(err, r, "inodes: thread");
    }
    *ret_pruner = pruner;
    return 0;
}

void pruner_stop(struct pruner *pruner)
{
    if (!pruner || pruner->joined)
        return;
    inode_surplus_end(pruner->mount->inodes);
    pthread_join(pruner->thread, NULL);
    pruner->joined = true;
}

void pruner_end(struct pruner *pruner)
{
    pruner_stop(pruner);
    free(pruner);
}
