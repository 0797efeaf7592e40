/*
 * Who may write. The text in the lock file is for people (and for finding the mount); the lock
 * on it is what counts, so a text that a killed process left means nothing.
 */
#include "store/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dbsnapfs/util/err.h"
#include "dbsnapfs/util/probe.h"
#include "store/repo_internal.h"

static const char mount_prefix[] = "mount at ";

struct repo_lock {
    int fd;
};

static struct flock repo_lock_whole(short type)
{
    return (struct flock){.l_type = type, .l_whence = SEEK_SET};
}

static void repo_lock_text(int fd, char *text, size_t size)
{
    ssize_t got = pread(fd, text, size - 1, 0);

    text[got > 0 ? got : 0] = '\0';
    text[strcspn(text, "\n")] = '\0';
}

static int repo_lock_set(int fd, const char *path, bool wait, struct err *err)
{
    struct flock whole = repo_lock_whole(F_WRLCK);
    char holder[512];
    int rc;

    do
        rc = fcntl(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &whole);
    while (rc != 0 && errno == EINTR && !wait);
    if (rc == 0)
        return 0;
    if (errno == EINTR)
        return err_set(err, ECANCELED, "%s: interrupted while waiting for the lock", path);
    if (errno != EAGAIN && errno != EACCES)
        return err_sys(err, errno, "%s: cannot lock", path);
    repo_lock_text(fd, holder, sizeof(holder));
    return err_set(err, EBUSY, "%s: the repository is in use by process %s", path,
                   holder[0] ? holder : "(unknown)");
}

int repo_lock_take(const char *repo_path, const char *holder, bool wait,
                   struct repo_lock **ret_lock, struct err *err)
{
    struct repo_lock *lock = calloc(1, sizeof(*lock));
    char *path = repo_file(repo_path, "lock");
    int code = 0;

    if (!lock || !path) {
        code = err_set(err, ENOMEM, "%s: out of memory", repo_path);
        goto out;
    }
    lock->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (lock->fd < 0) {
        code = err_sys(err, errno, "%s: cannot open", path);
        goto out;
    }
    code = repo_lock_set(lock->fd, path, wait, err);
    if (code == 0 && (code = probe_hit("lock-write")) != 0)
        err_sys(err, -code, "%s: cannot write", path);
    if (code == 0 && (ftruncate(lock->fd, 0) != 0 ||
                      dprintf(lock->fd, "%ld %s\n", (long)getpid(), holder ? holder : "") < 0))
        code = err_sys(err, errno, "%s: cannot write", path);
    if (code) {
        close(lock->fd);
        goto out;
    }
    *ret_lock = lock;
    lock = NULL;
out:
    free(path);
    free(lock);
    return code;
}

void repo_lock_release(struct repo_lock *lock)
{
    if (!lock)
        return;
    /* The text stays: emptied, there would be a moment when the lock is held by nobody known. */
    close(lock->fd);
    free(lock);
}

int repo_holder(const char *repo_path, char *ret_text, size_t text_size, char *ret_mount,
                size_t mount_size)
{
    struct flock whole = repo_lock_whole(F_WRLCK);
    char *path = repo_file(repo_path, "lock");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW) : -1;
    const char *holder;

    free(path);
    ret_text[0] = '\0';
    ret_mount[0] = '\0';
    if (fd < 0)
        return errno == ENOENT ? 0 : -errno;
    if (fcntl(fd, F_OFD_GETLK, &whole) == 0 && whole.l_type != F_UNLCK) {
        repo_lock_text(fd, ret_text, text_size);
        holder = strchr(ret_text, ' ');
        if (holder && strncmp(holder + 1, mount_prefix, sizeof(mount_prefix) - 1) == 0)
            snprintf(ret_mount, mount_size, "%s", holder + sizeof(mount_prefix));
    }
    close(fd);
    return 0;
}
