/*
 * Opening a repository: the directory, the lock, the catalog, what an earlier writer left, and
 * the workers and caches that reading and writing share.
 *
 * Order matters for a writer. The lock comes first. Then temporary files of a killed writer go;
 * then segments that the catalog lacks are taken in, before any new id is given out.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dbsnapfs/storage.h"
#include "dbsnapfs/util/cache.h"
#include "dbsnapfs/util/err.h"
#include "dbsnapfs/util/pool.h"
#include "store/adopt.h"
#include "store/fingerprints.h"
#include "store/frame.h"
#include "store/lock.h"
#include "store/map.h"
#include "store/repo_internal.h"

#define REPO_FRAME_CACHE_BYTES (16u << 20)
#define REPO_SHARD_CACHE_BYTES (4u << 20)

char *repo_file(const char *path, const char *name)
{
    char *file = NULL;

    return asprintf(&file, "%s/%s", path, name) < 0 ? NULL : file;
}

int repo_codec_borrow(struct repo *repo, struct codec **ret_codec, struct err *err)
{
    struct codec *codec = NULL;

    pthread_mutex_lock(&repo->codecs_lock);
    if (repo->idle_codec_count)
        codec = repo->idle_codecs[--repo->idle_codec_count];
    pthread_mutex_unlock(&repo->codecs_lock);
    if (!codec)
        return codec_new(ret_codec, err);
    *ret_codec = codec;
    return 0;
}

void repo_codec_return(struct repo *repo, struct codec *codec)
{
    pthread_mutex_lock(&repo->codecs_lock);
    if (repo->idle_codec_count < sizeof(repo->idle_codecs) / sizeof(repo->idle_codecs[0])) {
        repo->idle_codecs[repo->idle_codec_count++] = codec;
        codec = NULL;
    }
    pthread_mutex_unlock(&repo->codecs_lock);
    codec_free(codec);
}

/* Makes room for one more; the lock is held. */
static int repo_segments_grow(struct repo *repo, struct err *err)
{
    size_t capacity = repo->segment_capacity ? repo->segment_capacity * 2 : 64;
    struct catalog_segment *segments;

    if (repo->segment_count < repo->segment_capacity)
        return 0;
    segments = realloc(repo->segments, capacity * sizeof(*repo->segments));
    if (!segments)
        return err_set(err, ENOMEM, "%s: out of memory for segments", repo->path);
    repo->segments = segments;
    repo->segment_capacity = capacity;
    return 0;
}

int repo_segment_reserve(struct repo *repo, struct err *err)
{
    int code;

    pthread_rwlock_wrlock(&repo->segments_lock);
    code = repo_segments_grow(repo, err);
    pthread_rwlock_unlock(&repo->segments_lock);
    return code;
}

int repo_segment_add(struct repo *repo, const struct catalog_segment *segment, struct err *err)
{
    int code = 0;
    size_t at;

    pthread_rwlock_wrlock(&repo->segments_lock);
    for (at = repo->segment_count; at > 0 && repo->segments[at - 1].id > segment->id; at--)
        ;
    if (at > 0 && repo->segments[at - 1].id == segment->id)
        goto out;
    code = repo_segments_grow(repo, err);
    if (code)
        goto out;
    memmove(repo->segments + at + 1, repo->segments + at,
            (repo->segment_count - at) * sizeof(*repo->segments));
    repo->segments[at] = *segment;
    repo->segment_count++;
out:
    pthread_rwlock_unlock(&repo->segments_lock);
    return code;
}

uint64_t repo_last_frame(struct repo *repo)
{
    uint64_t last = 0;

    pthread_rwlock_rdlock(&repo->segments_lock);
    if (repo->segment_count) {
        const struct catalog_segment *s = &repo->segments[repo->segment_count - 1];

        last = s->first_frame + s->frame_count - 1;
    }
    pthread_rwlock_unlock(&repo->segments_lock);
    return last;
}

struct segment_loading {
    struct repo *repo;
    struct err *err;
};

static int repo_load_segment(void *arg, const struct catalog_segment *segment)
{
    struct segment_loading *loading = arg;

    return repo_segment_add(loading->repo, segment, loading->err);
}

int repo_refresh_segments(struct repo *repo, struct err *err)
{
    struct segment_loading loading = {repo, err};

    return catalog_segments(repo->catalog, repo_load_segment, &loading, err);
}

static int repo_identity(struct repo *repo, struct err *err)
{
    int code = catalog_identity(repo->catalog, &repo->identity, err);

    if (code != -ENOENT || repo->read_only)
        return code == -ENOENT ? err_set(err, EBADMSG, "%s: the catalog is empty", repo->path)
                               : code;
    code = repo_identity_from_segments(repo, &repo->identity, err);
    if (code == -ENOENT || code == -EBADMSG) {
        struct catalog_identity fresh;

        if (getrandom(&fresh, sizeof(fresh), 0) != (ssize_t)sizeof(fresh))
            return err_sys(err, errno, "%s: no random numbers", repo->path);
        repo->identity = fresh;
        code = 0;
    }
    return code ? code : catalog_set_identity(repo->catalog, &repo->identity, err);
}

/* A reader found no catalog: nobody has written yet, or it was lost. */
static int repo_nothing_there(struct repo *repo, struct err *err)
{
    uint64_t last = 0;

    if (repo->storage && repo_last_segment(repo, &last, NULL) == 0 && last)
        return err_set(err, EBADMSG,
                       "%s/catalog.sqlite is missing: make it again with `dbsnapfs repair`",
                       repo->path);
    return err_set(err, ENOENT, "%s: there is no backup yet", repo->path);
}

static int repo_open_files(struct repo *repo, const struct repo_options *options, struct err *err)
{
    char *segments = repo_file(repo->path, "segments");
    char *catalog = repo_file(repo->path, "catalog.sqlite");
    uint64_t adopted;
    int code = 0;

    if (!segments || !catalog)
        code = err_set(err, ENOMEM, "%s: out of memory", repo->path);
    if (code == 0 && !repo->read_only) {
        if (mkdir(repo->path, 0700) != 0 && errno != EEXIST)
            code = err_set(err, errno,
                           "%s: cannot make the repository: %s; -o repo=PATH puts it elsewhere",
                           repo->path, strerror(errno));
        if (code == 0)
            code = repo_lock_take(repo->path, options->holder, options->wait, &repo->lock, err);
    }
    if (code == 0)
        code = storage_open(segments, !repo->read_only, &repo->storage, err);
    if (code == 0 && !repo->read_only)
        code = storage_clean(repo->storage, err);
    if (code == 0)
        code = catalog_open(catalog, repo->read_only, true, &repo->catalog, err);
    if (code == 0)
        code = repo_identity(repo, err);
    if (code == 0)
        code = repo_refresh_segments(repo, err);
    if (code == 0 && !repo->read_only)
        code = repo_adopt(repo, NULL, NULL, &adopted, err);
    if (code == 0 && !repo->read_only)
        code = fingerprints_clean(repo, err);
    if (code == -ENOENT && repo->read_only)
        code = repo_nothing_there(repo, err);
    free(segments);
    free(catalog);
    return code;
}

static int repo_start(struct repo *repo, const struct repo_options *options, struct err *err)
{
    size_t cache_bytes = options->cache_bytes ? options->cache_bytes : REPO_FRAME_CACHE_BYTES;
    int code;

    repo->threads = options->threads ? options->threads : pool_processors();
    code = pool_new(repo->threads, &repo->pool, err);
    if (code == 0)
        code = cache_new(cache_bytes, &frame_cache_ops, &repo->frames, err);
    if (code == 0)
        code = cache_new(REPO_SHARD_CACHE_BYTES, &shard_cache_ops, &repo->shards, err);
    return code;
}

int repo_open(const char *path, const struct repo_options *options, struct repo **ret_repo,
              struct err *err)
{
    struct repo *repo = calloc(1, sizeof(*repo));
    struct stat st;
    int code = 0;

    if (!repo)
        return err_set(err, ENOMEM, "%s: out of memory", path);
    pthread_mutex_init(&repo->codecs_lock, NULL);
    pthread_rwlock_init(&repo->segments_lock, NULL);
    repo->read_only = options->read_only;
    repo->compress = options->compress;
    repo->path = strdup(path);
    repo->source = strdup(options->source ? options->source : "");
    if (!repo->path || !repo->source)
        code = err_set(err, ENOMEM, "%s: out of memory", path);
    else if (options->read_only && stat(path, &st) != 0)
        code = errno == ENOENT
                   ? err_set(err, ENOENT,
                             "%s: there is no repository, so no backup yet; -o repo=PATH names one "
                             "that is elsewhere",
                             path)
                   : err_sys(err, errno, "%s", path);
    if (code == 0)
        code = repo_start(repo, options, err);
    if (code == 0)
        code = repo_open_files(repo, options, err);
    if (code == -ENOENT && options->read_only && options->optional)
        code = catalog_open_empty(&repo->catalog, err);
    if (code) {
        repo_close(repo);
        return code;
    }
    *ret_repo = repo;
    return 0;
}

void repo_close(struct repo *repo)
{
    if (!repo)
        return;
    pool_free(repo->pool);
    cache_free(repo->shards);
    cache_free(repo->frames);
    catalog_close(repo->catalog);
    storage_close(repo->storage);
    repo_lock_release(repo->lock);
    while (repo->idle_codec_count)
        codec_free(repo->idle_codecs[--repo->idle_codec_count]);
    pthread_rwlock_destroy(&repo->segments_lock);
    pthread_mutex_destroy(&repo->codecs_lock);
    free(repo->segments);
    free(repo->source);
    free(repo->path);
    free(repo);
}

const char *repo_path(const struct repo *repo)
{
    return repo->path;
}

bool repo_read_only(const struct repo *repo)
{
    return repo->read_only;
}

int repo_find(struct repo *repo, const char *name, struct backup_entry *ret_entry, struct err *err)
{
    bool latest = strcmp(name, "latest") == 0;
    struct backup_entry newest;
    int code = catalog_find(repo->catalog, latest ? NULL : name, 0, ret_entry, err);

    if (code != -ENOENT)
        return code;
    code = latest ? -ENOENT : catalog_find(repo->catalog, NULL, 0, &newest, err);
    if (code == -ENOENT)
        return err_set(err, ENOENT, "%s: there is no backup yet", repo->path);
    if (code)
        return code;
    err_set(err, ENOENT, "%s: there is no backup %s; the newest is %s", repo->path, name,
            newest.name);
    backup_entry_free(&newest);
    return -ENOENT;
}

int repo_get(struct repo *repo, uint64_t id, struct backup_entry *ret_entry, struct err *err)
{
    int code = catalog_find(repo->catalog, NULL, id, ret_entry, err);

    if (code == -ENOENT)
        err_set(err, ENOENT, "%s: there is no backup number %llu", repo->path,
                (unsigned long long)id);
    return code;
}

int repo_before(struct repo *repo, uint64_t id, struct backup_entry *ret_entry, struct err *err)
{
    return catalog_before(repo->catalog, id, ret_entry, err);
}

int repo_list(struct repo *repo, uint64_t after,
              int (*each)(void *arg, const struct backup_entry *entry), void *arg, struct err *err)
{
    return catalog_list(repo->catalog, after, each, arg, err);
}

int repo_totals(struct repo *repo, struct repo_totals *ret_totals, struct err *err)
{
    return catalog_totals(repo->catalog, ret_totals, err);
}

int repo_note_check(struct repo *repo, uint64_t id, int64_t time_ns, const char *result,
                    struct err *err)
{
    return repo->read_only ? 0 : catalog_note_check(repo->catalog, id, time_ns, result, err);
}

int repo_note_fact(struct repo *repo, uint64_t id, const char *kind, const void *bytes, size_t len,
                   struct err *err)
{
    return repo->read_only ? 0 : catalog_note_fact(repo->catalog, id, kind, bytes, len, err);
}

int repo_find_fact(struct repo *repo, uint64_t id, const char *kind, struct buf *out,
                   struct err *err)
{
    return catalog_find_fact(repo->catalog, id, kind, out, err);
}

int repo_note_sha256(struct repo *repo, uint64_t id, const char *hex, struct err *err)
{
    return repo->read_only ? 0 : catalog_note_sha256(repo->catalog, id, hex, err);
}
