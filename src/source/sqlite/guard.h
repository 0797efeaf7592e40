/*
 * What a database that nobody trusts may do while it is read: nothing but be read.
 */
#ifndef DBSNAPFS_SOURCE_SQLITE_GUARD_H
#define DBSNAPFS_SOURCE_SQLITE_GUARD_H

struct database;

void guard_set(struct database *database);

#endif
