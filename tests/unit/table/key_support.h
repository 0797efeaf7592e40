/*
 * Rows' names, of a database in the test's folder.
 */
#ifndef TESTS_UNIT_TABLE_KEY_SUPPORT_H
#define TESTS_UNIT_TABLE_KEY_SUPPORT_H

#include "source/sqlite/opened_support.h"

/* The names of all rows in their order, a blank between them; static storage. */
const char *key_names(const struct opened *opened, const char *table);

/* What looking up the name gives: 0, or the error. The row found has the name. */
int key_look(const struct opened *opened, const char *table, const char *name, int what,
             struct err *err);

/* Each row that is listed is found by its name, in each way to select it. */
void key_check_all(const struct opened *opened, const char *table);

#endif
