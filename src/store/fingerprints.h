/*
 * The fingerprints of the newest backup's blocks, in order, in a file beside its segment: what
 * the next backup is compared with. Derived: a file that is missing or does not fit is made
 * again from the backup itself.
 */
#ifndef DBSNAPFS_STORE_FINGERPRINTS_H
#define DBSNAPFS_STORE_FINGERPRINTS_H

#include "store/format.h"

struct backup_entry;
struct err;
struct fingerprint_writer;
struct repo;

#define FINGERPRINT_BYTES 16u

int fingerprint_writer_new(struct repo *repo, uint64_t backup_id,
                           struct fingerprint_writer **ret_writer, struct err *err);
/* Blocks come in the order 1, 2, …, n-1, then 0. */
int fingerprint_writer_add(struct fingerprint_writer *writer, uint64_t block,
                           const struct fingerprint *fingerprint, struct err *err);
/* Ends the file; `ret_digest` is the digest of the image. The file gets its name if `keep`. The
 * writer is gone afterwards. */
int fingerprint_writer_finish(struct fingerprint_writer *writer, bool keep, uint8_t ret_digest[16],
                              struct err *err);
void fingerprint_writer_abort(struct fingerprint_writer *writer); /* NULL is fine */

/* Sees to it that the fingerprints of `entry` are there. */
int fingerprints_ready(struct repo *repo, const struct backup_entry *entry, struct err *err);
/* Those of blocks `first` to `first + count`; block 0's is not among them: see below. */
int fingerprints_read(struct repo *repo, uint64_t backup_id, uint64_t first, size_t count,
                      struct fingerprint *fingerprints, struct err *err);
int fingerprints_read_first(struct repo *repo, uint64_t backup_id, struct fingerprint *ret_first,
                            struct err *err);
/* Deletes those of other backups than the newest, which a killed writer left. */
int fingerprints_clean(struct repo *repo, struct err *err);
int fingerprints_forget(struct repo *repo, struct err *err); /* deletes all */
int fingerprints_delete(struct repo *repo, uint64_t backup_id, struct err *err);

/* The digest of an image from its blocks' content hashes, in the order 1, …, n-1, 0. */
struct image_digest;
int image_digest_new(struct image_digest **ret_digest, struct err *err);
void image_digest_add(struct image_digest *digest, uint64_t content_hash);
void image_digest_finish(struct image_digest *digest, uint8_t ret_digest[16]);
void image_digest_free(struct image_digest *digest); /* NULL is fine */

#endif
