/*
 * Repositories in a folder that goes with the test, and images to put into them.
 */
#ifndef UNIT_STORE_SUPPORT_H
#define UNIT_STORE_SUPPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dbsnapfs/store/repo.h"
#include "dbsnapfs/store/snapshot.h"
#include "dbsnapfs/store/verify.h"
#include "dbsnapfs/store/writer.h"
#include "dbsnapfs/util/err.h"

/* A folder; the repository in it is made by the first repo_at(). */
struct ground {
    char folder[40];
    char repo[64];
};
void ground_set_up(struct ground *ground);
void ground_tear_down(const struct ground *ground);
/* A path in the repository; static storage, overwritten by the second call after. */
const char *ground_file(const struct ground *ground, const char *name);
bool ground_has(const struct ground *ground, const char *name);

struct repo *repo_at(const struct ground *ground, const char *compress); /* for writing */
struct repo *repo_reader(const struct ground *ground);

/* Numbers that are the same in every run. */
uint64_t random_next(uint64_t *state);

/* A database's image: bytes that look like pages of text, without any SQLite in them. */
struct pages {
    uint8_t *bytes;
    size_t len;
    uint32_t page_size;
    uint64_t seed;
};
void pages_make(struct pages *image, uint64_t seed, uint32_t page_size, size_t pages);
void pages_free(struct pages *image);
/* Grows (with new pages) or shrinks. */
void pages_resize(struct pages *image, size_t pages);
/* Changes some bytes of a page, as an UPDATE does. */
void pages_touch(struct pages *image, size_t page);
/* Fills a page with new random bytes, which no codec makes smaller. */
void pages_scramble(struct pages *image, size_t page);

/* Backs the image up as SQLite writes it: pages in order, the first one last. */
struct backup_entry backup_of(struct repo *repo, const struct pages *image);
/* The same without an assertion; the entry is freed. */
int backup_try(struct repo *repo, const struct pages *image, bool spool, bool if_changed,
               struct backup_entry *ret_entry, bool *ret_stored, struct err *err);

/* Reads the whole backup and holds it against the image. */
void assert_backup_is(struct repo *repo, uint64_t id, const struct pages *image);

/* Verifies everything; returns the number of damages, their texts (a line each) in `ret_text`. */
uint64_t damages_of(struct repo *repo, char *ret_text, size_t size);
void assert_whole(struct repo *repo);

/* Whole files. The bytes are the caller's. */
uint8_t *bytes_load(const char *path, size_t *ret_len);
void bytes_save(const char *path, const void *bytes, size_t len);

void assert_fails(int code, int expected, const struct err *err, const char *part);

#endif
