/*
 * Two stored states of the database "a.db", and SQLite's own word on what differs between them.
 *
 * Functions here assert that they succeed.
 */
#ifndef TESTS_UNIT_SOURCE_SQLITE_PAGES_SUPPORT_H
#define TESTS_UNIT_SOURCE_SQLITE_PAGES_SUPPORT_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dbsnapfs/source/pages.h"
#include "dbsnapfs/util/buf.h"

struct two_states {
    struct repo *repo;
    struct buf images[2];
    struct snapshot *snapshots[2]; /* before, after */
    struct page_comparison *comparison;
    sqlite3 *oracle; /* both images, attached as "before" and "after" */
};

/* In an order: begin, keep(0), changes, keep(1), compare, …, end. */
void two_states_begin(struct two_states *two);
void two_states_keep(struct two_states *two, int which); /* a capture of "a.db" */
void two_states_put(struct two_states *two, int which);  /* images[which], as it stands */
void two_states_compare(struct two_states *two);
void two_states_end(struct two_states *two);

/* What page_comparison_ranges() says of a table; to be released. */
struct table_ranges {
    bool whole;
    struct rowid_range *items;
    size_t count;
};
void table_ranges_get(struct two_states *two, const char *table, struct table_ranges *ranges);
void table_ranges_free(struct table_ranges *ranges);
bool table_ranges_hold(const struct table_ranges *ranges, int64_t rowid);

/* Asserts that the ranges are ascending and disjoint, and that each row that SQLite finds to differ is
 * in one. Returns how many differ; -1 if it was the whole table. */
int64_t assert_sound(struct two_states *two, const char *table);

uint32_t root_page(struct two_states *two, const char *state, const char *table);
uint64_t page_count(struct two_states *two, int which);

#endif
