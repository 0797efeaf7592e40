/*
 * A disk so slow that there is time to look when a -wal file has been written and not been synced.
 */
#ifndef TESTS_UNIT_VIEW_SLOW_WAL_SUPPORT_H
#define TESTS_UNIT_VIEW_SLOW_WAL_SUPPORT_H

/* A VFS of this name, under which `meanwhile` is called for each such moment. */
#define SLOW_WAL "slow-wal"
void slow_wal_register(void (*meanwhile)(void));
void slow_wal_unregister(void);

#endif
