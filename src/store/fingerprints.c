/*
 * The file has 16 bytes a block, in order, then a footer of 64 bytes. Block 0 is captured last
 * (SQLite writes a database's first page last), so its fingerprint stands in the footer and its
 * place is zeros; the file can then be written in one go.
 *
 *     0  magic "DBSNAPFP"    8  backup id   16  block count   24  block 0's fingerprint
 *    40  digest of the image               56  checksum of the footer
 *
 * A file is taken when its footer's digest is that of the backup. A fingerprint that was damaged
 * on disk makes its block look changed, which costs its bytes and no more.
 */
#include "store/fingerprints.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "dbsnapfs/storage.h"
#include "dbsnapfs/store/snapshot.h"
#include "dbsnapfs/util/err.h"
#include "store/repo_internal.h"

#define FINGERPRINT_FOOTER_BYTES 64u
#define FINGERPRINT_BUFFERED 4096u

static const char fingerprint_magic[8] = {'D', 'B', 'S', 'N', 'A', 'P', 'F', 'P'};

struct fingerprint_writer {
    struct storage_upload *upload;
    struct image_digest *digest;
    uint64_t backup_id;
    uint64_t block_count;
    struct fingerprint first;
    size_t buffered;
    uint8_t bytes[FINGERPRINT_BUFFERED * FINGERPRINT_BYTES];
};

struct image_digest {
    XXH3_state_t *state;
};

int image_digest_new(struct image_digest **ret_digest, struct err *err)
{
    struct image_digest *digest = calloc(1, sizeof(*digest));

    if (digest)
        digest->state = XXH3_createState();
    if (!digest || !digest->state || XXH3_128bits_reset(digest->state) != XXH_OK) {
        image_digest_free(digest);
        return err_set(err, ENOMEM, "out of memory for a digest");
    }
    *ret_digest = digest;
    return 0;
}

void image_digest_add(struct image_digest *digest, uint64_t content_hash)
{
    uint8_t bytes[8];

    format_put64(bytes, content_hash);
    XXH3_128bits_update(digest->state, bytes, sizeof(bytes));
}

void image_digest_finish(struct image_digest *digest, uint8_t ret_digest[16])
{
    XXH128_canonical_t canonical;

    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(digest->state));
    memcpy(ret_digest, canonical.digest, 16);
}

void image_digest_free(struct image_digest *digest)
{
    if (!digest)
        return;
    XXH3_freeState(digest->state);
    free(digest);
}

static void fingerprint_put(uint8_t *to, const struct fingerprint *f)
{
    format_put64(to, f->low);
    format_put64(to + 8, f->high);
}

static struct fingerprint fingerprint_get(const uint8_t *from)
{
    return (struct fingerprint){format_get64(from), format_get64(from + 8)};
}

static void fingerprints_name(uint64_t id, char ret_name[SEGMENT_NAME_BYTES])
{
    snprintf(ret_name, SEGMENT_NAME_BYTES, "%010llu.fpr", (unsigned long long)id);
}

int fingerprint_writer_new(struct repo *repo, uint64_t backup_id,
                           struct fingerprint_writer **ret_writer, struct err *err)
{
    struct fingerprint_writer *w = calloc(1, sizeof(*w));
    char name[SEGMENT_NAME_BYTES];
    int code;

    if (!w)
        return err_set(err, ENOMEM, "out of memory for fingerprints");
    w->backup_id = backup_id;
    fingerprints_name(backup_id, name);
    code = image_digest_new(&w->digest, err);
    if (code == 0)
        code = storage_begin(repo->storage, name, &w->upload, err);
    if (code) {
        fingerprint_writer_abort(w);
        return code;
    }
    *ret_writer = w;
    return 0;
}

void fingerprint_writer_abort(struct fingerprint_writer *w)
{
    if (!w)
        return;
    storage_abort(w->upload);
    image_digest_free(w->digest);
    free(w);
}

static int fingerprint_writer_put(struct fingerprint_writer *w, const struct fingerprint *f,
                                  struct err *err)
{
    int code = 0;

    if (w->buffered == FINGERPRINT_BUFFERED) {
        code = storage_write(w->upload, w->bytes, sizeof(w->bytes), err);
        w->buffered = 0;
    }
    fingerprint_put(w->bytes + w->buffered++ * FINGERPRINT_BYTES, f);
    return code;
}

int fingerprint_writer_add(struct fingerprint_writer *w, uint64_t block,
                           const struct fingerprint *f, struct err *err)
{
    struct fingerprint nothing = {0, 0};
    int code = 0;

    image_digest_add(w->digest, f->low);
    if (w->block_count == 0) { /* block 0's place, whichever comes first */
        w->block_count = 1;
        code = fingerprint_writer_put(w, &nothing, err);
    }
    if (block == 0) {
        w->first = *f;
        return code;
    }
    w->block_count = block + 1;
    return code ? code : fingerprint_writer_put(w, f, err);
}

int fingerprint_writer_finish(struct fingerprint_writer *w, bool keep, uint8_t ret_digest[16],
                              struct err *err)
{
    uint8_t footer[FINGERPRINT_FOOTER_BYTES] = {0};
    int code;

    image_digest_finish(w->digest, ret_digest);
    memcpy(footer, fingerprint_magic, 8);
    format_put64(footer + 8, w->backup_id);
    format_put64(footer + 16, w->block_count);
    fingerprint_put(footer + 24, &w->first);
    memcpy(footer + 40, ret_digest, 16);
    format_put64(footer + 56, format_checksum(footer, 56));
    code = storage_write(w->upload, w->bytes, w->buffered * FINGERPRINT_BYTES, err);
    if (code == 0)
        code = storage_write(w->upload, footer, sizeof(footer), err);
    if (code == 0 && keep) {
        code = storage_commit(w->upload, err);
        w->upload = NULL;
    }
    fingerprint_writer_abort(w);
    return code;
}

/* The footer, if the file fits the backup; -ENOENT otherwise. */
static int fingerprints_footer(struct repo *repo, const struct backup_entry *entry,
                               uint8_t footer[FINGERPRINT_FOOTER_BYTES])
{
    char name[SEGMENT_NAME_BYTES];
    uint64_t bytes = 0, body = entry->block_count * FINGERPRINT_BYTES;

    fingerprints_name(entry->id, name);
    if (storage_size(repo->storage, name, &bytes, NULL) ||
        bytes != body + FINGERPRINT_FOOTER_BYTES ||
        storage_read(repo->storage, name, body, footer, FINGERPRINT_FOOTER_BYTES, NULL))
        return -ENOENT;
    if (memcmp(footer, fingerprint_magic, 8) != 0 ||
        format_get64(footer + 56) != format_checksum(footer, 56) ||
        format_get64(footer + 8) != entry->id || memcmp(footer + 40, entry->digest, 16) != 0)
        return -ENOENT;
    return 0;
}

/* Reads the backup and writes its fingerprints. */
static int fingerprints_rebuild(struct repo *repo, const struct backup_entry *entry,
                                struct err *err)
{
    struct fingerprint_writer *w = NULL;
    struct snapshot *snapshot = NULL;
    uint8_t *block = malloc(entry->block_size), digest[16];
    int code = block ? 0 : err_set(err, ENOMEM, "out of memory for fingerprints");

    if (code == 0)
        code = snapshot_open(repo, entry->id, &snapshot, err);
    if (code == 0)
        code = fingerprint_writer_new(repo, entry->id, &w, err);
    for (uint64_t i = 1; i <= entry->block_count && code == 0; i++) {
        uint64_t n = i == entry->block_count ? 0 : i;
        struct fingerprint f;
        size_t got = 0;

        memset(block, 0, entry->block_size);
        code = snapshot_read(snapshot, n * entry->block_size, block, entry->block_size, &got, err);
        f = format_fingerprint(block, entry->block_size, repo->identity.seed);
        if (code == 0)
            code = fingerprint_writer_add(w, n, &f, err);
    }
    if (code == 0) {
        code = fingerprint_writer_finish(w, true, digest, err);
        w = NULL;
    }
    if (code == 0 && memcmp(digest, entry->digest, 16) != 0)
        code = err_set(err, EBADMSG, "%s: the blocks of %s are not those that were stored",
                       repo->path, entry->name);
    fingerprint_writer_abort(w);
    snapshot_close(snapshot);
    free(block);
    return code;
}

int fingerprints_ready(struct repo *repo, const struct backup_entry *entry, struct err *err)
{
    uint8_t footer[FINGERPRINT_FOOTER_BYTES];

    return fingerprints_footer(repo, entry, footer) == 0 ? 0
                                                         : fingerprints_rebuild(repo, entry, err);
}

int fingerprints_read(struct repo *repo, uint64_t backup_id, uint64_t first, size_t count,
                      struct fingerprint *fingerprints, struct err *err)
{
    char name[SEGMENT_NAME_BYTES];
    uint8_t *bytes = (uint8_t *)fingerprints;
    int code;

    fingerprints_name(backup_id, name);
    code = storage_read(repo->storage, name, first * FINGERPRINT_BYTES, bytes,
                        count * FINGERPRINT_BYTES, err);
    for (size_t i = 0; i < count && code == 0; i++)
        fingerprints[i] = fingerprint_get(bytes + i * FINGERPRINT_BYTES);
    return code;
}

int fingerprints_read_first(struct repo *repo, uint64_t backup_id, struct fingerprint *ret_first,
                            struct err *err)
{
    char name[SEGMENT_NAME_BYTES];
    uint8_t bytes[FINGERPRINT_BYTES];
    uint64_t size;
    int code;

    fingerprints_name(backup_id, name);
    code = storage_size(repo->storage, name, &size, err);
    if (code == 0)
        code = storage_read(repo->storage, name, size - FINGERPRINT_FOOTER_BYTES + 24, bytes,
                            sizeof(bytes), err);
    if (code == 0)
        *ret_first = fingerprint_get(bytes);
    return code;
}

int fingerprints_delete(struct repo *repo, uint64_t backup_id, struct err *err)
{
    char name[SEGMENT_NAME_BYTES];

    fingerprints_name(backup_id, name);
    return storage_delete(repo->storage, name, err);
}

struct fingerprints_cleaning {
    struct repo *repo;
    char keep[SEGMENT_NAME_BYTES]; /* "" for none */
    struct err *err;
};

static int fingerprints_clean_one(void *arg, const char *name)
{
    struct fingerprints_cleaning *cleaning = arg;
    size_t len = strlen(name);

    if (len < 4 || strcmp(name + len - 4, ".fpr") != 0 || strcmp(name, cleaning->keep) == 0)
        return 0;
    return storage_delete(cleaning->repo->storage, name, cleaning->err);
}

int fingerprints_forget(struct repo *repo, struct err *err)
{
    struct fingerprints_cleaning cleaning = {.repo = repo, .err = err};

    return storage_list(repo->storage, fingerprints_clean_one, &cleaning, err);
}

int fingerprints_clean(struct repo *repo, struct err *err)
{
    struct fingerprints_cleaning cleaning = {.repo = repo, .err = err};
    struct backup_entry newest;
    int code = catalog_find(repo->catalog, NULL, 0, &newest, err);

    if (code == 0) {
        fingerprints_name(newest.id, cleaning.keep);
        backup_entry_free(&newest);
    }
    return code == 0 || code == -ENOENT
               ? storage_list(repo->storage, fingerprints_clean_one, &cleaning, err)
               : code;
}
