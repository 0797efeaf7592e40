/*
 * Commands that a running mount does for us, through its control file.
 *
 * A mount is found by the repository's lock, which names it. It may be about to end: unmounted
 * already, while its process closes the repository. That is waited for, so that what comes right
 * behind fusermount3 -u finds the repository free.
 */
#ifndef CLI_REMOTE_H
#define CLI_REMOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;
struct service_progress;

#define REMOTE_WAIT_NS (10 * INT64_C(1000000000)) /* how long an end is waited for */

/* Who holds a repository's lock. */
struct remote {
    char holder[512]; /* "PID WHO", or "": nobody */
    char mount[4096]; /* where, or "": it is no mount */
    int control_fd;   /* of that mount; -1: there is none, or it cannot be asked */
};

/*
 * Finds out who holds the lock of the repository at `repo`. If it is a mount whose control is not
 * there any more, or is something else by now, waits for it to end, until `until_ns` by the monotonic
 * clock. Returns 0, or why the mount cannot be asked: -EACCES for another user's, the other codes for
 * one that has not ended in time. Release it with remote_release() in either case.
 */
int remote_find(const char *repo, int64_t until_ns, struct remote *ret_remote, struct err *err);
void remote_release(struct remote *remote);

/*
 * Hands `line` to a mount that was found and waits. `out` gets the result as `control` shows it;
 * returns 0 or the command's negative errno: -ESHUTDOWN or -ENOTCONN if the mount took none any more.
 * A signal that is caught cancels the command.
 */
int remote_command(const struct remote *remote, const char *line, bool quiet, struct buf *out);

/* Reads `running` out of the text of a status.json. */
void remote_progress(const char *json, size_t len, struct service_progress *ret_progress);

#endif
