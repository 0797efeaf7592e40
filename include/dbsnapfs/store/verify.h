/*
 * Checking a repository, and making its catalog again.
 */
#ifndef DBSNAPFS_STORE_VERIFY_H
#define DBSNAPFS_STORE_VERIFY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct err;
struct repo;

struct verify_report {
    void *arg;
    /* One damaged place: "segments/0000000003.seg: frame 12 at byte 73728: checksum does
     * not match; blocks 40-55 of 2026-…". */
    void (*damage)(void *arg, const char *text);
    /* How far it got; called often; returns non-zero to cancel (-ECANCELED). */
    int (*progress)(void *arg, uint64_t done_bytes, uint64_t total_bytes);
};

struct verify_result {
    uint64_t segments, frames, blocks, bytes; /* read and checked */
    uint64_t backups;                         /* whose map and digest were checked */
    uint64_t damages;
};

/*
 * Reads back and checks every stored byte (backup_id 0), or all that one backup needs: the
 * checksum and the decoded content of every frame, every map record, and for each backup
 * that its map leads to the blocks its digest was made of. Returns 0 when the check could
 * be made; `damages` tells its outcome, and each backup's is noted in the catalog.
 */
int repo_verify(struct repo *repo, uint64_t backup_id, const struct verify_report *report,
                struct verify_result *ret_result, struct err *err);

struct repo_options;

/*
 * Makes the catalog of the repository at `path` again from its segments alone; the old
 * one, if it can be read, gives what only it knew (results of checks). The old file is kept
 * as catalog.sqlite.old. A damaged segment is reported and what is whole in it is kept.
 */
int repo_rebuild(const char *path, const struct repo_options *options,
                 const struct verify_report *report, uint64_t *ret_backups, struct err *err);

#endif
