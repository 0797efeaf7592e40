/*
 * What the catalog's files share: the connection, its statements, and the one place that
 * explains SQLite's failures.
 */
#ifndef DBSNAPFS_STORE_CATALOG_INTERNAL_H
#define DBSNAPFS_STORE_CATALOG_INTERNAL_H

#include <pthread.h>
#include <sqlite3.h>

#include "store/catalog.h"

enum catalog_query {
    QUERY_FIND_NAME,
    QUERY_FIND_ID,
    QUERY_NEWEST,
    QUERY_BEFORE,
    QUERY_LIST,
    QUERY_TOTALS,
    QUERY_SEGMENTS,
    QUERY_CHAIN,
    QUERY_ADD_ENTRY,
    QUERY_ADD_SEGMENT,
    QUERY_ADD_MAP,
    QUERY_NOTE_CHECK,
    QUERY_NOTE_SHA256,
    QUERY_HAS_FACTS,
    QUERY_NOTE_FACT,
    QUERY_FIND_FACT,
    QUERY_COUNT
};

struct catalog {
    char *path;
    pthread_mutex_t lock;
    sqlite3 *db; /* protected by lock, like all below */
    sqlite3_stmt *statements[QUERY_COUNT];
};

/* Explains SQLite's last failure on the connection. */
int catalog_fail(struct catalog *catalog, int rc, struct err *err);

int catalog_exec(struct catalog *catalog, const char *sql, struct err *err);

/* A statement ready for its parameters. The lock is held. */
int catalog_prepare(struct catalog *catalog, enum catalog_query query, sqlite3_stmt **ret_statement,
                    struct err *err);

/* Ends the use of a statement whose last step gave `rc`; SQLITE_DONE and SQLITE_ROW are fine. */
int catalog_finish(struct catalog *catalog, sqlite3_stmt *statement, int rc, struct err *err);

#endif
