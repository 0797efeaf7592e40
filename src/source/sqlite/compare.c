/*
 * SQLite itself compares positions, as parameters of a statement that reads no table: in the
 * database's encoding, in the collations of its index, with NULL before numbers before TEXT before
 * BLOBs.
 */
#include <errno.h>

#include "dbsnapfs/source/schema.h"
#include "dbsnapfs/util/err.h"
#include "source/sqlite/database.h"
#include "source/sqlite/model.h"

static void pair_sql(const char *collation, const char *operator, size_t i, int order,
                     struct buf *out)
{
    buf_addf(out, " WHEN ?%zu %s ?%zu COLLATE ", 2 * i + 1, operator, 2 * i + 2);
    model_quote(collation, out);
    buf_addf(out, " THEN %d", order);
}

static void compare_sql(const struct relation *relation, const struct model_order *orders,
                        struct buf *out)
{
    buf_add_text(out, "SELECT CASE");
    for (size_t i = 0; i < relation->position_count; i++) {
        const char *collation = "BINARY";
        int less = -1;

        if (!relation->position_is_rowid) {
            collation = orders[i].collation ? orders[i].collation
                                            : relation->columns[relation->key[i]].collation;
            less = orders[i].descending ? 1 : -1;
        }
        pair_sql(collation, "<", i, less, out);
        pair_sql(collation, ">", i, -less, out);
    }
    buf_add_text(out, " ELSE 0 END");
}

int database_compare(struct database *database, const struct relation *relation,
                     const struct value *a, const struct value *b, int *ret_order, struct err *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = SQLITE_OK, r;

    if (relation->position_count == 0)
        return err_set(err, EINVAL, "%s: its rows have no position", relation->name);
    compare_sql(relation, model_order(database->model, relation), &database->sql);
    r = database_take(database, &stmt, err);
    if (r < 0)
        return r;
    for (size_t i = 0; i < relation->position_count && rc == SQLITE_OK; i++) {
        rc = value_bind(stmt, (int)(2 * i + 1), &a[i]);
        if (rc == SQLITE_OK)
            rc = value_bind(stmt, (int)(2 * i + 2), &b[i]);
    }
    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW)
        *ret_order = sqlite3_column_int(stmt, 0);
    else
        r = database_fail(database, rc, err);
    database_give(database, stmt);
    return r;
}
