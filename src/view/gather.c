/*
 * Pieces come small and mostly in order; they are written in large ones. The file lies in the
 * repository's folder, where there is room for a copy; of a repository that is only read, in $TMPDIR or
 * /var/tmp.
 */
#include "gather.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "context.h"
#include "dbsnapfs/store/repo.h"
#include "dbsnapfs/tree.h"
#include "dbsnapfs/util/err.h"
#include "dbsnapfs/util/scratch.h"

#define PIECE_BYTES ((size_t)1 << 20)

static int fail(int code, struct err *err)
{
    return err_sys(err, -code, "temporary copy");
}

static int no_memory(struct err *err)
{
    return err_set(err, ENOMEM, "temporary copy: out of memory");
}

/* ---- gathering ---- */

void gather_init(struct gather *gather, const struct view *view)
{
    *gather = (struct gather){.view = view, .bytes = BUF_INIT, .fd = -1};
}

void gather_release(struct gather *gather)
{
    if (gather->fd >= 0)
        close(gather->fd);
    gather->fd = -1;
    buf_free(&gather->bytes);
}

static int open_fd(struct gather *gather, struct err *err)
{
    const struct repo *repo = view_repo(gather->view);
    const char *folder = repo_path(repo), *other = getenv("TMPDIR");
    int r = repo_read_only(repo) ? -EROFS : scratch_open(folder, &gather->fd);
    if (r == -EROFS || r == -EACCES || r == -EPERM) {
        folder = other && *other ? other : "/var/tmp";
        r = scratch_open(folder, &gather->fd);
    }
    return r < 0 ? err_sys(err, -r, "%s: cannot make a temporary copy", folder) : 0;
}

static int write_bytes(struct gather *gather, const void *bytes, size_t len, struct err *err)
{
    int r = gather->fd < 0 ? open_fd(gather, err) : 0;
    if (r < 0)
        return r;
    r = scratch_write(gather->fd, bytes, len, gather->offset);
    if (r < 0)
        return fail(r, err);
    gather->offset += len;
    return 0;
}

static int flush(struct gather *gather, struct err *err)
{
    int r = write_bytes(gather, buf_text(&gather->bytes), gather->bytes.len, err);
    buf_clear(&gather->bytes);
    return r;
}

int gather_add(struct gather *gather, const void *bytes, size_t len, struct err *err)
{
    if (len > PIECE_BYTES - gather->bytes.len) {
        int r = flush(gather, err);
        if (r < 0)
            return r;
    }
    if (len >= PIECE_BYTES)
        return write_bytes(gather, bytes, len, err);
    buf_add(&gather->bytes, bytes, len);
    return buf_error(&gather->bytes) < 0 ? no_memory(err) : 0;
}

int gather_put(struct gather *gather, uint64_t offset, const void *bytes, size_t len,
               struct err *err)
{
    if (offset != gather->offset + gather->bytes.len) {
        int r = flush(gather, err);
        if (r < 0)
            return r;
        gather->offset = offset;
    }
    return gather_add(gather, bytes, len, err);
}

int gather_extend(struct gather *gather, uint64_t size, struct err *err)
{
    if (gather->fd < 0 && gather->bytes.len == size)
        return 0;
    int r = flush(gather, err);
    if (r == 0 && ftruncate(gather->fd, (off_t)size) < 0)
        r = fail(-errno, err);
    return r;
}

/* ---- reading ---- */

struct gathered {
    struct node_file file;
    int fd;
};

static int gathered_read(struct node_file *file, uint64_t offset, void *bytes, size_t len,
                         size_t *ret_len, struct err *err)
{
    int r = scratch_read(((struct gathered *)file)->fd, bytes, len, offset, ret_len);
    return r < 0 ? fail(r, err) : 0;
}

static int gathered_size(struct node_file *file, uint64_t *ret_size, struct err *err)
{
    struct stat st;
    if (fstat(((struct gathered *)file)->fd, &st) < 0)
        return fail(-errno, err);
    *ret_size = (uint64_t)st.st_size;
    return 0;
}

static void gathered_close(struct node_file *file)
{
    close(((struct gathered *)file)->fd);
    free(file);
}

static const struct node_file_ops gathered_ops = {
    .read = gathered_read,
    .size = gathered_size,
    .close = gathered_close,
};

int gather_file(struct gather *gather, bool immutable, struct node_file **ret_file, struct err *err)
{
    if (gather->fd < 0)
        return node_text_file(&gather->bytes, immutable, ret_file, err);
    int r = flush(gather, err);
    if (r < 0)
        return r;
    struct gathered *gathered = calloc(1, sizeof(*gathered));
    if (!gathered)
        return no_memory(err);
    gathered->file.ops = &gathered_ops;
    gathered->file.direct = !immutable;
    gathered->file.keep_cache = immutable;
    gathered->fd = gather->fd;
    gather->fd = -1;
    *ret_file = &gathered->file;
    return 0;
}
