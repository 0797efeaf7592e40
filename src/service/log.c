/*
 * Every line is one write to a file opened for appending, so lines of several processes never
 * mix. The file is opened anew each time: it may be rotated by whoever likes to. A line that
 * was cut short, by a full disk or a power cut, is ended before the next one begins.
 */
#include "service/log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "dbsnapfs/store/repo.h"
#include "dbsnapfs/util/text.h"
#include "service/core.h"

static void add_escaped(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;

        if (c == '\n')
            buf_add_text(out, "\\n");
        else if (c == '\t')
            buf_add_text(out, "\\t");
        else if (c < 0x20 || c == 0x7f)
            buf_addf(out, "\\x%02x", c);
        else
            buf_add_char(out, (char)c);
    }
}

void log_format(int64_t now_ns, const char *verb, bool ok, const char *text, int64_t duration_ns,
                struct buf *out)
{
    char when[CLOCK_TEXT_BYTES], took[TEXT_BYTES];

    clock_iso(now_ns, when);
    buf_addf(out, "%s %s %s", when, verb, ok ? "ok " : "error: ");
    add_escaped(out, text);
    if (duration_ns >= 0) {
        text_duration(duration_ns, took);
        buf_addf(out, " (%s)", took);
    }
    buf_add_char(out, '\n');
}

static bool ends_within_a_line(int fd)
{
    struct stat st;
    char last;

    return fstat(fd, &st) == 0 && st.st_size > 0 && pread(fd, &last, 1, st.st_size - 1) == 1 &&
           last != '\n';
}

static int append(const char *path, const struct buf *line)
{
    struct buf whole = BUF_INIT;
    int fd, code = 0;
    ssize_t n;

    fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    if (ends_within_a_line(fd))
        buf_add_char(&whole, '\n');
    buf_add(&whole, line->data, line->len);
    code = buf_error(&whole);
    if (code == 0) {
        do
            n = write(fd, whole.data, whole.len);
        while (n < 0 && errno == EINTR);
        if (n < 0)
            code = -errno;
        else if ((size_t)n < whole.len)
            code = -ENOSPC;
    }
    buf_free(&whole);
    (void)close(fd);
    return code;
}

void log_line(struct service *service, const char *verb, bool ok, const char *text,
              int64_t duration_ns)
{
    struct buf line = BUF_INIT;
    const char *untimed;
    int code;

    log_format(clock_now_ns(), verb, ok, text, duration_ns, &line);
    if (buf_error(&line) != 0)
        goto out;
    untimed = strchr(buf_text(&line), ' ') + 1; /* syslog has a clock of its own */
    syslog(ok ? LOG_INFO : LOG_ERR, "%s: %.*s", repo_path(service->repo),
           (int)strcspn(untimed, "\n"), untimed);
    if (service->read_only)
        goto out;
    code = append(service->log_path, &line);
    if (code != 0)
        syslog(LOG_ERR, "%s: %s", service->log_path, strerror(-code));
out:
    buf_free(&line);
}

int service_log(struct service *service, struct buf *out, struct err *err)
{
    int fd, code = 0;
    ssize_t n;

    fd = open(service->log_path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : err_sys(err, errno, "%s", service->log_path);
    for (;;) {
        char *room = buf_reserve(out, 65536);

        if (!room) {
            code = err_sys(err, ENOMEM, "%s", service->log_path);
            break;
        }
        n = read(fd, room, 65536);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            code = err_sys(err, errno, "%s", service->log_path);
        if (n <= 0)
            break;
        out->len += (size_t)n;
        out->data[out->len] = '\0';
    }
    (void)close(fd);
    return code;
}
