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
#include <unistd.h>

#include "cli/bar.h"
#include "dbsnapfs/service/service.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/clock.h"
#include "dbsnapfs/util/err.h"

#define READ_BYTES 65536

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

int remote_command(const char *mount, const char *line, bool quiet, struct buf *out,
                   struct err *err)
{
    struct buf path = BUF_INIT, text = BUF_INIT;
    char where[4096];
    struct bar bar;
    int fd, code = 0;

    buf_addf(&path, "%s/control", mount);
    buf_addf(&text, "%s\n", line);
    (void)snprintf(where, sizeof where, "%s", mount);
    fd = open(buf_text(&path), O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        code = err_sys(err, errno, "%s is mounted and does the work, but cannot be asked: %s",
                       mount, buf_text(&path));
        goto out;
    }
    bar_start(&bar, quiet, poll_mount, where);
    if (write(fd, buf_text(&text), text.len) < 0)
        code = -errno;
    bar_end(&bar);
    if (read_all(fd, out) != 0 || (code == 0) != (strncmp(buf_text(out), "ok", 2) == 0)) {
        buf_clear(out); /* not this command's */
        if (code == 0)
            buf_add_text(out, "ok done\n");
        else
            buf_addf(out, "error: %s\n", strerror(-code));
    }
    (void)close(fd);
out:
    buf_free(&path);
    buf_free(&text);
    return code;
}
