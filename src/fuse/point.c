/*
 * The mount point: what can be said about it before libfuse tries, in words that help, and
 * what is to be done when it is mounted.
 *
 * libfuse and fusermount3 print why a mount failed, each in its own way, to descriptor 2.
 * While they work that is a file in memory, so that the last line of it can be what this
 * program says.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "mount.h"

#define READ_AHEAD_KB "1024"

int mount_point_check(const char *path, struct err *err)
{
    struct statx stat;
    if (statx(AT_FDCWD, path, 0, STATX_TYPE, &stat) < 0) {
        if (errno == ENOENT)
            return err_set(err, ENOENT, "%s: no such directory; make it first: mkdir -p %s", path,
                           path);
        if (errno == ENOTCONN)
            return err_set(err, ENOTCONN,
                           "%s: a file system whose daemon died is mounted here; unmount it "
                           "first: fusermount3 -u %s",
                           path, path);
        return err_sys(err, errno, "%s", path);
    }
    if (!S_ISDIR(stat.stx_mode))
        return err_set(err, ENOTDIR, "%s: the mount point is not a directory", path);
    if (stat.stx_attributes & stat.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT)
        return err_set(err, EBUSY,
                       "%s: something is mounted here already; unmount it or take another "
                       "directory",
                       path);
    return 0;
}

int mount_device_check(struct err *err)
{
    int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    if (fd >= 0) {
        close(fd);
        return 0;
    }
    switch (errno) {
    case ENOENT:
    case ENODEV:
    case ENXIO:
        return err_set(err, errno,
                       "/dev/fuse is not there: load the kernel module (modprobe fuse) or give "
                       "the container the device (--device /dev/fuse)");
    case EACCES:
    case EPERM:
        return err_set(err, errno,
                       "/dev/fuse cannot be opened by this user: ask an administrator to allow "
                       "it (chmod 666 /dev/fuse), or mount as root");
    default:
        return err_sys(err, errno, "/dev/fuse");
    }
}

int mount_point_answers(const char *path, struct err *err)
{
    struct stat stat_now;
    char name[80];
    if (stat(path, &stat_now) < 0)
        return err_sys(err, errno, "%s: mounted, but does not answer", path);
    /* Only root may, and it is only faster. */
    snprintf(name, sizeof(name), "/sys/class/bdi/%u:%u/read_ahead_kb", major(stat_now.st_dev),
             minor(stat_now.st_dev));
    int fd = open(name, O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t written = write(fd, READ_AHEAD_KB, strlen(READ_AHEAD_KB));
        (void)written;
        close(fd);
    }
    return 0;
}

/* Descriptor 2 as a file in memory. */
struct catcher {
    int caught; /* -1: could not be made, nothing is caught */
    int saved;
};

static struct catcher catcher_begin(void)
{
    struct catcher catcher = {.caught = memfd_create("dbsnapfs-mount", MFD_CLOEXEC), .saved = -1};
    if (catcher.caught >= 0)
        catcher.saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    if (catcher.saved >= 0)
        dup2(catcher.caught, STDERR_FILENO);
    return catcher;
}

/* Puts descriptor 2 back; `text` gets what was written and the last line of it returns. */
static const char *catcher_end(struct catcher *catcher, char *text, size_t size)
{
    ssize_t len = 0;
    if (catcher->saved >= 0) {
        dup2(catcher->saved, STDERR_FILENO);
        close(catcher->saved);
        len = pread(catcher->caught, text, size - 1, 0);
    }
    if (catcher->caught >= 0)
        close(catcher->caught);
    while (len > 0 && text[len - 1] == '\n')
        len--;
    text[len > 0 ? len : 0] = '\0';
    const char *newline = strrchr(text, '\n');
    return newline ? newline + 1 : text;
}

int mount_session(struct mount *mount, struct fuse_args *args, struct err *err)
{
    const char *path = mount->config->mount_point;
    char text[1024];
    bool mounted = false;
    struct catcher catcher = catcher_begin();

    mount->session = fuse_session_new(args, &mount_ops, sizeof(mount_ops), mount);
    if (mount->session)
        mounted = fuse_session_mount(mount->session, path) == 0;
    const char *line = catcher_end(&catcher, text, sizeof(text));
    if (mounted)
        return 0;
    return err_set(err, mount->session ? EPERM : EINVAL, "%s: cannot mount%s%s", path,
                   *line ? ": " : "", line);
}
