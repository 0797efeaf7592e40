/*
 * Streaming one consistent state of a live database.
 */
#ifndef DBSNAPFS_SOURCE_SQLITE_CAPTURE_H
#define DBSNAPFS_SOURCE_SQLITE_CAPTURE_H

#include <stdatomic.h>
#include <stdint.h>

struct err;
struct source_sink;

/* source_capture() for the database at `path`. */
int capture_run(const char *path, const struct source_sink *sink, const atomic_bool *cancel,
                uint64_t *ret_image_bytes, struct err *err);

#endif
