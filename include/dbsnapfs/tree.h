/*
 * Paths and nodes: what a tree of files is, whatever stands behind it.
 *
 * A node is a directory, a file or a symbolic link. It is made by its directory's lookup,
 * counted by references, and immutable but for what its operations read behind it. Nodes
 * hold no reference to their directory. All operations may be called by several threads at
 * once; those of one open file too, except close.
 *
 * Errors are negative errnos with a message: -ENOENT for a name that is not there, -EROFS
 * for a write to what cannot be written, -EBADMSG for damage.
 */
#ifndef DBSNAPFS_TREE_H
#define DBSNAPFS_TREE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;
struct node;
struct node_file;

enum node_kind { NODE_DIRECTORY, NODE_FILE, NODE_LINK };

struct node_attr {
    enum node_kind kind;
    bool writable;        /* a file that may be opened for writing */
    bool immutable;       /* never changes nor goes: the kernel may cache name and attributes */
    bool permanent;       /* the name never goes, whatever becomes of the rest */
    unsigned fresh_ms;    /* how long attributes may be shown that have changed since */
    uint64_t size;        /* bytes; of a link, the length of its target */
    uint32_t piece_bytes; /* how much of it is best read at once, a power of 2; 0: as usual */
    int64_t mtime_ns;
};

/* The largest cookie: it becomes an off_t, with those of "." and ".." added. */
#define NODE_COOKIE_MOST (UINT64_C(1) << 62)

/* Takes a directory's entry; non-zero means there is no room and the listing ends. `next` is
 * the cookie with which the listing goes on behind this entry. */
typedef int (*node_emit)(void *arg, const char *name, enum node_kind kind, uint64_t next);

/*
 * Where a listing is, for directories whose entries have no numbers that could be cookies: what the
 * node keeps from one piece of a listing to the next of the same reader. All zeros at first. The
 * cookie rules: it is mostly, not always, the one of the last entry that was emitted; a node whose
 * place does not fit begins anew and skips. What is kept is memory and nothing else: nobody is
 * waited for before it goes. One thread at a time.
 */
struct node_place {
    void *kept;
    void (*free)(void *kept); /* NULL: nothing is kept */
};
void node_place_clear(struct node_place *place);

/* Who asks. Polled by what may take long (opening, writing, closing): `*cancel` is true when
 * the caller was interrupted. */
struct node_request {
    const atomic_bool *cancel;
    uint64_t owner; /* of write and flush: which process's descriptors, 0 when not known */
};

/* The request that this thread serves now, for operations that are given none but may take long as
 * well: who calls them says so before, and NULL afterwards. node_cancel() is its flag; NULL: nobody
 * interrupts. It must not be kept. */
void node_serve(const struct node_request *request);
const atomic_bool *node_cancel(void);
/* What the operations of that request have in common, so that not each begins anew: kept by the first
 * that has use for it, freed when the thread has served the request. NULL: it serves none. */
struct node_place *node_shared(void);

struct node_ops {
    int (*attr)(struct node *node, struct node_attr *ret_attr, struct err *err);
    /* The same without the size, which would take long to find out; for look-ups and listings.
     * Whoever wants to know the size asks for attr. NULL: attr takes no time. */
    int (*glance)(struct node *node, struct node_attr *ret_attr, struct err *err);
    /* directories */
    int (*lookup)(struct node *node, const char *name, struct node **ret_node, struct err *err);
    int (*list)(struct node *node, struct node_place *place, uint64_t cookie, node_emit emit,
                void *arg, struct err *err);
    /* links: the target, without NUL */
    int (*target)(struct node *node, struct buf *out, struct err *err);
    /* files; `writing` when the file is opened for writing. Called through node_open(). */
    int (*open)(struct node *node, bool writing, const struct node_request *request,
                struct node_file **ret_file, struct err *err);
    void (*free)(struct node *node);
};

struct node {
    const struct node_ops *ops; /* slots that make no sense for its kind are NULL */
    atomic_uint references;
    bool names_only; /* a directory that is listed without its entries' attributes, because they are
                      * very many or would be asked for once more anyway. Fixed once it is shared */
};

struct node_file_ops {
    int (*read)(struct node_file *file, uint64_t offset, void *bytes, size_t len, size_t *ret_len,
                struct err *err);
    int (*write)(struct node_file *file, const struct node_request *request, uint64_t offset,
                 const void *bytes, size_t len, struct err *err);
    /* What fstat(2) says of this open file, which may be another size than the node's by now. May be
     * NULL: as the node. */
    int (*size)(struct node_file *file, uint64_t *ret_size, struct err *err);
    /* close(2) of one descriptor; its error is what close returns. May be NULL. */
    int (*flush)(struct node_file *file, const struct node_request *request, struct err *err);
    void (*close)(struct node_file *file); /* the last reference is gone; frees */
};

struct node_file {
    const struct node_file_ops *ops;
    bool keep_cache; /* the kernel may keep the pages for ever: immutable content */
    bool direct;     /* the kernel must not cache pages: each read comes here */
};

void node_init(struct node *node, const struct node_ops *ops); /* one reference */
struct node *node_ref(struct node *node);
void node_unref(struct node *node); /* NULL is fine */

int node_attr(struct node *node, struct node_attr *ret_attr, struct err *err);
/* -ENOTDIR if `node` is no directory. */
int node_lookup(struct node *node, const char *name, struct node **ret_node, struct err *err);
/* `place` may be NULL: then this piece is all that is asked for. */
int node_list(struct node *node, struct node_place *place, uint64_t cookie, node_emit emit,
              void *arg, struct err *err);
/* glance() where the node has one, and then `ret_whole` is false, else attr(). */
int node_glance(struct node *node, struct node_attr *ret_attr, bool *ret_whole, struct err *err);
/* -EISDIR, -ELOOP for a link, -EROFS for writing what is not writable. `request` may be NULL:
 * nobody interrupts. The file is closed with its own `close`. */
int node_open(struct node *node, bool writing, const struct node_request *request,
              struct node_file **ret_file, struct err *err);

/* Walks a path of names from `root`; follows symbolic links (at most 40: -ELOOP), also those
 * with "..", but never above `root`. */
int node_walk(struct node *root, const char *path, struct node **ret_node, struct err *err);

/* A directory whose entries are known: a table of names and makers. */
struct node_static_entry {
    const char *name;
    enum node_kind kind;
    bool hidden; /* answers look-ups, stands in no listing */
    int (*make)(void *context, struct node **ret_node, struct err *err);
};

/* `entries` ends with a NULL name and outlives the node; `context` is handed to make and to
 * `free_context` (may be NULL) when the node goes. `immutable`: as in node_attr. A directory whose
 * make gives -ENOENT stands in no listing. */
int node_static_new(const struct node_static_entry *entries, void *context,
                    void (*free_context)(void *), int64_t mtime_ns, bool immutable,
                    struct node **ret_node);
/* For a directory, made by node_static_new() and not shared yet, of which not always all is listed:
 * what is, is asked for each piece of a listing. An entry stands at the same place in each table. */
typedef int node_choose(void *context, const struct node_static_entry **ret_entries,
                        struct err *err);
void node_static_choose(struct node *directory, node_choose *choose);

/* A file whose text is rendered when it is opened (and for its size when asked). */
struct node_text {
    int (*render)(void *context, struct buf *out, struct err *err);
    /* May be NULL: then the size is that of a rendering. */
    int (*size)(void *context, uint64_t *ret_size, struct err *err);
    /* May be NULL: then it is the one given to node_text_new(). */
    int (*mtime)(void *context, int64_t *ret_mtime_ns, struct err *err);
    bool immutable;
    bool slow; /* the size takes long to find out: see glance in node_ops. Read past the page cache,
                  since the kernel is not told how much to keep */
};
int node_text_new(const struct node_text *text, void *context, void (*free_context)(void *),
                  int64_t mtime_ns, struct node **ret_node);

/* An open file of a text that is there already, for nodes that make theirs in their own way.
 * `text` is the file's afterwards and empty, whatever the result. */
int node_text_file(struct buf *text, bool immutable, struct node_file **ret_file, struct err *err);

/* A symbolic link whose target is rendered when it is read. */
int node_link_new(int (*render)(void *context, struct buf *out, struct err *err), void *context,
                  void (*free_context)(void *), int64_t mtime_ns, bool immutable,
                  struct node **ret_node);

#endif
