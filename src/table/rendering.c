/*
 * What a text is of, its marks, and its length once that is known. All else is a reader's.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/source/database.h"
#include "dbsnapfs/source/schema.h"
#include "dbsnapfs/util/err.h"
#include "table/rendering_internal.h"

static struct rendering *make(const char *name, enum text_form form)
{
    struct rendering *rendering = calloc(1, sizeof(*rendering));

    if (!rendering)
        return NULL;
    if (name) {
        rendering->name = strdup(name);
        if (!rendering->name) {
            free(rendering);
            return NULL;
        }
    }
    rendering->form = form;
    atomic_init(&rendering->references, 1);
    atomic_init(&rendering->known_bytes, UINT64_MAX);
    marks_init(&rendering->marks);
    return rendering;
}

int rendering_rows(const char *name, enum text_form form, struct rendering **ret_rendering,
                   struct err *err)
{
    struct rendering *rendering = make(name, form);

    if (!rendering)
        return err_set(err, ENOMEM, "%s: out of memory", name);
    *ret_rendering = rendering;
    return 0;
}

int rendering_dump(struct rendering **ret_rendering, struct err *err)
{
    struct rendering *rendering = make(NULL, TEXT_SQL);

    if (!rendering)
        return err_set(err, ENOMEM, "out of memory for a database's SQL");
    *ret_rendering = rendering;
    return 0;
}

struct rendering *rendering_ref(struct rendering *rendering)
{
    atomic_fetch_add(&rendering->references, 1);
    return rendering;
}

void rendering_unref(struct rendering *rendering)
{
    if (!rendering || atomic_fetch_sub(&rendering->references, 1) > 1)
        return;
    marks_release(&rendering->marks);
    free(rendering->name);
    free(rendering);
}

int rendering_find(struct database *database, const char *name,
                   const struct relation **ret_relation, struct err *err)
{
    const struct schema *schema = NULL;
    const struct relation *relation;
    int r = database_schema(database, &schema, err);

    if (r < 0)
        return r;
    relation = schema_find(schema, name);
    if (!relation)
        return err_set(err, ENOENT, "%s: no such table or view", name);
    r = database_resolve(database, relation, err);
    if (r < 0)
        return r;
    if (relation->broken)
        return err_set(err, EIO, "%s: %s", name, relation->broken);
    *ret_relation = relation;
    return 0;
}

uint64_t rendering_known_bytes(const struct rendering *rendering)
{
    return atomic_load(&rendering->known_bytes);
}
