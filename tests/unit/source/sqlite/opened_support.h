/*
 * A database of the test's folder, opened live or as a stored backup.
 */
#ifndef TESTS_UNIT_SOURCE_SQLITE_OPENED_SUPPORT_H
#define TESTS_UNIT_SOURCE_SQLITE_OPENED_SUPPORT_H

#include <stdbool.h>

#include "dbsnapfs/source/database.h"
#include "dbsnapfs/source/schema.h"

struct opened {
    struct source *source;
    struct repo *repo;
    struct snapshot *snapshot;
    struct database *database;
    const struct schema *schema;
};

/* Opens "a.db", and begins. */
void opened_begin(struct opened *opened, bool backup);
void opened_end(struct opened *opened);

const struct relation *opened_find(const struct opened *opened, const char *name);

/* A cursor at the first row of a selection. */
struct cursor *opened_first_row(const struct opened *opened, const struct selection *selection);

/* How many pages SQLite has asked for that it had not in its cache. */
int opened_pages_read(const struct opened *opened);

/* The rows of a selection as text, "1|a|NULL" each in parentheses; static storage. */
const char *opened_rows(const struct opened *opened, const struct selection *selection);

#endif
