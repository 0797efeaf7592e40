/*
 * A file without a name, for what memory is too small for. It lasts as long as its descriptor, and a
 * crash leaves nothing behind, nor does SIGKILL. Each call gives 0 or a negative errno, which the
 * caller puts into words: it knows what the file is for.
 */
#ifndef DBSNAPFS_UTIL_SCRATCH_H
#define DBSNAPFS_UTIL_SCRATCH_H

#include <stddef.h>
#include <stdint.h>

/* On the file system of `folder`; the caller closes the descriptor. */
int scratch_open(const char *folder, int *ret_fd);

/* All of these bytes. */
int scratch_write(int fd, const void *bytes, size_t len, uint64_t offset);
/* Fewer than `len` only at the file's end. */
int scratch_read(int fd, void *bytes, size_t len, uint64_t offset, size_t *ret_len);

#endif
