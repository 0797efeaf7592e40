/* log: one line an operation, oldest first; as old as the file in the repository. */
#include <stdio.h>
#include <sys/stat.h>

#include "dbsnapfs/service/service.h"
#include "dbsnapfs/store/repo.h"
#include "text.h"

static int log_render(void *context, struct buf *out, struct err *err)
{
    const struct view *view = context;
    return service_log(view->service, out, err);
}

static int log_mtime(void *context, int64_t *ret_mtime_ns, struct err *err)
{
    const struct view *view = context;
    char path[4096];
    struct stat now;
    (void)err;
    snprintf(path, sizeof(path), "%s/log", repo_path(view_repo(view)));
    if (stat(path, &now) == 0)
        *ret_mtime_ns = (int64_t)now.st_mtim.tv_sec * 1000000000 + now.st_mtim.tv_nsec;
    return 0;
}

int log_make(void *context, struct node **ret_node, struct err *err)
{
    static const struct node_text text = {.render = log_render, .mtime = log_mtime};
    (void)err;
    return text_make(&text, context, ret_node);
}
