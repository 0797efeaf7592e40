/*
 * Limits for what a schema can ask of memory, stack and time; a callback that ends what takes too
 * long; and an authorizer, which is asked when a statement is prepared and costs nothing per row.
 *
 * The authorizer sees the statements of virtual tables as well, and some of those prepare their
 * writes as soon as they are read. So INSERT, UPDATE and DELETE pass here: the connection is
 * query_only, and they fail when they run.
 *
 * Collations that a program brought along are unknown here. Tables that use them can be read all
 * the same, as long as nothing is looked up in their order: see relation_column_indexed().
 */
#include "source/sqlite/guard.h"

#include <string.h>
#include <strings.h>

#include "source/sqlite/database.h"

#define STEPS_BETWEEN_LOOKS 4000

static bool is_one_of(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; name && i < count; i++)
        if (strcasecmp(name, names[i]) == 0)
            return true;
    return false;
}

#define IS_ONE_OF(name, names) is_one_of(name, names, sizeof(names) / sizeof((names)[0]))

static int authorize(void *arg, int action, const char *first, const char *second,
                     const char *schema, const char *source)
{
    static const char *const functions[] = {"load_extension", "fts3_tokenizer", "writefile",
                                            "readfile",       "edit",           "fsdir"};
    static const char *const pragmas[] = {
        "table_list",    "table_xinfo",    "foreign_key_list", "index_list",
        "index_xinfo",   "schema_version", "user_version",     "application_id",
        "encoding",      "page_size",      "auto_vacuum",      "data_version",
        "function_list", "table_info",     "cache_size",       "page_count"};

    const struct database *database = arg;

    (void)schema, (void)source;
    switch (action) {
    case SQLITE_SELECT:
        return database->selects_nothing ? SQLITE_DENY : SQLITE_OK;
    case SQLITE_READ:
    case SQLITE_RECURSIVE:
    case SQLITE_TRANSACTION:
    case SQLITE_SAVEPOINT:
    case SQLITE_INSERT:
    case SQLITE_UPDATE:
    case SQLITE_DELETE:
        return SQLITE_OK;
    case SQLITE_FUNCTION:
        return IS_ONE_OF(second, functions) ? SQLITE_DENY : SQLITE_OK;
    case SQLITE_PRAGMA:
        return IS_ONE_OF(first, pragmas) ? SQLITE_OK : SQLITE_DENY;
    default:
        return SQLITE_DENY;
    }
}

static int look(void *arg)
{
    return database_expired(arg);
}

static int compare_bytes(void *arg, int a_len, const void *a, int b_len, const void *b)
{
    int shorter = a_len < b_len ? a_len : b_len;
    int order = shorter > 0 ? memcmp(a, b, (size_t)shorter) : 0;

    (void)arg;
    return order != 0 ? order : a_len - b_len;
}

/* SQLite asks for its own collations too where a database is in UTF-16, before it takes those that
 * it has for UTF-8. */
static void stand_in(void *arg, sqlite3 *db, int encoding, const char *name)
{
    static const char *const built_in[] = {"BINARY", "NOCASE", "RTRIM"};

    (void)arg, (void)encoding;
    if (IS_ONE_OF(name, built_in))
        return;
    sqlite3_create_collation(db, name, SQLITE_UTF8, NULL, compare_bytes);
}

void guard_set(struct database *database)
{
    static const struct {
        int which, at_most;
    } limits[] = {
        {SQLITE_LIMIT_VDBE_OP, 1000000},         {SQLITE_LIMIT_EXPR_DEPTH, 1000},
        {SQLITE_LIMIT_COMPOUND_SELECT, 500},     {SQLITE_LIMIT_FUNCTION_ARG, 127},
        {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 200}, {SQLITE_LIMIT_TRIGGER_DEPTH, 1},
    };
    sqlite3 *db = database_handle(database);

    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
        sqlite3_limit(db, limits[i].which, limits[i].at_most);
    sqlite3_set_authorizer(db, authorize, database);
    sqlite3_progress_handler(db, STEPS_BETWEEN_LOOKS, look, database);
    sqlite3_collation_needed(db, NULL, stand_in);
}
