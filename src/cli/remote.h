/*
 * Commands that a running mount does for us, through its control file.
 */
#ifndef CLI_REMOTE_H
#define CLI_REMOTE_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct err;
struct service_progress;

/*
 * Hands `line` to the mount at `mount` and waits. `out` gets the result as `control` shows it;
 * returns 0 or the command's negative errno. A signal that is caught cancels the command. With
 * an empty `out` the mount could not be reached and `err` says why.
 */
int remote_command(const char *mount, const char *line, bool quiet, struct buf *out,
                   struct err *err);

/* Reads `running` out of the text of a status.json. */
void remote_progress(const char *json, size_t len, struct service_progress *ret_progress);

#endif
