/* A few places, the one that was used longest ago is taken for the next. */
#include "renderings.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/util/err.h"
#include "rendered.h"
#include "scope.h"

#define PLACES 16

struct place {
    uint64_t id; /* the backup's */
    char *table; /* NULL: the whole database */
    enum text_form form;
    struct rendering *rendering; /* NULL: an empty place */
    uint64_t used;               /* greater: later */
};

struct renderings {
    pthread_mutex_t lock;
    struct place places[PLACES]; /* protected by lock, as is: */
    uint64_t clock;
};

int renderings_new(struct renderings **ret_renderings, struct err *err)
{
    struct renderings *renderings = calloc(1, sizeof(*renderings));
    if (!renderings)
        return err_set(err, ENOMEM, "tables: out of memory");
    pthread_mutex_init(&renderings->lock, NULL);
    *ret_renderings = renderings;
    return 0;
}

static void place_clear(struct place *place)
{
    rendering_unref(place->rendering);
    free(place->table);
    *place = (struct place){.rendering = NULL};
}

void renderings_free(struct renderings *renderings)
{
    if (!renderings)
        return;
    for (size_t i = 0; i < PLACES; i++)
        place_clear(&renderings->places[i]);
    pthread_mutex_destroy(&renderings->lock);
    free(renderings);
}

static bool is_same_table(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : !a && !b;
}

static bool place_has(const struct place *place, const struct rendered *rendered)
{
    return place->rendering && place->id == scope_backup_id(rendered->scope) &&
           place->form == rendered->form && is_same_table(place->table, rendered->table);
}

/* Where it is, or is to be put; the caller holds the lock. */
static struct place *place_find(struct renderings *renderings, const struct rendered *rendered)
{
    struct place *oldest = &renderings->places[0];
    for (size_t i = 0; i < PLACES; i++) {
        struct place *place = &renderings->places[i];
        if (place_has(place, rendered))
            return place;
        if (place->used < oldest->used)
            oldest = place;
    }
    return oldest;
}

static int place_fill(struct place *place, const struct rendered *rendered, struct err *err)
{
    struct place filled = {.id = scope_backup_id(rendered->scope), .form = rendered->form};
    if (rendered->table && !(filled.table = strdup(rendered->table)))
        return err_set(err, ENOMEM, "%s: out of memory", rendered->table);
    int r = rendered_new(rendered, &filled.rendering, err);
    if (r < 0) {
        free(filled.table);
        return r;
    }
    place_clear(place);
    *place = filled;
    return 0;
}

int renderings_get(struct renderings *renderings, const struct rendered *rendered,
                   struct rendering **ret_rendering, struct err *err)
{
    int r = 0;
    pthread_mutex_lock(&renderings->lock);
    struct place *place = place_find(renderings, rendered);
    if (!place_has(place, rendered))
        r = place_fill(place, rendered, err);
    if (r == 0) {
        place->used = ++renderings->clock;
        *ret_rendering = rendering_ref(place->rendering);
    }
    pthread_mutex_unlock(&renderings->lock);
    return r;
}
