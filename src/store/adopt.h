/*
 * Taking segments into the catalog: those that it does not know.
 */
#ifndef DBSNAPFS_STORE_ADOPT_H
#define DBSNAPFS_STORE_ADOPT_H

#include <stdbool.h>
#include <stdint.h>

struct catalog_identity;
struct err;
struct repo;

/*
 * Takes in every segment that the catalog lacks, oldest first. A segment that is damaged where
 * its place in the catalog comes from is left alone: `skipped` (may be NULL) is told why.
 */
int repo_adopt(struct repo *repo, void (*skipped)(void *arg, const char *text), void *arg,
               uint64_t *ret_adopted, struct err *err);

/* Is a segment missing between backup `after` and backup `until`? Frame ids are given out without
 * gaps, so a gap is one of a segment that was there when the next one was written. */
bool repo_segment_missing(struct repo *repo, uint64_t after, uint64_t until);

/* The identity that the segments of the repository carry; -ENOENT when there are none. */
int repo_identity_from_segments(struct repo *repo, struct catalog_identity *ret_identity,
                                struct err *err);

#endif
