/*
 * O_TMPFILE makes a file that has no name from the start; where the file system cannot do
 * that, one is made and unlinked. Either way nothing is left behind by a crash.
 */
#include "spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "dbsnapfs/util/err.h"

/* A descriptor or a negative errno. */
static int spool_try(const char *folder)
{
    char name[4096];
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0)
        return fd;
    if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)
        return -errno;
    if (snprintf(name, sizeof(name), "%s/copy-XXXXXX.tmp", folder) >= (int)sizeof(name))
        return -ENAMETOOLONG;
    fd = mkostemps(name, 4, O_CLOEXEC);
    if (fd < 0)
        return -errno;
    unlink(name);
    return fd;
}

int spool_open(const char *folder, int *ret_fd, struct err *err)
{
    const char *other = getenv("TMPDIR");
    int fd = folder ? spool_try(folder) : -EROFS;
    if (fd == -EROFS || fd == -EACCES || fd == -EPERM) {
        folder = other && *other ? other : "/var/tmp";
        fd = spool_try(folder);
    }
    if (fd < 0)
        return err_sys(err, -fd, "%s: cannot make a temporary copy", folder);
    *ret_fd = fd;
    return 0;
}
