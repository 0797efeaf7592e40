/* The library's name stands in a line before the fact. */
#include "service/noted.h"

#include <errno.h>
#include <string.h>

#include "dbsnapfs/source/source.h"
#include "dbsnapfs/store/repo.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"

static void add_line(struct buf *out)
{
    source_library(out);
    buf_add_char(out, '\n');
}

int noted_find(struct repo *repo, uint64_t backup_id, const char *kind, struct buf *out,
               struct err *err)
{
    struct buf value = BUF_INIT, line = BUF_INIT;
    int code = repo_find_fact(repo, backup_id, kind, &value, err);

    add_line(&line);
    if (code == 0 &&
        (value.len < line.len || memcmp(buf_text(&value), buf_text(&line), line.len) != 0))
        code = -ENOENT;
    if (code == 0)
        buf_add(out, value.data + line.len, value.len - line.len);
    buf_free(&value);
    buf_free(&line);
    return code == 0 && buf_error(out) < 0 ? err_sys(err, ENOMEM, "%s", kind) : code;
}

int noted_put(struct repo *repo, uint64_t backup_id, const char *kind, const struct buf *fact,
              struct err *err)
{
    struct buf value = BUF_INIT;
    int code;

    add_line(&value);
    buf_add(&value, buf_text(fact), fact->len);
    code = buf_error(fact) < 0 || buf_error(&value) < 0
               ? err_sys(err, ENOMEM, "%s", kind)
               : repo_note_fact(repo, backup_id, kind, value.data, value.len, err);
    buf_free(&value);
    return code;
}
