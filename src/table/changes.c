/*
 * A table's changes are told to four listeners at once: the counts, the CSV, the patch, and the
 * lengths of the table's own texts.
 */
#include "dbsnapfs/table/changes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/source/database.h"
#include "dbsnapfs/source/pages.h"
#include "dbsnapfs/source/schema.h"
#include "dbsnapfs/table/text.h"
#include "dbsnapfs/util/err.h"
#include "table/changes_csv.h"
#include "table/merge.h"
#include "table/pair.h"
#include "table/patch.h"
#include "table/pieces.h"

struct changes {
    struct change_side before, after;
    struct page_comparison *pages; /* NULL: everything has to be compared */
    bool pages_failed;             /* they were not damaged, but could not be read */
    uint64_t rows_read;
};

int changes_new(const struct change_side *before, const struct change_side *after,
                struct changes **ret_changes, struct err *err)
{
    struct changes *changes = calloc(1, sizeof(*changes));
    int r = 0;

    if (!changes)
        return err_set(err, ENOMEM, "out of memory for changes");
    *changes = (struct changes){.before = *before, .after = *after};
    if (before->snapshot && after->snapshot)
        r = page_comparison_new(before->snapshot, after->snapshot, &changes->pages, err);
    /* Whose pages they are that nobody can tell about shows when rows are read. */
    if (r < 0 && r != -ENOTSUP && r != -EBADMSG) {
        free(changes);
        return r;
    }
    *ret_changes = changes;
    return 0;
}

void changes_free(struct changes *changes)
{
    if (!changes)
        return;
    page_comparison_free(changes->pages);
    free(changes);
}

uint64_t changes_rows_read(const struct changes *changes)
{
    return changes->rows_read;
}

bool changes_blame_table(const struct changes *changes, int code)
{
    if (code == -EBADMSG)
        return true;
    return code == -EIO && !changes->pages_failed &&
           !database_file_failed(changes->before.database) &&
           !database_file_failed(changes->after.database);
}

bool change_counts_none(const struct change_counts *counts)
{
    return counts->inserted == 0 && counts->updated == 0 && counts->deleted == 0 && !counts->schema;
}

/* ---- where to look ---- */

/* Which rows of a table have to be compared. */
struct places {
    bool whole;
    struct rowid_range *ranges;
    size_t count;
};

static bool is_by_rowid(const struct pair *pair)
{
    return pair->match == PAIR_BY_ROWID || pair->match == PAIR_BY_ROWID_AND_KEY;
}

static int find_places(struct changes *changes, const struct pair *pair, struct places *ret_places,
                       struct err *err)
{
    const struct relation *before = pair->before.table, *after = pair->after.table;
    struct places places = {.whole = true};
    int r;

    if (!before || !after || !changes->pages || !pair->same_leaves || pair->match == PAIR_APART ||
        before->root_page == 0 || after->root_page == 0) {
        *ret_places = places;
        return 0;
    }
    r = page_comparison_ranges(changes->pages, before->root_page, after->root_page, &places.whole,
                               &places.ranges, &places.count, err);
    changes->pages_failed = r < 0 && r != -EBADMSG;
    if (r < 0)
        return r;
    if (places.count > 0 && !is_by_rowid(pair))
        places.whole = true;
    *ret_places = places;
    return 0;
}

/* ---- which tables ---- */

static bool has_other_sql(const struct pair *pair)
{
    return !pair->same_sql || !pair->same_parts;
}

static int is_candidate(struct changes *changes, const char *name, bool *ret_candidate,
                        struct err *err)
{
    struct places places = {0};
    struct err reason = ERR_INIT;
    struct pair pair;
    int r = pair_init(changes->before.database, changes->after.database, name, &pair, err);

    if (r < 0)
        return r;
    if (has_other_sql(&pair))
        *ret_candidate = true;
    else if (!pair.after.table)
        *ret_candidate = false;
    else {
        r = find_places(changes, &pair, &places, &reason);
        *ret_candidate = r < 0 || places.whole || places.count > 0;
        if (r < 0)
            r = changes_blame_table(changes, r) ? 0 : err_set(err, -r, "%s", reason.text);
    }
    free(places.ranges);
    pair_release(&pair);
    return r;
}

/* Those of `schema`, but for those that `besides` has too. */
static int each_candidate(struct changes *changes, const struct schema *schema,
                          const struct schema *besides,
                          int (*each)(void *arg, const char *name, struct err *err), void *arg,
                          struct err *err)
{
    int r = 0;

    for (size_t i = 0; i < schema->relation_count && r == 0; i++) {
        const char *name = schema->relations[i].name;
        bool candidate = false;

        if (besides && schema_find(besides, name))
            continue;
        r = is_candidate(changes, name, &candidate, err);
        if (r == 0 && candidate)
            r = each(arg, name, err);
    }
    return r;
}

int changes_candidates(struct changes *changes,
                       int (*each)(void *arg, const char *name, struct err *err), void *arg,
                       struct err *err)
{
    const struct schema *before = NULL, *after = NULL;
    int r = database_schema(changes->before.database, &before, err);

    if (r == 0)
        r = database_schema(changes->after.database, &after, err);
    if (r == 0)
        r = each_candidate(changes, after, NULL, each, arg, err);
    return r == 0 ? each_candidate(changes, before, after, each, arg, err) : r;
}

/* ---- what changed in one ---- */

struct listing {
    struct pair pair;
    struct pieces csv, sql;
    struct patch *patch;
    struct change_counts counts;
    struct row_text *before[TEXT_FORMS], *after[TEXT_FORMS]; /* NULL: the lengths do not matter */
};

static int make_texts(const struct relation *relation, struct row_text **texts, struct err *err)
{
    int r = 0;

    for (int form = 0; form < TEXT_FORMS && r == 0; form++)
        r = row_text_new(relation, (enum text_form)form, &texts[form], err);
    return r;
}

/* In another encoding equal rows can be other SQL, so their lengths do not follow from those before. */
static int same_encoding(const struct pair *pair, bool *ret_same, struct err *err)
{
    struct database_settings before, after;
    int r = database_settings(pair->before.database, &before, err);

    if (r == 0)
        r = database_settings(pair->after.database, &after, err);
    if (r == 0)
        *ret_same = strcmp(before.encoding, after.encoding) == 0;
    return r;
}

static int listing_begin(struct listing *listing, struct err *err)
{
    struct change_counts *counts = &listing->counts;
    const struct pair *pair = &listing->pair;
    int r = 0;

    counts->schema = has_other_sql(pair);
    counts->gone = !pair->after.relation;
    counts->has_added = pair->same_columns;
    if (counts->has_added)
        r = same_encoding(pair, &counts->has_added, err);
    if (r == 0 && counts->has_added && listing->csv.wanted && listing->sql.wanted) {
        r = make_texts(pair->before.table, listing->before, err);
        if (r == 0)
            r = make_texts(pair->after.table, listing->after, err);
    }
    if (listing->csv.wanted)
        changes_csv_head(pair, &listing->csv.text);
    if (r == 0 && listing->sql.wanted)
        r = patch_new(pair, &listing->sql, &listing->patch, err);
    return r == 0 && listing->patch ? patch_begin(listing->patch, err) : r;
}

/* Adds the lengths of the row's texts, or takes them off. */
static int add_lengths(struct listing *listing, struct row_text **texts,
                       const struct pair_side *side, struct cursor *cursor, int sign,
                       struct err *err)
{
    int64_t *const added[TEXT_FORMS] = {[TEXT_CSV] = &listing->counts.rows_csv_added,
                                        [TEXT_NDJSON] = &listing->counts.rows_ndjson_added,
                                        [TEXT_SQL] = &listing->counts.rows_sql_added};
    int r = 0;

    if (!cursor || !texts[0])
        return 0;
    for (int form = 0; form < TEXT_FORMS && r == 0; form++) {
        uint64_t bytes = 0;

        r = row_text_length(texts[form], side->database, cursor, &bytes, err);
        *added[form] += sign * (int64_t)bytes;
    }
    return r;
}

static void count_row(struct change_counts *counts, enum merge_op op)
{
    counts->inserted += op == MERGE_INSERT;
    counts->deleted += op == MERGE_DELETE;
    counts->updated += op == MERGE_UPDATE;
}

static int list_row(void *arg, enum merge_op op, struct cursor *before, struct cursor *after,
                    struct err *err)
{
    struct listing *listing = arg;
    const struct pair *pair = &listing->pair;
    int r;

    count_row(&listing->counts, op);
    r = add_lengths(listing, listing->before, &pair->before, before, -1, err);
    if (r == 0)
        r = add_lengths(listing, listing->after, &pair->after, after, 1, err);
    if (r == 0 && listing->csv.wanted && op != MERGE_MOVE) {
        changes_csv_row(pair, op, before, after, &listing->csv.text);
        r = pieces_pass(&listing->csv, err);
    }
    if (r == 0 && listing->patch)
        r = patch_row(listing->patch, op, before, after, err);
    return r;
}

static int list_rows(struct changes *changes, struct listing *listing, struct err *err)
{
    struct places places = {0};
    int r = find_places(changes, &listing->pair, &places, err);

    if (r == 0 && places.whole)
        r = merge_run(&listing->pair, NULL, list_row, listing, &changes->rows_read, err);
    for (size_t i = 0; r == 0 && !places.whole && i < places.count; i++)
        r = merge_run(&listing->pair, &places.ranges[i], list_row, listing, &changes->rows_read,
                      err);
    free(places.ranges);
    return r;
}

static int listing_end(struct changes *changes, struct listing *listing, struct err *err)
{
    struct change_counts *counts = &listing->counts;
    int r = listing->patch ? patch_end(listing->patch, &changes->rows_read, err) : 0;

    if (r == 0)
        r = pieces_end(&listing->csv, err);
    counts->rows_added = (int64_t)(counts->inserted - counts->deleted);
    counts->csv_bytes = listing->csv.bytes;
    counts->sql_bytes = listing->sql.bytes;
    return r;
}

static void listing_release(struct listing *listing)
{
    for (int form = 0; form < TEXT_FORMS; form++) {
        row_text_free(listing->before[form]);
        row_text_free(listing->after[form]);
    }
    patch_free(listing->patch);
    pieces_release(&listing->csv);
    pieces_release(&listing->sql);
    pair_release(&listing->pair);
}

int changes_table(struct changes *changes, const char *name, change_put *csv, void *csv_arg,
                  change_put *sql, void *sql_arg, struct change_counts *ret_counts, struct err *err)
{
    struct listing listing = {
        .csv = {.wanted = csv || ret_counts, .put = csv, .arg = csv_arg},
        .sql = {.wanted = sql || ret_counts, .put = sql, .arg = sql_arg},
    };
    int r = pair_init(changes->before.database, changes->after.database, name, &listing.pair, err);

    if (r < 0)
        return r;
    r = listing_begin(&listing, err);
    if (r == 0)
        r = list_rows(changes, &listing, err);
    if (r == 0)
        r = listing_end(changes, &listing, err);
    if (r == 0 && ret_counts)
        *ret_counts = listing.counts;
    listing_release(&listing);
    return r;
}
