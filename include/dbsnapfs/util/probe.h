/*
 * Named fault probes: places where a test makes the program die or fail.
 *
 * The environment variable DBSNAPFS_PROBE arms one of them:
 *
 *     DBSNAPFS_PROBE=NAME:kill        SIGKILL at the first hit
 *     DBSNAPFS_PROBE=NAME:kill:3      at the third
 *     DBSNAPFS_PROBE=NAME:ENOSPC:2    that errno at the second hit
 *     DBSNAPFS_PROBE=NAME:stop        SIGSTOP
 *
 * (ENOSPC, EIO, ENOMEM, EROFS, EDQUOT are known.) A probe that fires creates the
 * empty file DBSNAPFS_PROBE_HIT names, if it is set, so that a test can tell a probe
 * that was never reached. Names are literals: `probe_hit("NAME")`, so that a test
 * finds all of them in the sources. Unarmed, a probe costs one load.
 */
#ifndef DBSNAPFS_UTIL_PROBE_H
#define DBSNAPFS_UTIL_PROBE_H

#include <stdbool.h>

/* 0, or the negative errno that the armed probe asks for. */
int probe_hit(const char *name);

/* Is it the armed one? For ways that otherwise only a slow machine takes. */
bool probe_is_armed(const char *name);

#endif
