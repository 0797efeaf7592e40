/*
 * A backup's database.sqlite: bytes from the store, a stream for each open file so that its
 * reader's way is seen: forward through the file, or along a table or index that a query scans. The
 * content never changes, so the kernel may keep it.
 */
#include <errno.h>
#include <stdlib.h>

#include "dbsnapfs/source/source.h"
#include "dbsnapfs/store/snapshot.h"
#include "dbsnapfs/tree.h"
#include "dbsnapfs/util/err.h"
#include "entry.h"

struct image_node {
    struct node node;
    struct entry *entry;
};

struct image_file {
    struct node_file file;
    struct entry *entry;
    struct snapshot *snapshot;
    struct snapshot_stream *stream;
};

static int image_attr(struct node *node, struct node_attr *ret_attr, struct err *err)
{
    const struct entry *entry = ((struct image_node *)node)->entry;
    (void)err;
    *ret_attr = (struct node_attr){
        .kind = NODE_FILE,
        .immutable = true,
        .size = entry->image_bytes,
        .mtime_ns = entry->started_ns,
    };
    return 0;
}

static int image_read(struct node_file *file, uint64_t offset, void *bytes, size_t len,
                      size_t *ret_len, struct err *err)
{
    const struct image_file *image = (const struct image_file *)file;
    int r = snapshot_stream_read(image->stream, offset, bytes, len, ret_len, err);
    if (r == 0)
        source_foresee(image->snapshot, image->stream, offset, bytes, *ret_len);
    return r;
}

static void image_close(struct node_file *file)
{
    struct image_file *image = (struct image_file *)file;
    snapshot_stream_free(image->stream);
    entry_snapshot_put(image->entry);
    entry_unref(image->entry);
    free(image);
}

static const struct node_file_ops image_file_ops = {
    .read = image_read,
    .close = image_close,
};

static int image_open(struct node *node, bool writing, const struct node_request *request,
                      struct node_file **ret_file, struct err *err)
{
    struct entry *entry = ((struct image_node *)node)->entry;
    (void)writing;
    (void)request;
    struct image_file *file = calloc(1, sizeof(*file));
    if (!file)
        return err_set(err, ENOMEM, "database.sqlite: out of memory");
    int r = entry_snapshot_get(entry, &file->snapshot, err);
    if (r < 0)
        goto out;
    r = snapshot_stream_new(file->snapshot, true, &file->stream, err);
    if (r < 0) {
        entry_snapshot_put(entry);
        goto out;
    }
    file->file.ops = &image_file_ops;
    file->file.keep_cache = true;
    file->entry = entry_ref(entry);
    *ret_file = &file->file;
    file = NULL;
out:
    free(file);
    return r;
}

static void image_free(struct node *node)
{
    struct image_node *image = (struct image_node *)node;
    entry_unref(image->entry);
    free(image);
}

static const struct node_ops image_ops = {
    .attr = image_attr,
    .open = image_open,
    .free = image_free,
};

int image_make(void *context, struct node **ret_node, struct err *err)
{
    struct entry *entry = context;
    struct image_node *image = calloc(1, sizeof(*image));
    if (!image)
        return err_set(err, ENOMEM, "database.sqlite: out of memory");
    node_init(&image->node, &image_ops);
    image->entry = entry_ref(entry);
    *ret_node = &image->node;
    return 0;
}
