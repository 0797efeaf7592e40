/*
 * A database, its repository and a service over them, in a folder that goes with the test.
 */
#ifndef UNIT_SERVICE_SUPPORT_H
#define UNIT_SERVICE_SUPPORT_H

#include <stdbool.h>

#include "dbsnapfs/service/service.h"
#include "dbsnapfs/util/buf.h"

struct place {
    char folder[40];
    char database[64], repo[64];
};

/* Makes a folder with a database of some hundred pages. */
void place_set_up(struct place *place);
void place_tear_down(struct place *place);

/* Runs SQL on the database. */
void place_sql(const struct place *place, const char *sql);

/* Waits, for at most ten seconds, until `until` holds. */
bool place_wait(bool (*until)(void *arg), void *arg);

/* Damages the repository: in the middle of the first segment, where table t's rows are. */
void place_damage(const struct place *place);

struct service *place_open(const struct place *place, struct service_config config);

/* Runs a line; the result goes to `out`, which is emptied before. */
int place_run(struct service *service, const char *line, struct buf *out);

void assert_begins(const struct buf *text, const char *beginning);
void assert_contains(const struct buf *text, const char *part);

#endif
