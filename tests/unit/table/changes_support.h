/*
 * Two states of a database and what changed between them.
 *
 * Functions here assert that they succeed, unless they return a code.
 */
#ifndef TESTS_UNIT_TABLE_CHANGES_SUPPORT_H
#define TESTS_UNIT_TABLE_CHANGES_SUPPORT_H

#include "dbsnapfs/source/database.h"
#include "dbsnapfs/table/changes.h"
#include "dbsnapfs/util/buf.h"
#include "source/sqlite/pages_support.h"

struct changed {
    struct two_states two;
    struct database *databases[2];
    struct changes *changes;
};

/* Makes "a.db" by the first SQL, and changes it by the second. The pages of the two states are
 * compared if `pages`; else all rows are. */
void changed_begin(struct changed *changed, const char *before, const char *after, bool pages);
/* Opens what two.images hold; for states that were made otherwise. */
void changed_open(struct changed *changed, bool pages);
void changed_end(struct changed *changed);

/* The candidates, a blank behind each; static storage. */
const char *changed_candidates(const struct changed *changed);

/* Each text may be NULL. Asserts that what is counted alone is the same, and what the texts are
 * long. */
struct change_counts changed_table(const struct changed *changed, const char *table,
                                   struct buf *ret_csv, struct buf *ret_sql);

/* The CSV of the table's changes without its header, lines ended by a bar; static storage. */
const char *changed_rows(const struct changed *changed, const char *table);

/* Runs the patches of all candidates on the earlier state, in both orders; what that gives has the
 * later one's schema, rows, rowids, and what SQLite keeps of tables. */
void changed_assert_patched(const struct changed *changed);

#endif
