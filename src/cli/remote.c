/*
 * The write to the control file lasts as long as the command, and its errno is the command's.
 * A signal interrupts it, which the kernel tells the mount; so Ctrl-C here cancels there. What
 * the command had to say is read back from the same open file.
 */
#include "cli/remote.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "cli/bar.h"
#include "dbsnapfs/service/service.h"
#include "dbsnapfs/store/repo.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/clock.h"
#include "dbsnapfs/util/err.h"

#define READ_BYTES 65536
#define NAP_NS 10000000
#define FUSE_SUPER_MAGIC 0x65735546 /* of statfs(2), in fs/fuse/inode.c */

/* Reads a file of unknown size from its beginning. */
static int read_all(int fd, struct buf *out)
{
    off_t offset = 0;

    for (;;) {
        char *room = buf_reserve(out, READ_BYTES);
        ssize_t n;

        if (!room)
            return -ENOMEM;
        n = pread(fd, room, READ_BYTES, offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        out->len += (size_t)n;
        out->data[out->len] = '\0';
        if (n == 0)
            return 0;
        offset += n;
    }
}

void remote_progress(const char *json, size_t len, struct service_progress *ret_progress)
{
    json_t *status = json_loadb(json, len, 0, NULL);
    json_t *running = json_object_get(status, "running");
    const char *verb = json_string_value(json_object_get(running, "verb"));

    *ret_progress = (struct service_progress){.active = verb != NULL};
    if (verb) {
        double elapsed = json_number_value(json_object_get(running, "elapsed_seconds"));

        (void)snprintf(ret_progress->verb, sizeof ret_progress->verb, "%s", verb);
        ret_progress->done_bytes =
            (uint64_t)json_integer_value(json_object_get(running, "done_bytes"));
        ret_progress->total_bytes =
            (uint64_t)json_integer_value(json_object_get(running, "total_bytes"));
        ret_progress->started_ns = clock_monotonic_ns() - (int64_t)(elapsed * 1e9);
    }
    json_decref(status);
}

static void poll_mount(void *arg, struct service_progress *ret_progress)
{
    const char *mount = arg;
    struct buf path = BUF_INIT, text = BUF_INIT;
    int fd;

    buf_addf(&path, "%s/status.json", mount);
    fd = open(buf_text(&path), O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        if (read_all(fd, &text) == 0)
            remote_progress(buf_text(&text), text.len, ret_progress);
        (void)close(fd);
    }
    buf_free(&path);
    buf_free(&text);
}

/* ---- who holds the lock ---- */

/* Is this the control of a mount, and of one that has another repository than `repo`? (What the mount
 * says is another can be told only where both can be seen from here.) */
static bool is_foreign(const char *mount, int control_fd, const char *repo)
{
    static const char title[] = "\nrepository   ";
    struct buf path = BUF_INIT, text = BUF_INIT;
    struct stat ours, theirs;
    struct statfs fs;
    bool foreign = false;
    char *name;
    int fd;

    if (fstatfs(control_fd, &fs) == 0 && fs.f_type != FUSE_SUPER_MAGIC)
        return true;
    buf_addf(&path, "%s/status", mount);
    fd = open(buf_text(&path), O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && read_all(fd, &text) == 0 && (name = strstr(buf_text(&text), title)) != NULL) {
        name += sizeof title - 1;
        name[strcspn(name, "\n")] = '\0';
        foreign = stat(repo, &ours) == 0 && stat(name, &theirs) == 0 &&
                  (ours.st_dev != theirs.st_dev || ours.st_ino != theirs.st_ino);
    }
    if (fd >= 0)
        (void)close(fd);
    buf_free(&path);
    buf_free(&text);
    return foreign;
}

/* Opens the control of the mount that holds the lock; `ret_gone`: it is not mounted any more. */
static int open_control(struct remote *remote, const char *repo, bool *ret_gone, struct err *err)
{
    struct buf path = BUF_INIT;
    int fd, code = 0;

    buf_addf(&path, "%s/control", remote->mount);
    fd = open(buf_text(&path), O_RDWR | O_CLOEXEC);
    code = fd < 0 ? -errno : is_foreign(remote->mount, fd, repo) ? -ENOENT : 0;
    *ret_gone = code != 0 && code != -EACCES && code != -EPERM;
    if (code == 0) {
        remote->control_fd = fd;
    } else {
        if (fd >= 0)
            (void)close(fd);
        (void)err_sys(err, -code, "%s is mounted and does the work, but cannot be asked: %s",
                      remote->mount, buf_text(&path));
    }
    buf_free(&path);
    return code;
}

int remote_find(const char *repo, int64_t until_ns, struct remote *ret_remote, struct err *err)
{
    const struct timespec nap = {.tv_nsec = NAP_NS};
    struct remote *remote = ret_remote;
    bool gone;
    int code;

    for (;;) {
        *remote = (struct remote){.control_fd = -1};
        gone = false;
        /* A repository that is not there has no holder; whoever opens it says what is wrong. */
        (void)repo_holder(repo, remote->holder, sizeof remote->holder, remote->mount,
                          sizeof remote->mount);
        code = remote->mount[0] != '\0' ? open_control(remote, repo, &gone, err) : 0;
        if (!gone || clock_monotonic_ns() >= until_ns)
            return code;
        (void)nanosleep(&nap, NULL);
    }
}

void remote_release(struct remote *remote)
{
    if (remote->control_fd >= 0)
        (void)close(remote->control_fd);
    remote->control_fd = -1;
}

/* ---- a command ---- */

int remote_command(const struct remote *remote, const char *line, bool quiet, struct buf *out)
{
    struct buf text = BUF_INIT;
    char where[sizeof remote->mount];
    struct bar bar;
    int code = 0;

    buf_addf(&text, "%s\n", line);
    memcpy(where, remote->mount, sizeof where);
    bar_start(&bar, quiet, poll_mount, where);
    if (write(remote->control_fd, buf_text(&text), text.len) < 0)
        code = -errno;
    bar_end(&bar);
    if (read_all(remote->control_fd, out) != 0 ||
        (code == 0) != (strncmp(buf_text(out), "ok", 2) == 0)) {
        buf_clear(out); /* not this command's */
        if (code == 0)
            buf_add_text(out, "ok done\n");
        else
            buf_addf(out, "error: %s\n", strerror(-code));
    }
    buf_free(&text);
    return code;
}
