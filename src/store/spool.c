/*
 * Each piece stands in the file behind a head of 16 bytes: its number and its length. The file has
 * no name, so it is gone with its descriptor, also after SIGKILL.
 */
#include "store/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dbsnapfs/util/err.h"
#include "dbsnapfs/util/probe.h"
#include "store/repo_internal.h"

struct spool {
    char *directory;
    int fd;
    uint64_t written, read;
};

struct spool_head {
    uint64_t number, len;
};

/* O_TMPFILE where the file system knows it. */
static int spool_open(const char *directory)
{
    int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    char *path;

    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
        return fd;
    path = repo_file(directory, ".spool-XXXXXX");
    fd = path ? mkostemp(path, O_CLOEXEC) : -1;
    if (fd >= 0)
        unlink(path);
    free(path);
    return fd;
}

int spool_new(const char *directory, struct spool **ret_spool, struct err *err)
{
    struct spool *spool = calloc(1, sizeof(*spool));

    if (spool)
        spool->directory = strdup(directory);
    if (!spool || !spool->directory) {
        free(spool);
        return err_set(err, ENOMEM, "%s: out of memory for a spool", directory);
    }
    spool->fd = spool_open(directory);
    if (spool->fd < 0) {
        int code = err_sys(err, errno, "%s: cannot make a temporary file", directory);

        free(spool->directory);
        free(spool);
        return code;
    }
    *ret_spool = spool;
    return 0;
}

void spool_free(struct spool *spool)
{
    if (!spool)
        return;
    close(spool->fd);
    free(spool->directory);
    free(spool);
}

static int spool_write(struct spool *spool, const void *bytes, size_t len, struct err *err)
{
    size_t done = 0;

    while (done < len) {
        int code = -probe_hit("spool-write");
        ssize_t put = -1;

        if (code == 0) {
            put = pwrite(spool->fd, (const char *)bytes + done, len - done,
                         (off_t)(spool->written + done));
            code = put < 0 ? errno : 0;
        }
        if (put >= 0)
            done += (size_t)put;
        else if (code != EINTR)
            return err_sys(err, code, "%s: cannot write the temporary file", spool->directory);
    }
    spool->written += len;
    return 0;
}

static int spool_read(struct spool *spool, void *bytes, size_t len, struct err *err)
{
    size_t done = 0;

    while (done < len) {
        ssize_t got =
            pread(spool->fd, (char *)bytes + done, len - done, (off_t)(spool->read + done));

        if (got > 0)
            done += (size_t)got;
        else if (got == 0 || errno != EINTR)
            return err_sys(err, got == 0 ? EIO : errno, "%s: cannot read the temporary file",
                           spool->directory);
    }
    spool->read += len;
    return 0;
}

int spool_add(struct spool *spool, uint64_t number, const void *bytes, size_t len, struct err *err)
{
    struct spool_head head = {number, len};
    int code = spool_write(spool, &head, sizeof(head), err);

    return code ? code : spool_write(spool, bytes, len, err);
}

bool spool_left(const struct spool *spool)
{
    return spool->read < spool->written;
}

int spool_next(struct spool *spool, uint64_t *ret_number, void *bytes, size_t capacity,
               size_t *ret_len, struct err *err)
{
    struct spool_head head;
    int code = spool_read(spool, &head, sizeof(head), err);

    if (code)
        return code;
    if (head.len > capacity)
        return err_set(err, EINVAL, "%s: the temporary file is damaged", spool->directory);
    code = spool_read(spool, bytes, (size_t)head.len, err);
    if (code == 0) {
        *ret_number = head.number;
        *ret_len = (size_t)head.len;
    }
    return code;
}
