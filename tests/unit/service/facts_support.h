/*
 * What is known of backups, held against what they are.
 */
#ifndef UNIT_SERVICE_FACTS_SUPPORT_H
#define UNIT_SERVICE_FACTS_SUPPORT_H

#include <stdbool.h>
#include <stdint.h>

struct service;

/* Are the newest backup's sizes noted? For place_wait(). */
bool newest_is_known(void *service);

/* What is noted of a backup's table is what measuring it gives. */
void assert_sizes(struct service *service, uint64_t id, const char *table);

#endif
