/*
 * Listings.
 *
 * The kernel asks for as many entries as fit into its buffer, behind a cookie, which is the
 * node's own cookie and two more: 1 is behind ".", 2 behind "..". Between two requests of one
 * open directory the node may keep its place, and nothing else: a directory of millions of rows
 * costs as much as one of ten.
 *
 * With readdirplus each entry comes with its attributes. They are not asked for from within
 * the node's listing, which may hold locks that a look-up wants too: a batch of names is
 * collected first. Some directories are listed by names alone: a look-up for each of a million
 * rows would take as long as reading them, and fill the kernel's memory; and what is live, the kernel
 * may not keep and asks for again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mount.h"

#define DOTS 2
#define PLUS_NAMES 256 /* in a batch */

struct listing {
    struct mount *mount;
    fuse_req_t req;
    const struct inode *dir;
    char *bytes; /* the reply … */
    size_t size; /* … its room … */
    size_t used; /* … and what is taken */
};

/* An open directory. */
struct open_dir {
    pthread_mutex_t lock;    /* held while a piece is listed */
    struct node_place place; /* protected by lock */
};

static struct open_dir *open_dir_of(const struct fuse_file_info *fi)
{
    return (struct open_dir *)(uintptr_t)fi->fh;
}

static void dir_free(struct open_dir *dir)
{
    node_place_clear(&dir->place);
    pthread_mutex_destroy(&dir->lock);
    free(dir);
}

void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    struct open_dir *dir = calloc(1, sizeof(*dir));
    (void)ino;
    if (!dir) {
        fuse_reply_err(req, ENOMEM);
        return;
    }
    pthread_mutex_init(&dir->lock, NULL);
    fi->fh = (uint64_t)(uintptr_t)dir;
    if (fuse_reply_open(req, fi) < 0) /* the opener is gone */
        dir_free(dir);
}

void op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    (void)ino;
    dir_free(open_dir_of(fi));
    fuse_reply_err(req, 0);
}

static mode_t kind_mode(enum node_kind kind)
{
    switch (kind) {
    case NODE_DIRECTORY:
        return S_IFDIR;
    case NODE_LINK:
        return S_IFLNK;
    case NODE_FILE:
        break;
    }
    return S_IFREG;
}

/* Adds an entry without attributes: non-zero when it does not fit. */
static int listing_add(struct listing *listing, const char *name, const struct stat *stat,
                       uint64_t next)
{
    size_t room = listing->size - listing->used;
    size_t need = fuse_add_direntry(listing->req, listing->bytes + listing->used, room, name, stat,
                                    (off_t)next);
    if (need > room)
        return 1;
    listing->used += need;
    return 0;
}

static int listing_add_plus(struct listing *listing, const char *name,
                            const struct fuse_entry_param *entry, uint64_t next)
{
    size_t room = listing->size - listing->used;
    size_t need = fuse_add_direntry_plus(listing->req, listing->bytes + listing->used, room, name,
                                         entry, (off_t)next);
    if (need > room)
        return 1;
    listing->used += need;
    return 0;
}

/* "." and ".." from `offset` on; an entry without a number: the kernel knows them. */
static int listing_dots(struct listing *listing, uint64_t offset, bool plus)
{
    static const char *const names[DOTS] = {".", ".."};
    const struct inode *dir = listing->dir;
    for (uint64_t i = offset; i < DOTS; i++) {
        const struct inode *which = i == 1 && dir->parent ? dir->parent : dir;
        struct fuse_entry_param entry = {
            .attr = {.st_ino = which->number, .st_mode = S_IFDIR},
        };
        int full = plus ? listing_add_plus(listing, names[i], &entry, i + 1)
                        : listing_add(listing, names[i], &entry.attr, i + 1);
        if (full)
            return 1;
    }
    return 0;
}

static int emit_plain(void *arg, const char *name, enum node_kind kind, uint64_t next)
{
    struct listing *listing = arg;
    struct stat stat = {
        .st_ino = inode_number(listing->dir->number, name),
        .st_mode = kind_mode(kind),
    };
    return listing_add(listing, name, &stat, next + DOTS);
}

/* What the node has behind the kernel's `offset`. */
static int listing_ask(const struct listing *listing, const struct fuse_file_info *fi,
                       uint64_t offset, node_emit emit, void *arg, struct err *err)
{
    struct open_dir *dir = open_dir_of(fi);
    pthread_mutex_lock(&dir->lock);
    int r = node_list(listing->dir->node, &dir->place, offset > DOTS ? offset - DOTS : 0, emit, arg,
                      err);
    pthread_mutex_unlock(&dir->lock);
    return r;
}

static void listing_reply(struct listing *listing, int r, const struct err *err)
{
    if (r < 0 && listing->used == 0)
        mount_fail(listing->req, listing->dir, NULL, err);
    else
        fuse_reply_buf(listing->req, listing->bytes, listing->used);
    free(listing->bytes);
}

static bool listing_begin(struct listing *listing, fuse_req_t req, fuse_ino_t ino, size_t size)
{
    struct mount *mount = mount_of(req);
    *listing = (struct listing){
        .mount = mount,
        .req = req,
        .dir = inode_get(mount->inodes, ino),
        .bytes = malloc(size),
        .size = size,
    };
    if (!listing->bytes)
        fuse_reply_err(req, ENOMEM);
    return listing->bytes;
}

void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                struct fuse_file_info *fi)
{
    struct listing listing;
    struct interrupt in;
    struct err err = ERR_INIT;
    uint64_t from = (uint64_t)offset;
    int r = 0;

    if (!listing_begin(&listing, req, ino, size))
        return;
    interrupt_begin(&in, &listing.mount->interrupts, req);
    if (listing_dots(&listing, from, false) == 0)
        r = listing_ask(&listing, fi, from, emit_plain, &listing, &err);
    interrupt_end(&in);
    listing_reply(&listing, r, &err);
}

struct batch {
    size_t room; /* what the entries may take in the reply */
    size_t count;
    struct {
        char *name;
        enum node_kind kind;
        uint64_t next;
    } names[PLUS_NAMES];
    bool failed;
};

static int emit_to_batch(void *arg, const char *name, enum node_kind kind, uint64_t next)
{
    struct batch *batch = arg;
    size_t need = fuse_add_direntry_plus(NULL, NULL, 0, name, NULL, 0);
    if (need > batch->room || batch->count == PLUS_NAMES)
        return 1;
    char *copy = strdup(name);
    if (!copy) {
        batch->failed = true;
        return 1;
    }
    batch->room -= need;
    batch->names[batch->count].name = copy;
    batch->names[batch->count].kind = kind;
    batch->names[batch->count].next = next;
    batch->count++;
    return 0;
}

/* One name with its attributes. Where they cannot be had it is listed without: whoever wants them
 * will ask, and be told why. */
static int listing_add_name(struct listing *listing, const char *name, enum node_kind kind,
                            uint64_t next)
{
    struct mount *mount = listing->mount;
    struct inode *dir = inode_get(mount->inodes, inode_id(mount->inodes, listing->dir));
    struct fuse_entry_param entry;
    struct err err = ERR_INIT;

    memset(&entry, 0, sizeof(entry));
    int r = -ENOENT;
    if (!dir->node->names_only)
        r = mount_look_up(mount, dir, name, &entry, &err);
    if (r < 0) {
        entry.attr.st_ino = inode_number(dir->number, name);
        entry.attr.st_mode = kind_mode(kind);
    }
    int full = listing_add_plus(listing, name, &entry, next + DOTS);
    if (full && r == 0)
        inode_forget(mount->inodes, inode_get(mount->inodes, entry.ino), 1);
    return full;
}

void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                    struct fuse_file_info *fi)
{
    struct listing listing;
    struct interrupt in;
    struct err err = ERR_INIT;
    uint64_t from = (uint64_t)offset;
    int r = 0, full = 0;

    if (!listing_begin(&listing, req, ino, size))
        return;
    struct batch *batch = calloc(1, sizeof(*batch));
    if (!batch) {
        free(listing.bytes);
        fuse_reply_err(req, ENOMEM);
        return;
    }
    interrupt_begin(&in, &listing.mount->interrupts, req);
    full = listing_dots(&listing, from, true);
    batch->room = listing.size - listing.used;
    if (!full)
        r = listing_ask(&listing, fi, from, emit_to_batch, batch, &err);
    if (batch->failed && batch->count == 0)
        r = err_set(&err, ENOMEM, "out of memory");
    for (size_t i = 0; i < batch->count; i++) {
        if (!full)
            full = listing_add_name(&listing, batch->names[i].name, batch->names[i].kind,
                                    batch->names[i].next);
        free(batch->names[i].name);
    }
    interrupt_end(&in);
    free(batch);
    listing_reply(&listing, r, &err);
}

void op_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
    (void)ino;
    (void)datasync;
    (void)fi;
    fuse_reply_err(req, 0);
}
