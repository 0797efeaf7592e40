/*
 * A tree of nodes as a mounted file system, by libfuse's low-level interface.
 */
#ifndef DBSNAPFS_FUSE_H
#define DBSNAPFS_FUSE_H

#include <stdbool.h>
#include <sys/types.h>

struct err;
struct node;

struct mount_config {
    const char *source;      /* what mount(8) shows as the device */
    const char *mount_point; /* absolute */
    const char *statfs_path; /* whose file system df shows */
    bool foreground;         /* -f */
    bool debug;              /* -d */
    bool read_only;
    bool allow_other;
    uid_t uid;
    gid_t gid;
    mode_t umask;             /* bits taken away from 0777; 077 by default */
    const char *fuse_options; /* further -o options for the kernel, comma-separated, or NULL */
};

struct mount_hooks {
    void *arg;
    /* After the process went to the background (threads may start now) and before the mount
     * is announced as ready: makes the root. A failure is what the command reports. */
    int (*start)(void *arg, struct node **ret_root, struct err *err);
    void (*stop)(void *arg);     /* SIGTERM, SIGINT, or unmounted: end what runs */
    void (*progress)(void *arg); /* SIGUSR1 */
};

/*
 * Mounts, serves until unmounted or told to stop, and unmounts. In the background (not
 * `foreground`) the calling process returns 0 as soon as the mount answers, or the error that
 * kept it from being ready; the daemon does not return but exits.
 */
int mount_serve(const struct mount_config *config, const struct mount_hooks *hooks,
                struct err *err);

#endif
