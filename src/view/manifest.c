/* A backup's manifest.json. Its check results change, so it is asked for anew each time. */
#include <errno.h>

#include "dbsnapfs/store/repo.h"
#include "dbsnapfs/tree.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"
#include "entry.h"

static int render(void *context, struct buf *out, struct err *err)
{
    const struct entry *entry = context;
    struct backup_entry backup = {.id = 0};
    int r = repo_get(view_repo(entry->view), entry->id, &backup, err);
    if (r < 0)
        return r;
    r = backup_entry_json(&backup, out);
    backup_entry_free(&backup);
    return r < 0 ? err_set(err, -r, "manifest.json: out of memory") : 0;
}

int manifest_make(void *context, struct node **ret_node, struct err *err)
{
    static const struct node_text text = {.render = render};
    return entry_text_make(&text, context, ret_node, err);
}
