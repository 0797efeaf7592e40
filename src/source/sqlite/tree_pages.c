/*
 * SQLite says where the trees begin, since reading its schema is its business; the rest is a walk
 * down each of them, which does not read the leaves it goes past.
 */
#include "source/sqlite/tree_pages.h"

#include <errno.h>

#include "dbsnapfs/store/snapshot.h"
#include "dbsnapfs/util/err.h"
#include "source/sqlite/bitmap.h"
#include "source/sqlite/image.h"
#include "source/sqlite/leaf_walk.h"
#include "source/sqlite/page_reader.h"
#include "source/sqlite/snapshot_vfs.h"

#define SCHEMA_ROOT 1u

static void add_way(const struct leaf_walk *walk, struct bitmap *pages)
{
    for (unsigned i = 0; i < walk->depth; i++)
        bitmap_add(pages, walk->levels[i].number);
    bitmap_add(pages, walk->leaf.page);
}

static int add_tree(struct page_reader *reader, uint32_t root, struct bitmap *pages,
                    struct err *err)
{
    const struct bitmap none = {.limit = 0};
    struct leaf_walk walk = {0};
    int r = leaf_walk_begin(&walk, reader, &none, NULL, root, err);

    while (r == 0 && walk.there) {
        add_way(&walk, pages);
        r = leaf_walk_next(&walk, err);
    }
    leaf_walk_end(&walk);
    return r == -ENOMEM ? r : 0;
}

static int read_image(void *arg, uint64_t offset, void *bytes, size_t len, size_t *ret_len,
                      struct err *err)
{
    return snapshot_read(arg, offset, bytes, len, ret_len, err);
}

int tree_pages_find(struct page_reader *reader, struct bitmap *pages, struct err *err)
{
    const struct snapshot_image bytes = {reader->snapshot, snapshot_bytes(reader->snapshot),
                                         read_image};
    struct image image = IMAGE_INIT;
    sqlite3_stmt *roots = NULL;
    struct err unreadable = ERR_INIT;
    int r = add_tree(reader, SCHEMA_ROOT, pages, err);

    if (r < 0 || image_open(&bytes, NULL, &image, &unreadable) < 0)
        return r;
    if (connection_prepare(&image.connection,
                           "SELECT rootpage FROM sqlite_schema WHERE rootpage > 0", &roots,
                           &unreadable) == 0)
        while (r == 0 && sqlite3_step(roots) == SQLITE_ROW) {
            int64_t root = sqlite3_column_int64(roots, 0);

            if (root <= reader->page_count)
                r = add_tree(reader, (uint32_t)root, pages, err);
        }
    sqlite3_finalize(roots);
    image_close(&image);
    return r;
}
