/*
 * Facts about a backup, from a catalog that anybody may have written: the first byte says which.
 *
 * Of what is taken, the text that is made again is taken for the same.
 */
#include "fuzz.h"

#include <string.h>

#include "dbsnapfs/service/changes.h"
#include "dbsnapfs/service/facts.h"
#include "dbsnapfs/table/rendering.h"
#include "dbsnapfs/util/buf.h"

static void must(int condition, const char *what)
{
    if (!condition) {
        (void)fprintf(stderr, "facts: %s\n", what);
        abort();
    }
}

static void fuzz_changes(const struct buf *fact)
{
    struct backup_changes changes = {.before_id = 0}, same = {.before_id = 0};
    struct buf again = BUF_INIT, third = BUF_INIT;

    if (backup_changes_read(fact, &changes) < 0) {
        must(changes.count == 0 && !changes.tables, "a refusal that gives something");
        return;
    }
    backup_changes_write(&changes, &again);
    must(backup_changes_read(&again, &same) == 0, "changes are refused when written again");
    backup_changes_write(&same, &third);
    must(again.len == third.len && memcmp(buf_text(&again), buf_text(&third), again.len) == 0,
         "changes differ when written again");
    for (size_t i = 0; i < changes.count; i++)
        must(backup_changes_table(&changes, changes.tables[i].name) != NULL, "a table is missing");
    backup_changes_free(&changes);
    backup_changes_free(&same);
    buf_free(&again);
    buf_free(&third);
}

static void fuzz_sizes(const struct buf *fact)
{
    static const char *const names[] = {"users", "", "a\nb", "nothing"};
    struct row_sizes sizes = {.rows = 7}, same;

    (void)sizes_are_current(fact);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct buf again = BUF_INIT;

        if (sizes_find(fact, names[i], &sizes) < 0)
            continue;
        sizes_begin(&again);
        sizes_add(&again, names[i], &sizes);
        must(sizes_find(&again, names[i], &same) == 0 && same.rows == sizes.rows &&
                 same.csv_bytes == sizes.csv_bytes && same.ndjson_bytes == sizes.ndjson_bytes &&
                 same.sql_bytes == sizes.sql_bytes,
             "sizes differ when written again");
        buf_free(&again);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct buf fact = BUF_INIT;

    if (len == 0)
        return 0;
    /* as it comes from the catalog, which ends it with a NUL */
    buf_add(&fact, bytes + 1, len - 1);
    if (bytes[0] % 2)
        fuzz_changes(&fact);
    else
        fuzz_sizes(&fact);
    buf_free(&fact);
    return 0;
}
