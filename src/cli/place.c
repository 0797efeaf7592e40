/*
 * Paths are compared after all links in them were followed, name by name.
 *
 * Whether a database is in use cannot be told for sure: a connection that does nothing holds no
 * lock in rollback mode. What can be told is: it is the one that is being backed up; a -wal or
 * -journal lies beside it, which SQLite would apply to whatever file has the name; or somebody
 * holds one of SQLite's locks, which stand at 1 GiB and behind it in the file, see
 * "File Locking And Concurrency In SQLite Version 3", PENDING_BYTE.
 */
#include "cli/place.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"

#define LOCK_START 0x40000000
#define LOCK_LENGTH 512

bool place_is_within(const char *path, const char *dir)
{
    size_t len = strlen(dir);

    if (len > 0 && dir[len - 1] == '/') /* only the root ends in one */
        return strncmp(path, dir, len) == 0;
    return strncmp(path, dir, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

/* Resolves the part of `path` before its last name, and puts the name behind it. */
static int resolve_parent(const char *path, char **ret_path, struct err *err)
{
    const char *slash = strrchr(path, '/');
    struct buf parent = BUF_INIT, joined = BUF_INIT;
    char *upper = NULL;
    int code;

    if (slash)
        buf_add(&parent, path, slash == path ? 1 : (size_t)(slash - path));
    else
        buf_add_char(&parent, '.');
    code = place_resolve(buf_text(&parent), &upper, err);
    if (upper) {
        buf_addf(&joined, "%s%s%s", upper, strcmp(upper, "/") == 0 ? "" : "/",
                 slash ? slash + 1 : path);
        *ret_path = strdup(buf_text(&joined));
        if (!*ret_path)
            code = err_sys(err, ENOMEM, "%s", path);
    }
    buf_free(&parent);
    buf_free(&joined);
    free(upper);
    return code;
}

int place_resolve(const char *path, char **ret_path, struct err *err)
{
    size_t len = strlen(path);
    char *trimmed = realpath(path, NULL);
    int code;

    if (trimmed) {
        *ret_path = trimmed;
        return 0;
    }
    if (errno != ENOENT || len == 0)
        return err_sys(err, errno, "%s", path);
    while (len > 1 && path[len - 1] == '/')
        len--;
    trimmed = strndup(path, len);
    if (!trimmed)
        return err_sys(err, ENOMEM, "%s", path);
    code = resolve_parent(trimmed, ret_path, err);
    free(trimmed);
    return code;
}

static int check_directory(const char *mount, char **ret_mount, struct err *err)
{
    struct statx st;
    bool found;

    /* Asked anew: the kernel may remember what a program that has died since said. */
    *ret_mount = realpath(mount, NULL);
    found = *ret_mount && statx(AT_FDCWD, *ret_mount, AT_STATX_FORCE_SYNC, STATX_TYPE, &st) == 0;
    if (!found && errno == ENOENT)
        return err_set(err, ENOENT, "%s: no such directory: make it first", mount);
    if (!found && errno == ENOTCONN)
        return err_set(err, ENOTCONN,
                       "%s: a mount lies there whose program has died: "
                       "unmount it first (fusermount3 -u)",
                       mount);
    if (!found)
        return err_sys(err, errno, "%s", mount);
    if (!S_ISDIR(st.stx_mode))
        return err_set(err, ENOTDIR, "%s: a mount point has to be a directory", mount);
    return 0;
}

int place_check_mount(const char *mount, const char *database, const char *repo, char **ret_mount,
                      char **ret_repo, struct err *err)
{
    char *real_mount = NULL, *real_database = NULL, *real_repo = NULL;
    int code;

    code = check_directory(mount, &real_mount, err);
    if (code == 0)
        code = place_resolve(database, &real_database, err);
    if (code == 0)
        code = place_resolve(repo, &real_repo, err);
    if (!real_mount || !real_database || !real_repo)
        goto out;
    if (place_is_within(real_database, real_mount))
        code = err_set(err, EINVAL, "%s: holds the database %s, which the mount would cover", mount,
                       real_database);
    else if (place_is_within(real_repo, real_mount))
        code = err_set(err, EINVAL, "%s: holds the repository %s, which the mount would cover",
                       mount, real_repo);
    else if (place_is_within(real_mount, real_repo))
        code = err_set(err, EINVAL, "%s: lies in the repository %s", mount, real_repo);
    else if (place_is_within(real_mount, real_database))
        code = err_set(err, EINVAL, "%s: lies in the database %s", mount, real_database);
out:
    free(real_database);
    if (code == 0) {
        *ret_mount = real_mount;
        *ret_repo = real_repo;
        return 0;
    }
    free(real_mount);
    free(real_repo);
    return code;
}

static int check_companion(const char *dest, const char *suffix, struct err *err)
{
    struct buf path = BUF_INIT;
    struct stat st;
    int code = 0;

    buf_addf(&path, "%s%s", dest, suffix);
    if (lstat(buf_text(&path), &st) == 0)
        code = err_set(err, EBUSY,
                       "%s lies beside it: a program has this database open, or left changes "
                       "that would be applied to the copy; extract to another name",
                       buf_text(&path));
    buf_free(&path);
    return code;
}

static int check_locks(const char *dest, struct err *err)
{
    struct flock lock = {
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = LOCK_START, .l_len = LOCK_LENGTH};
    int fd = open(dest, O_RDONLY | O_CLOEXEC | O_NONBLOCK), code = 0;

    if (fd < 0)
        return 0; /* whoever writes there will say what is wrong */
    if (fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK)
        code = err_set(err, EBUSY,
                       "%s: process %ld has this database open; extract to another "
                       "name",
                       dest, (long)lock.l_pid);
    (void)close(fd);
    return code;
}

int place_check_restore(const char *dest, const char *database, struct err *err)
{
    struct stat there, live;
    int code;

    if (database && stat(dest, &there) == 0 && stat(database, &live) == 0 &&
        there.st_dev == live.st_dev && there.st_ino == live.st_ino)
        return err_set(err, EBUSY,
                       "%s is the live database: extract to another name, stop the programs "
                       "that use it, then move the copy into its place",
                       dest);
    code = check_companion(dest, "-wal", err);
    if (code == 0)
        code = check_companion(dest, "-journal", err);
    if (code == 0)
        code = check_locks(dest, err);
    return code;
}
