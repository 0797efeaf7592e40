/*
 * The base of a backup: the backup before it, as far as it can be built on.
 */
#ifndef DBSNAPFS_STORE_BASE_H
#define DBSNAPFS_STORE_BASE_H

#include "store/format.h"

struct err;
struct repo;

struct backup_base {
    uint64_t id;          /* 0: none */
    uint64_t block_count; /* 0 also when its blocks have another size */
    uint64_t image_bytes;
    uint32_t page_size;
    struct fingerprint first; /* block 0's */
};

/* The newest backup, with its fingerprints ready. One that cannot be read, or has blocks of another
 * size, has a block_count of 0: then every block is stored. */
int backup_base_find(struct repo *repo, uint32_t block_size, struct backup_base *ret_base,
                     struct err *err);

#endif
