/*
 * Each piece stands in the file behind a head of 16 bytes: its number and its length.
 */
#include "store/spool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dbsnapfs/util/err.h"
#include "dbsnapfs/util/probe.h"
#include "dbsnapfs/util/scratch.h"

struct spool {
    char *directory;
    int fd;
    uint64_t written, read;
};

struct spool_head {
    uint64_t number, len;
};

int spool_new(const char *directory, struct spool **ret_spool, struct err *err)
{
    struct spool *spool = calloc(1, sizeof(*spool));
    int code;

    if (spool)
        spool->directory = strdup(directory);
    if (!spool || !spool->directory) {
        free(spool);
        return err_set(err, ENOMEM, "%s: out of memory for a spool", directory);
    }
    code = scratch_open(directory, &spool->fd);
    if (code < 0) {
        free(spool->directory);
        free(spool);
        return err_sys(err, -code, "%s: cannot make a temporary file", directory);
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
    int code = probe_hit("spool-write");

    if (code == 0)
        code = scratch_write(spool->fd, bytes, len, spool->written);
    if (code < 0)
        return err_sys(err, -code, "%s: cannot write the temporary file", spool->directory);
    spool->written += len;
    return 0;
}

static int spool_read(struct spool *spool, void *bytes, size_t len, struct err *err)
{
    size_t got = 0;
    int code = scratch_read(spool->fd, bytes, len, spool->read, &got);

    if (code == 0 && got < len)
        code = -EIO;
    if (code < 0)
        return err_sys(err, -code, "%s: cannot read the temporary file", spool->directory);
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
