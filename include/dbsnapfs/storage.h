/*
 * Named immutable objects.
 *
 * An object appears whole, under its name, when its upload is committed, and survives
 * a power cut from then on. Names are `[0-9A-Za-z._-]+`. The back end here is a
 * directory; temporary files end in ".tmp" and storage_clean() removes those that a
 * killed writer left. All functions may be called by several threads; an upload
 * belongs to one thread at a time.
 */
#ifndef DBSNAPFS_STORAGE_H
#define DBSNAPFS_STORAGE_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct storage;
struct storage_upload;

/* Opens the directory `path`, making it (mode 0700) if `create`. */
int storage_open(const char *path, int create, struct storage **ret_storage, struct err *err);
void storage_close(struct storage *storage);

/* Reads exactly `len` bytes; -ENOENT, -EIO, or -EBADMSG if the object is shorter. */
int storage_read(struct storage *storage, const char *name, uint64_t offset, void *bytes,
                 size_t len, struct err *err);
int storage_size(struct storage *storage, const char *name, uint64_t *ret_bytes, struct err *err);

/* Calls `each` for every object, in no order; a non-zero return ends it and is returned. */
int storage_list(struct storage *storage, int (*each)(void *arg, const char *name), void *arg,
                 struct err *err);
int storage_delete(struct storage *storage, const char *name, struct err *err);
int storage_clean(struct storage *storage, struct err *err);

int storage_begin(struct storage *storage, const char *name, struct storage_upload **ret_upload,
                  struct err *err);
int storage_write(struct storage_upload *upload, const void *bytes, size_t len, struct err *err);
/* Syncs, renames into place and syncs the directory. The upload is gone afterwards,
 * whatever the result; on failure so is the object. */
int storage_commit(struct storage_upload *upload, struct err *err);
void storage_abort(struct storage_upload *upload); /* NULL is fine */

#endif
