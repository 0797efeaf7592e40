/*
 * Each record says how long it is, so the next one begins where it ends. When that chain is
 * broken, the walk goes on at the next place where a whole record stands: a type that exists, a
 * length that fits and a checksum, seeded with the very offset, that matches.
 */
#include "store/walk.h"

#include <errno.h>
#include <string.h>

#include "dbsnapfs/storage.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"
#include "store/record.h"
#include "store/repo_internal.h"

#define WALK_SCAN_BYTES 65536u

static bool walk_type_known(uint32_t type)
{
    return type == RECORD_FRAME || type == RECORD_MAP || type == RECORD_INDEX ||
           type == RECORD_MANIFEST;
}

/* Where a known type stands at or behind `from`, or `end`. */
static int walk_next_candidate(struct repo *repo, const char *name, uint64_t from, uint64_t end,
                               uint64_t *ret_offset, struct err *err)
{
    uint8_t bytes[WALK_SCAN_BYTES];

    while (from + FORMAT_RECORD_BYTES <= end) {
        size_t len = end - from < sizeof(bytes) ? (size_t)(end - from) : sizeof(bytes);
        int code = storage_read(repo->storage, name, from, bytes, len, err);

        if (code)
            return code;
        for (size_t i = 0; i + 4 <= len; i++) {
            if (walk_type_known(format_get32(bytes + i))) {
                *ret_offset = from + i;
                return 0;
            }
        }
        from += len - 3;
    }
    *ret_offset = end;
    return 0;
}

/* The next whole record behind a damaged place. */
static int walk_resume(struct repo *repo, uint64_t id, uint64_t from, uint64_t end,
                       uint64_t *ret_offset, struct err *err)
{
    struct buf body = BUF_INIT;
    char name[SEGMENT_NAME_BYTES];
    int code;

    segment_name(id, name);
    for (;;) {
        code = walk_next_candidate(repo, name, from, end, ret_offset, err);
        if (code || *ret_offset == end)
            break;
        code = record_read(repo, id, *ret_offset, 0, &body, NULL, err);
        if (code != -EBADMSG)
            break;
        from = *ret_offset + 1;
    }
    buf_free(&body);
    return code;
}

/* One record at `offset`; its end goes to `ret_next`. -EBADMSG when none stands there. */
static int walk_one(struct repo *repo, uint64_t id, uint64_t offset, uint64_t end, struct buf *body,
                    uint32_t *ret_type, uint64_t *ret_next, struct err *err)
{
    uint32_t type = 0;
    int code;

    if (end - offset < FORMAT_RECORD_BYTES)
        return err_set(err, EBADMSG, "%s/segments/%010llu.seg: bytes are left at byte %llu",
                       repo->path, (unsigned long long)id, (unsigned long long)offset);
    code = record_read(repo, id, offset, 0, body, &type, err);
    if (code)
        return code;
    if (!walk_type_known(type) || body->len > end - offset - FORMAT_RECORD_BYTES)
        return err_set(err, EBADMSG, "%s/segments/%010llu.seg: no record begins at byte %llu",
                       repo->path, (unsigned long long)id, (unsigned long long)offset);
    *ret_type = type;
    *ret_next = offset + FORMAT_RECORD_BYTES + body->len;
    return 0;
}

int segment_walk(struct repo *repo, uint64_t id, uint64_t from, uint64_t end,
                 const struct segment_walk *walk, struct err *err)
{
    uint64_t offset = from, next = 0;
    struct buf body = BUF_INIT;
    int code = 0;

    while (code == 0 && offset < end) {
        struct err why = ERR_INIT;
        uint32_t type = 0;

        code = walk_one(repo, id, offset, end, &body, &type, &next, &why);
        if (code == 0) {
            code = walk->record(walk->arg, offset, type, &body, err);
        } else if (code == -EBADMSG && walk->damage) {
            code = walk_resume(repo, id, offset + 1, end, &next, err);
            if (code == 0)
                code = walk->damage(walk->arg, offset, next, why.text);
        } else if (err) {
            *err = why;
        }
        offset = next;
    }
    buf_free(&body);
    return code;
}
