/*
 * The repository's lock: one writer, which the lock file names.
 *
 * An open file description lock (fcntl F_OFD_SETLK) on REPO/lock: it goes with its holder,
 * however that ends, and closing other descriptors of the file does not drop it. The file's text
 * is "PID HOLDER\n".
 */
#ifndef DBSNAPFS_STORE_LOCK_H
#define DBSNAPFS_STORE_LOCK_H

#include <stdbool.h>

struct err;
struct repo_lock;

/* -EBUSY with the holder's name, unless `wait`. */
int repo_lock_take(const char *repo_path, const char *holder, bool wait,
                   struct repo_lock **ret_lock, struct err *err);
void repo_lock_release(struct repo_lock *lock); /* NULL is fine */

#endif
