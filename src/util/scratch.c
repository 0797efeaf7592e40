/*
 * O_TMPFILE makes a file that has no name from the start; where the file system cannot do that, one
 * is made and unlinked.
 */
#include "dbsnapfs/util/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* As open(2). */
static int open_unlinked(const char *folder)
{
    char name[PATH_MAX];
    int fd;

    if (snprintf(name, sizeof(name), "%s/scratch-XXXXXX.tmp", folder) >= (int)sizeof(name)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    fd = mkostemps(name, (int)strlen(".tmp"), O_CLOEXEC);
    if (fd >= 0)
        unlink(name);
    return fd;
}

int scratch_open(const char *folder, int *ret_fd)
{
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL))
        fd = open_unlinked(folder);
    if (fd < 0)
        return -errno;
    *ret_fd = fd;
    return 0;
}

int scratch_write(int fd, const void *bytes, size_t len, uint64_t offset)
{
    size_t done = 0;

    while (done < len) {
        ssize_t put = pwrite(fd, (const char *)bytes + done, len - done, (off_t)(offset + done));

        if (put >= 0)
            done += (size_t)put;
        else if (errno != EINTR)
            return -errno;
    }
    return 0;
}

int scratch_read(int fd, void *bytes, size_t len, uint64_t offset, size_t *ret_len)
{
    size_t done = 0;

    while (done < len) {
        ssize_t got = pread(fd, (char *)bytes + done, len - done, (off_t)(offset + done));

        if (got > 0)
            done += (size_t)got;
        else if (got == 0)
            break;
        else if (errno != EINTR)
            return -errno;
    }
    *ret_len = done;
    return 0;
}
