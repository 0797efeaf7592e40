/*
 * list SOURCE PATH: the names in a directory of the tree, without a mount.
 *
 * A table of millions of rows is printed as it is listed. Names are taken from the tree a piece at a
 * time and printed between two pieces, when nothing of the tree is held: who reads them may be slow.
 */
#include <errno.h>

#include "cli/call.h"
#include "dbsnapfs/table/text.h"
#include "dbsnapfs/tree.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"

#define PIECE_BYTES (64 << 10)

struct listing {
    const char *path;
    struct buf piece;
    bool json;
    bool any;      /* an entry was taken */
    bool is_full;  /* there may be more */
    uint64_t next; /* where it goes on */
};

static const char *const kinds[] = {
    [NODE_DIRECTORY] = "directory", [NODE_FILE] = "file", [NODE_LINK] = "link"};

/* A directory's name ends with a slash, as tar prints it. Names hold no control characters. */
static void add_name(struct listing *listing, const char *name, enum node_kind kind)
{
    struct buf *out = &listing->piece;

    if (!listing->json) {
        buf_addf(out, "%s%s\n", name, kind == NODE_DIRECTORY ? "/" : "");
        return;
    }
    buf_add_text(out, listing->any ? ",\n{\"name\": " : "[\n{\"name\": ");
    text_json_string(name, out);
    buf_addf(out, ", \"kind\": \"%s\"}", kinds[kind]);
}

static int take(void *arg, const char *name, enum node_kind kind, uint64_t next)
{
    struct listing *listing = arg;

    listing->is_full = listing->piece.len >= PIECE_BYTES;
    if (listing->is_full)
        return 1;
    add_name(listing, name, kind);
    listing->any = true;
    listing->next = next;
    return 0;
}

static int print_piece(struct listing *listing, struct err *err)
{
    int code = call_print(&listing->piece, err);

    buf_clear(&listing->piece);
    return code;
}

static int print_directory(struct listing *listing, struct node *node, struct err *err)
{
    struct node_place place = {.kept = NULL};
    int code;

    do {
        listing->is_full = false;
        code = node_list(node, &place, listing->next, take, listing, err);
        if (code == 0)
            code = print_piece(listing, err);
    } while (code == 0 && listing->is_full);
    node_place_clear(&place);
    return code;
}

/* What is no directory is listed as itself. */
static int print_node(void *arg, struct node *node, struct err *err)
{
    struct listing *listing = arg;
    struct node_attr attr = {.size = 0};
    bool whole;
    int code = node_glance(node, &attr, &whole, err);

    if (code != 0)
        return code;
    if (attr.kind == NODE_DIRECTORY)
        code = print_directory(listing, node, err);
    else
        (void)take(listing, listing->path, attr.kind, 0);
    if (code == 0 && listing->json)
        buf_add_text(&listing->piece, listing->any ? "\n]\n" : "[]\n");
    return code == 0 ? print_piece(listing, err) : code;
}

int entries_run(const struct call *call)
{
    struct listing listing = {
        .path = call->args[1], .piece = BUF_INIT, .json = call->options->json};
    int status = call_use_node(call, print_node, &listing);

    buf_free(&listing.piece);
    return status;
}
