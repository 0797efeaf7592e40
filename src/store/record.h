/*
 * Records of a segment: read with their checksum, and what a segment's ends say.
 */
#ifndef DBSNAPFS_STORE_RECORD_H
#define DBSNAPFS_STORE_RECORD_H

#include "store/format.h"

struct buf;
struct err;
struct repo;

/* Reads the record at `offset` of segment `id` and checks type (0: any) and checksum. `body` gets
 * its bytes. Errors name segment and byte. */
int record_read(struct repo *repo, uint64_t id, uint64_t offset, uint32_t type, struct buf *body,
                uint32_t *ret_type, struct err *err);

/* Where a frame's record is, by its segment's index. */
struct record_place {
    uint64_t segment, offset;
    size_t likely_bytes; /* its length, if the index is whole; 0: unknown */
};
int record_locate_frame(struct repo *repo, uint64_t frame, struct record_place *ret_place,
                        struct err *err);
/* record_read() of it, with one read when its length is as likely as it seems. */
int record_read_frame(struct repo *repo, const struct record_place *place, struct buf *body,
                      struct err *err);

/* The two ends of a segment. A footer must fit the file's size. */
int segment_header_read(struct repo *repo, uint64_t id, struct segment_header *ret_header,
                        struct err *err);
int segment_footer_read(struct repo *repo, uint64_t id, struct segment_footer *ret_footer,
                        struct err *err);

#endif
