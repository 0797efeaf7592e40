/*
 * Options: one table for what stands behind dashes, one for what stands behind -o.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "dbsnapfs/codec.h"
#include "dbsnapfs/util/buf.h"

struct err;

struct options {
    bool help, version;
    bool foreground, debug;
    bool json, quiet, force;
    /* behind -o */
    const char *repo; /* NULL: beside the database */
    struct codec_choice compress;
    size_t cache_bytes; /* 0: the store's default */
    int64_t live_timeout_s;
    bool read_only, allow_other;
    uid_t uid;
    gid_t gid;
    mode_t umask;
    struct buf fuse_options; /* for the kernel, comma-separated */
    /* what is no option, in order: pointers into argv */
    size_t count;
    char **args;
    /* copies of -o's values, which the members above point into */
    size_t text_count;
    char **texts;
};

/* -EINVAL with a message that names the option. `ret_options` is to be released in any case. */
int options_parse(int argc, char **argv, struct options *ret_options, struct err *err);
void options_release(struct options *options);

/* The tables as lines of a help page. */
void options_help(struct buf *out);
void options_mount_help(struct buf *out);

#endif
