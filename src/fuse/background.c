/*
 * Going to the background. The parent waits at a pipe until the daemon says that the mount
 * answers, or why it does not: whoever mounts never has to sleep and look.
 *
 * The word is a `struct err`, smaller than PIPE_BUF and so written in one piece; code 0
 * means ready. A daemon that dies closes the pipe without a word.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mount.h"

_Static_assert(sizeof(struct err) <= PIPE_BUF, "the daemon's word goes through in one piece");

static int parent_wait(int fd, pid_t daemon, struct err *err)
{
    struct err word = ERR_INIT;
    ssize_t len;
    do
        len = read(fd, &word, sizeof(word));
    while (len < 0 && errno == EINTR);
    if (len == (ssize_t)sizeof(word)) {
        if (err && word.code != 0)
            *err = word;
        return word.code;
    }
    int status = 0;
    if (waitpid(daemon, &status, 0) == daemon && WIFSIGNALED(status))
        return err_set(err, ECHILD, "the mount's process was killed before it was ready: %s",
                       strsignal(WTERMSIG(status)));
    return err_set(err, ECHILD, "the mount's process ended before it was ready");
}

int background_fork(struct background *background, bool *ret_daemon, struct err *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_sys(err, errno, "readiness pipe");
    fflush(NULL);
    pid_t daemon = fork();
    if (daemon < 0) {
        int code = errno;
        close(ends[0]);
        close(ends[1]);
        return err_sys(err, code, "fork");
    }
    if (daemon > 0) {
        close(ends[1]);
        int r = parent_wait(ends[0], daemon, err);
        close(ends[0]);
        *ret_daemon = false;
        return r;
    }
    close(ends[0]);
    setsid();
    background->ready_fd = ends[1];
    *ret_daemon = true;
    return 0;
}

/* Descriptors 0 to 2 lead nowhere, and no directory is kept busy. */
static void leave_terminal(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null >= 0) {
        for (int fd = 0; fd <= 2; fd++)
            dup2(null, fd);
        if (null > 2)
            close(null);
    }
    if (chdir("/") < 0) /* then the old directory stays in use, that is all */
        return;
}

int background_say(struct background *background, const struct err *failure)
{
    struct err word = ERR_INIT;
    int r = 0;
    if (background->ready_fd < 0)
        return 0;
    if (failure)
        word = *failure;
    else
        leave_terminal();
    if (write(background->ready_fd, &word, sizeof(word)) != (ssize_t)sizeof(word))
        r = -EPIPE;
    close(background->ready_fd);
    background->ready_fd = -1;
    return r;
}
