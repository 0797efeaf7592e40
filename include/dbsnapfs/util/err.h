/*
 * An error that can explain itself.
 *
 * Functions return 0 or a negative errno. One that can say more takes a
 * `struct err *` as its last argument and fails in one line:
 *
 *     return err_set(err, ENOENT, "%s: no such database", path);
 *
 * A message names the thing, what is wrong and, where it helps, what to do. It
 * has no newline. Corruption is EBADMSG inside the program and EIO at the mount.
 * Every function here accepts NULL for `err`. Nothing here allocates.
 */
#ifndef DBSNAPFS_UTIL_ERR_H
#define DBSNAPFS_UTIL_ERR_H

struct err {
    int code;       /* negative errno, 0 while nothing failed */
    char text[700]; /* one line, NUL-terminated */
};

#define ERR_INIT \
    {            \
        0, ""    \
    }

/* Sets code (a positive errno) and message; returns -code. */
int err_set(struct err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The same with ": strerror(code)" behind the message. */
int err_sys(struct err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#ifdef __clang_analyzer__
/* The analyser looks at one file at a time: tell it that these never return 0. */
#define err_set(...) ((err_set)(__VA_ARGS__), -1)
#define err_sys(...) ((err_sys)(__VA_ARGS__), -1)
#endif

/* Puts "place: " in front of the message that is there. */
void err_at(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The errno a FUSE client is told for an inner (negative) code: EBADMSG becomes EIO. */
int err_to_mount(int code);

#endif
