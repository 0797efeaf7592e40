/*
 * A backup that cannot be read must not keep the next one from being made, so damage in it is no
 * error here: it is just not built on. Nor is one that a check has found damaged, or else each backup
 * from then on would share the damage.
 */
#include "store/base.h"

#include <errno.h>
#include <stdbool.h>

#include "dbsnapfs/store/writer.h"
#include "store/fingerprints.h"
#include "store/repo_internal.h"

/* Is it the backup's files that are missing or damaged? */
static bool base_is_damaged(int code)
{
    return code == -EBADMSG || code == -ENOENT || code == -EIO;
}

int backup_base_find(struct repo *repo, uint32_t block_size, struct backup_base *ret_base,
                     struct err *err)
{
    struct backup_base base = {0};
    struct backup_entry newest;
    int code = catalog_find(repo->catalog, NULL, 0, &newest, err);

    if (code && code != -ENOENT)
        return code;
    if (code == 0) {
        base.id = newest.id;
        base.page_size = newest.page_size;
        base.image_bytes = newest.image_bytes;
        if (newest.block_size == block_size && !backup_entry_is_damaged(&newest))
            base.block_count = newest.block_count;
    }
    if (base.block_count) {
        code = fingerprints_ready(repo, &newest, err);
        if (code == 0)
            code = fingerprints_read_first(repo, newest.id, &base.first, err);
        if (base_is_damaged(code))
            base.block_count = 0;
    }
    if (base.id)
        backup_entry_free(&newest);
    if (code && !base_is_damaged(code))
        return code;
    *ret_base = base;
    return 0;
}

int backup_writer_prepare(struct repo *repo, struct err *err)
{
    struct backup_entry newest;
    int code = catalog_find(repo->catalog, NULL, 0, &newest, err);

    if (code == -ENOENT)
        return 0;
    if (code)
        return code;
    if (newest.block_count)
        code = fingerprints_ready(repo, &newest, err);
    backup_entry_free(&newest);
    return base_is_damaged(code) ? 0 : code;
}
