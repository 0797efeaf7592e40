/*
 * Is a backup good?
 */
#ifndef SERVICE_CHECK_H
#define SERVICE_CHECK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct buf;
struct err;
struct service;

struct check_way {
    bool deep;      /* integrity_check and foreign keys, not quick_check */
    bool gives_way; /* to whoever reads in front */
};

/* Reads the backup's image through the store, has SQLite look it over and notes what it is: see
 * backup_entry's check_result, which `ret_result` gets. An error is that it could not be found out. */
int check_backup(struct service *service, uint64_t id, struct check_way way,
                 const atomic_bool *cancel, struct buf *ret_result, struct err *err);

#endif
