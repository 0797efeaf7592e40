/*
 * A stage whose tables are asked for below live/ and below backups/latest/ alike.
 */
#ifndef TESTS_UNIT_VIEW_ROWS_SUPPORT_H
#define TESTS_UNIT_VIEW_ROWS_SUPPORT_H

#include "view/support.h"

extern struct stage rows_stage;

/* A fixture: no table, no backup. */
void rows_set(void);
void rows_clear(void);

/* Runs the SQL and backs up. */
void rows_make_both(const char *sql);

/* `place` 0: live/tables, 1: backups/latest/tables; `path` is below. */
void rows_check_list(int place, const char *path, const char *names);
void rows_check_text(int place, const char *path, const char *text);
void rows_check_link(int place, const char *path, const char *target);
/* That there is nothing, with the whole message behind the path. */
void rows_check_none(int place, const char *path, const char *message);
/* In pieces of so many entries, with a place that is kept from one to the next. */
void rows_list_in_pieces(int place, const char *path, size_t room, struct buf *out);

#endif
