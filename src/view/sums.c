/*
 * A backup's SHA256SUMS, as sha256sum(1) writes and checks it: of what never changes, which
 * manifest.json does not (it tells of later checks).
 *
 * The digest of a database takes a second a gigabyte or so. It is worked out when the file
 * is first opened, through the store, and remembered in the catalog. The size is known
 * without it.
 */
#include <errno.h>
#include <stdlib.h>

#include "dbsnapfs/store/repo.h"
#include "dbsnapfs/store/snapshot.h"
#include "dbsnapfs/tree.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"
#include "dbsnapfs/util/sha256.h"
#include "entry.h"

#define IMAGE_LINE "  database.sqlite\n"
#define SCHEMA_LINE "  schema.sql\n"
#define HEX_DIGITS ((size_t)SHA256_HEX_BYTES - 1)
#define SUMS_BYTES (2 * HEX_DIGITS + sizeof(IMAGE_LINE) - 1 + sizeof(SCHEMA_LINE) - 1)
#define PIECE_BYTES ((size_t)1 << 20)

struct sums_node {
    struct node node;
    struct entry *entry;
};

static int sums_attr(struct node *node, struct node_attr *ret_attr, struct err *err)
{
    const struct entry *entry = ((struct sums_node *)node)->entry;
    (void)err;
    *ret_attr = (struct node_attr){
        .kind = NODE_FILE,
        .immutable = true,
        .size = SUMS_BYTES,
        .mtime_ns = entry->started_ns,
    };
    return 0;
}

static int digest_stream(struct snapshot_stream *stream, struct sha256 *sha256,
                         const atomic_bool *cancel, struct err *err)
{
    void *bytes = malloc(PIECE_BYTES);
    uint64_t offset = 0;
    size_t len = PIECE_BYTES;
    int r = bytes ? 0 : err_set(err, ENOMEM, "SHA256SUMS: out of memory");
    while (r == 0 && len == PIECE_BYTES) {
        if (atomic_load(cancel))
            r = err_set(err, ECANCELED, "SHA256SUMS: cancelled");
        if (r == 0)
            r = snapshot_stream_read(stream, offset, bytes, PIECE_BYTES, &len, err);
        if (r == 0)
            r = sha256_add(sha256, bytes, len, err);
        offset += len;
    }
    free(bytes);
    return r;
}

static int digest_image(struct entry *entry, struct sha256 *sha256, const atomic_bool *cancel,
                        char ret_hex[SHA256_HEX_BYTES], struct err *err)
{
    struct snapshot *snapshot = NULL;
    struct snapshot_stream *stream = NULL;
    if (view_sha256(entry->view, entry->id, ret_hex))
        return 0;
    int r = entry_snapshot_get(entry, &snapshot, err);
    if (r < 0)
        return r;
    r = snapshot_stream_new(snapshot, true, &stream, err);
    if (r == 0) {
        r = digest_stream(stream, sha256, cancel, err);
        snapshot_stream_free(stream);
    }
    entry_snapshot_put(entry);
    if (r == 0)
        r = sha256_hex(sha256, ret_hex, err);
    if (r == 0) {
        view_note_sha256(entry->view, entry->id, ret_hex);
        /* If the catalog cannot take it, it is worked out again some day. */
        (void)repo_note_sha256(view_repo(entry->view), entry->id, ret_hex, NULL);
    }
    return r;
}

static int digest_schema(struct entry *entry, struct sha256 *sha256, char ret_hex[SHA256_HEX_BYTES],
                         struct err *err)
{
    struct buf text = BUF_INIT;
    int r = schema_render(entry, &text, err);
    if (r == 0)
        r = sha256_add(sha256, text.data, text.len, err);
    if (r == 0)
        r = sha256_hex(sha256, ret_hex, err);
    buf_free(&text);
    return r;
}

static int sums_open(struct node *node, bool writing, const struct node_request *request,
                     struct node_file **ret_file, struct err *err)
{
    struct entry *entry = ((struct sums_node *)node)->entry;
    struct sha256 *sha256 = NULL;
    char image[SHA256_HEX_BYTES], schema[SHA256_HEX_BYTES];
    struct buf text = BUF_INIT;
    (void)writing;

    int r = sha256_new(&sha256, err);
    if (r == 0)
        r = digest_image(entry, sha256, request->cancel, image, err);
    if (r == 0)
        r = digest_schema(entry, sha256, schema, err);
    if (r == 0) {
        buf_addf(&text, "%s" IMAGE_LINE "%s" SCHEMA_LINE, image, schema);
        r = node_text_file(&text, true, ret_file, err);
    }
    sha256_free(sha256);
    return r;
}

static void sums_free(struct node *node)
{
    struct sums_node *sums = (struct sums_node *)node;
    entry_unref(sums->entry);
    free(sums);
}

static const struct node_ops sums_ops = {
    .attr = sums_attr,
    .open = sums_open,
    .free = sums_free,
};

int sums_make(void *context, struct node **ret_node, struct err *err)
{
    struct entry *entry = context;
    struct sums_node *sums = calloc(1, sizeof(*sums));
    if (!sums)
        return err_set(err, ENOMEM, "SHA256SUMS: out of memory");
    node_init(&sums->node, &sums_ops);
    sums->entry = entry_ref(entry);
    *ret_node = &sums->node;
    return 0;
}
