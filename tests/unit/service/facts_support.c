#include "service/facts_support.h"

#include <check.h>
#include <string.h>

#include "dbsnapfs/service/facts.h"
#include "dbsnapfs/service/service.h"
#include "dbsnapfs/source/database.h"
#include "dbsnapfs/store/repo.h"
#include "dbsnapfs/store/snapshot.h"
#include "dbsnapfs/table/rendering.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"
#include "service/noted.h"

bool newest_is_known(void *arg)
{
    struct repo *repo = service_repo(arg);
    struct repo_totals totals;
    struct buf fact = BUF_INIT;
    bool known;

    ck_assert_int_eq(repo_totals(repo, &totals, NULL), 0);
    known = noted_find(repo, totals.newest_id, FACT_SIZES, &fact, NULL) == 0 &&
            sizes_are_current(&fact);
    buf_free(&fact);
    return known;
}

void assert_sizes(struct service *service, uint64_t id, const char *table)
{
    struct snapshot *snapshot = NULL;
    struct database *database = NULL;
    struct row_sizes sizes, measured;
    struct err err = ERR_INIT;

    ck_assert_int_eq(snapshot_open(service_repo(service), id, &snapshot, NULL), 0);
    ck_assert_int_eq(database_open_snapshot(snapshot, &database, NULL), 0);
    ck_assert_int_eq(database_begin(database, NULL), 0);
    ck_assert_int_eq(row_sizes_measure(database, table, &measured, NULL), 0);
    database_end(database);
    database_close(database);
    snapshot_close(snapshot);
    ck_assert_int_eq(facts_find_sizes(service_repo(service), id, table, &sizes, &err), 0);
    ck_assert_str_eq(err.text, "");
    ck_assert_msg(
        memcmp(&sizes, &measured, sizeof sizes) == 0,
        "backup %d, table %s: rows %d, not %d; CSV %d, not %d; NDJSON %d, not %d; SQL %d, "
        "not %d",
        (int)id, table, (int)sizes.rows, (int)measured.rows, (int)sizes.csv_bytes,
        (int)measured.csv_bytes, (int)sizes.ndjson_bytes, (int)measured.ndjson_bytes,
        (int)sizes.sql_bytes, (int)measured.sql_bytes);
}
