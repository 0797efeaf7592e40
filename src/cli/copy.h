/*
 * Copying out of the tree into the file system.
 *
 * What is copied appears under its name whole or not at all: it is written under a temporary
 * name beside it, synced and renamed.
 */
#ifndef CLI_COPY_H
#define CLI_COPY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct node;

struct copy {
    const atomic_bool *cancel;    /* may be NULL; -ECANCELED */
    _Atomic uint64_t done_bytes;  /* of what stays; a progress bar's thread reads it */
    _Atomic uint64_t total_bytes; /* 0: not known */
    void *block;                  /* the copy's own */
    const char *name;             /* what errors call the node; may be NULL */
    /*
     * Told of each path below `name` that cannot be read, and why; the rest of the directory is
     * copied. NULL: the first one ends the copy.
     */
    void (*unread)(void *arg, const char *path, const struct err *err);
    void *arg;
};

/* Hands the bytes of a file to `put`, in order and in large pieces. */
int copy_stream(struct copy *copy, struct node *node,
                int (*put)(void *arg, const void *bytes, size_t len, struct err *err), void *arg,
                struct err *err);

/* Makes the file `dest` (mode 0600); -EEXIST if it is there, unless `replace`. */
int copy_file(struct copy *copy, struct node *node, const char *dest, bool replace,
              struct err *err);

/*
 * Makes the directory `dest` (mode 0700) with all that is in `node`; links stay links. A file that
 * cannot be read to its end is left out, and so is what comes behind the place where a list of names
 * breaks off. An error of the destination ends it, and leaves nothing.
 */
int copy_directory(struct copy *copy, struct node *node, const char *dest, struct err *err);

#endif
