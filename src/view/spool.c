/*
 * O_TMPFILE makes a file that has no name from the start; where the file system cannot do
 * that, one is made and unlinked. Either way nothing is left behind by a crash.
 */
#include "spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dbsnapfs/tree.h"
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

int spool_write(int fd, const void *bytes, size_t len, uint64_t offset, struct err *err)
{
    const char *at = bytes;
    while (len > 0) {
        ssize_t written = pwrite(fd, at, len, (off_t)offset);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return err_sys(err, errno, "temporary copy of the database");
        at += written;
        offset += (uint64_t)written;
        len -= (size_t)written;
    }
    return 0;
}

struct spooled {
    struct node_file file;
    int fd;
};

static int spooled_read(struct node_file *file, uint64_t offset, void *bytes, size_t len,
                        size_t *ret_len, struct err *err)
{
    int fd = ((struct spooled *)file)->fd;
    size_t count = 0;
    while (count < len) {
        ssize_t r = pread(fd, (char *)bytes + count, len - count, (off_t)(offset + count));
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return err_sys(err, errno, "temporary copy of the database");
        if (r == 0)
            break;
        count += (size_t)r;
    }
    *ret_len = count;
    return 0;
}

static int spooled_size(struct node_file *file, uint64_t *ret_size, struct err *err)
{
    struct stat st;
    if (fstat(((struct spooled *)file)->fd, &st) < 0)
        return err_sys(err, errno, "temporary copy of the database");
    *ret_size = (uint64_t)st.st_size;
    return 0;
}

static void spooled_close(struct node_file *file)
{
    close(((struct spooled *)file)->fd);
    free(file);
}

static const struct node_file_ops spooled_ops = {
    .read = spooled_read,
    .size = spooled_size,
    .close = spooled_close,
};

int spool_file(int fd, struct node_file **ret_file, struct err *err)
{
    struct spooled *spooled = calloc(1, sizeof(*spooled));
    if (!spooled) {
        close(fd);
        return err_set(err, ENOMEM, "temporary copy of the database: out of memory");
    }
    spooled->file.ops = &spooled_ops;
    spooled->file.direct = true;
    spooled->fd = fd;
    *ret_file = &spooled->file;
    return 0;
}
