/*
 * Objects as files of one directory.
 *
 * Descriptors of objects that are read stay open, up to OPEN_MAX, so that a read costs one
 * pread. One lock guards the table of open objects; the reads themselves run without it, and a
 * descriptor in use is not closed.
 */
#include "dbsnapfs/storage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dbsnapfs/util/err.h"
#include "dbsnapfs/util/probe.h"

#define STORAGE_NAME_MAX 64
#define STORAGE_OPEN_MAX 64
#define STORAGE_SEND_BYTES (8u << 20)

static const char temporary_suffix[] = ".tmp";

struct storage_object {
    char name[STORAGE_NAME_MAX]; /* "" for a free slot */
    int fd;
    unsigned users;
    bool stale; /* closed and freed by its last user */
    uint64_t last_use;
};

struct storage {
    char *path;
    int dir_fd;
    pthread_mutex_t lock;
    uint64_t uses; /* protected by lock, like all below */
    struct storage_object objects[STORAGE_OPEN_MAX];
};

struct storage_upload {
    struct storage *storage;
    int fd;
    uint64_t bytes, sent; /* written, and of that on its way to the disk */
    char name[STORAGE_NAME_MAX];
    char temporary[STORAGE_NAME_MAX + sizeof(temporary_suffix)];
};

int storage_open(const char *path, int create, struct storage **ret_storage, struct err *err)
{
    struct storage *storage;
    int dir_fd;

    if (create && mkdir(path, 0700) != 0 && errno != EEXIST)
        return err_sys(err, errno, "%s: cannot make the directory", path);
    dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd < 0)
        return err_sys(err, errno, "%s: cannot open the directory", path);
    storage = calloc(1, sizeof(*storage));
    if (storage)
        storage->path = strdup(path);
    if (!storage || !storage->path) {
        free(storage);
        close(dir_fd);
        return err_set(err, ENOMEM, "%s: out of memory", path);
    }
    storage->dir_fd = dir_fd;
    pthread_mutex_init(&storage->lock, NULL);
    *ret_storage = storage;
    return 0;
}

void storage_close(struct storage *storage)
{
    if (!storage)
        return;
    for (size_t i = 0; i < STORAGE_OPEN_MAX; i++) {
        if (storage->objects[i].name[0])
            close(storage->objects[i].fd);
    }
    pthread_mutex_destroy(&storage->lock);
    close(storage->dir_fd);
    free(storage->path);
    free(storage);
}

static struct storage_object *storage_find(struct storage *storage, const char *name)
{
    for (size_t i = 0; i < STORAGE_OPEN_MAX; i++) {
        if (!storage->objects[i].stale && strcmp(storage->objects[i].name, name) == 0)
            return &storage->objects[i];
    }
    return NULL;
}

/* A slot for another object: a free one, or the one that was idle longest; NULL when all are in
 * use. */
static struct storage_object *storage_slot(struct storage *storage)
{
    struct storage_object *best = NULL;

    for (size_t i = 0; i < STORAGE_OPEN_MAX; i++) {
        struct storage_object *o = &storage->objects[i];

        if (!o->name[0])
            return o;
        if (!o->users && (!best || o->last_use < best->last_use))
            best = o;
    }
    if (best)
        close(best->fd);
    return best;
}

/* Opens an object for reading, or finds it open. `ret_object` is NULL when the table was full:
 * then the caller closes the descriptor. */
static int storage_acquire(struct storage *storage, const char *name, int *ret_fd,
                           struct storage_object **ret_object, struct err *err)
{
    struct storage_object *o;
    int fd;

    pthread_mutex_lock(&storage->lock);
    o = storage_find(storage, name);
    if (!o) {
        fd = openat(storage->dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0) {
            int code = errno;

            pthread_mutex_unlock(&storage->lock);
            return err_sys(err, code, "%s/%s", storage->path, name);
        }
        o = storage_slot(storage);
        if (o) {
            snprintf(o->name, sizeof(o->name), "%s", name);
            o->fd = fd;
        }
    } else {
        fd = o->fd;
    }
    if (o) {
        o->users++;
        o->last_use = ++storage->uses;
    }
    pthread_mutex_unlock(&storage->lock);
    *ret_fd = fd;
    *ret_object = o;
    return 0;
}

static void storage_release(struct storage *storage, int fd, struct storage_object *object)
{
    if (!object) {
        close(fd);
        return;
    }
    pthread_mutex_lock(&storage->lock);
    if (--object->users == 0 && object->stale) {
        close(object->fd);
        object->name[0] = '\0';
        object->stale = false;
    }
    pthread_mutex_unlock(&storage->lock);
}

int storage_read(struct storage *storage, const char *name, uint64_t offset, void *bytes,
                 size_t len, struct err *err)
{
    struct storage_object *object = NULL;
    size_t done = 0;
    int fd = -1, code;

    if (offset > (uint64_t)INT64_MAX - len) /* no file reaches there: a damaged number */
        return err_set(err, EBADMSG, "%s/%s: there is no byte %llu", storage->path, name,
                       (unsigned long long)offset);
    code = storage_acquire(storage, name, &fd, &object, err);
    if (code)
        return code;
    while (done < len && code == 0) {
        ssize_t got = pread(fd, (char *)bytes + done, len - done, (off_t)(offset + done));

        if (got > 0)
            done += (size_t)got;
        else if (got == 0)
            code = err_set(err, EBADMSG, "%s/%s: the file ends at byte %llu, %llu more were there",
                           storage->path, name, (unsigned long long)(offset + done),
                           (unsigned long long)(len - done));
        else if (errno != EINTR)
            code = err_sys(err, errno, "%s/%s: cannot read at byte %llu", storage->path, name,
                           (unsigned long long)(offset + done));
    }
    storage_release(storage, fd, object);
    return code;
}

int storage_size(struct storage *storage, const char *name, uint64_t *ret_bytes, struct err *err)
{
    struct stat st;

    if (fstatat(storage->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return err_sys(err, errno, "%s/%s", storage->path, name);
    *ret_bytes = (uint64_t)st.st_size;
    return 0;
}

static bool storage_is_temporary(const char *name)
{
    size_t len = strlen(name), suffix = sizeof(temporary_suffix) - 1;

    return len > suffix && strcmp(name + len - suffix, temporary_suffix) == 0;
}

static int storage_each(struct storage *storage, bool temporary,
                        int (*each)(void *arg, const char *name), void *arg, struct err *err)
{
    int fd = openat(storage->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;
    int code = 0;

    if (!dir) {
        code = err_sys(err, errno, "%s: cannot list", storage->path);
        if (fd >= 0)
            close(fd);
        return code;
    }
    while (code == 0 && (errno = 0, entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.' && strlen(entry->d_name) < STORAGE_NAME_MAX &&
            storage_is_temporary(entry->d_name) == temporary)
            code = each(arg, entry->d_name);
    }
    if (code == 0 && errno)
        code = err_sys(err, errno, "%s: cannot list", storage->path);
    closedir(dir);
    return code;
}

int storage_list(struct storage *storage, int (*each)(void *arg, const char *name), void *arg,
                 struct err *err)
{
    return storage_each(storage, false, each, arg, err);
}

/* Lets go of an object whose name now means something else; a read under way goes on. */
static void storage_forget(struct storage *storage, const char *name)
{
    struct storage_object *o;

    pthread_mutex_lock(&storage->lock);
    o = storage_find(storage, name);
    if (o && o->users) {
        o->stale = true;
    } else if (o) {
        close(o->fd);
        o->name[0] = '\0';
    }
    pthread_mutex_unlock(&storage->lock);
}

int storage_delete(struct storage *storage, const char *name, struct err *err)
{
    int code = -probe_hit("storage-delete");

    storage_forget(storage, name);
    if (code == 0 && unlinkat(storage->dir_fd, name, 0) != 0 && errno != ENOENT)
        code = errno;
    return code ? err_sys(err, code, "%s/%s: cannot delete", storage->path, name) : 0;
}

static int storage_clean_one(void *arg, const char *name)
{
    struct storage *storage = arg;

    return unlinkat(storage->dir_fd, name, 0) != 0 && errno != ENOENT ? -errno : 0;
}

int storage_clean(struct storage *storage, struct err *err)
{
    int code = storage_each(storage, true, storage_clean_one, storage, err);

    return code ? err_sys(err, -code, "%s: cannot delete what an earlier run left", storage->path)
                : 0;
}

int storage_begin(struct storage *storage, const char *name, struct storage_upload **ret_upload,
                  struct err *err)
{
    struct storage_upload *upload = calloc(1, sizeof(*upload));
    int code;

    if (!upload)
        return err_set(err, ENOMEM, "%s/%s: out of memory", storage->path, name);
    upload->storage = storage;
    snprintf(upload->name, sizeof(upload->name), "%s", name);
    snprintf(upload->temporary, sizeof(upload->temporary), "%s%s", upload->name, temporary_suffix);
    code = -probe_hit("storage-begin");
    upload->fd = code ? -1
                      : openat(storage->dir_fd, upload->temporary,
                               O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (upload->fd < 0) {
        code = err_sys(err, code ? code : errno, "%s/%s: cannot write", storage->path,
                       upload->temporary);
        free(upload);
        return code;
    }
    *ret_upload = upload;
    return 0;
}

int storage_write(struct storage_upload *upload, const void *bytes, size_t len, struct err *err)
{
    size_t done = 0;

    while (done < len) {
        int code = -probe_hit("storage-write");
        ssize_t put = -1;

        if (code == 0) {
            put = write(upload->fd, (const char *)bytes + done, len - done);
            code = put < 0 ? errno : 0;
        }
        if (put >= 0)
            done += (size_t)put;
        else if (code != EINTR)
            return err_sys(err, code, "%s/%s: cannot write at byte %llu", upload->storage->path,
                           upload->name, (unsigned long long)(upload->bytes + done));
    }
    upload->bytes += len;
    if (upload->bytes - upload->sent >= STORAGE_SEND_BYTES) {
        /* start writing back what is there, or the sync at the end waits for all of it */
        sync_file_range(upload->fd, (off_t)upload->sent, (off_t)(upload->bytes - upload->sent),
                        SYNC_FILE_RANGE_WRITE);
        upload->sent = upload->bytes;
    }
    return 0;
}

/* A positive errno, or 0. `probed` is what a fault probe asks for. */
static int storage_sync(int fd, int probed)
{
    if (probed)
        return -probed;
    return fsync(fd) == 0 ? 0 : errno;
}

/* The steps of a commit: file to disk, name into place, name to disk. */
static int storage_commit_steps(struct storage_upload *upload, bool *ret_renamed)
{
    struct storage *storage = upload->storage;
    int code = storage_sync(upload->fd, probe_hit("storage-sync"));

    if (code == 0)
        code = -probe_hit("storage-rename");
    if (code == 0 &&
        renameat(storage->dir_fd, upload->temporary, storage->dir_fd, upload->name) != 0)
        code = errno;
    if (code)
        return code;
    *ret_renamed = true;
    return storage_sync(storage->dir_fd, probe_hit("storage-sync-directory"));
}

int storage_commit(struct storage_upload *upload, struct err *err)
{
    struct storage *storage = upload->storage;
    bool renamed = false;
    int code = storage_commit_steps(upload, &renamed);

    if (code) {
        code = err_sys(err, code, "%s/%s: cannot bring to disk", storage->path, upload->name);
        unlinkat(storage->dir_fd, renamed ? upload->name : upload->temporary, 0);
    }
    storage_forget(storage, upload->name);
    close(upload->fd);
    free(upload);
    return code;
}

void storage_abort(struct storage_upload *upload)
{
    if (!upload)
        return;
    unlinkat(upload->storage->dir_fd, upload->temporary, 0);
    close(upload->fd);
    free(upload);
}
