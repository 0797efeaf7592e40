/*
 * Tables and columns, from SQLite's own pragmas.
 *
 * Everything is made in one arena. A table that is damaged fails the whole: SQLite cannot read its
 * schema then. A view or virtual table that cannot be prepared is a relation that says why.
 */
#include "source/sqlite/model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "dbsnapfs/util/err.h"
#include "source/sqlite/model_internal.h"

/* What pragma_table_xinfo calls hidden. */
enum { XINFO_HIDDEN = 1, XINFO_VIRTUAL = 2, XINFO_STORED = 3 };

void model_quote(const char *name, struct buf *out)
{
    buf_add_char(out, '"');
    for (; *name; name++) {
        if (*name == '"')
            buf_add_char(out, '"');
        buf_add_char(out, *name);
    }
    buf_add_char(out, '"');
}

const char *model_text(struct model_builder *builder, sqlite3_stmt *stmt, int column)
{
    const char *text = (const char *)sqlite3_column_text(stmt, column);

    if (!text && sqlite3_column_type(stmt, column) != SQLITE_NULL)
        builder->model->arena.failed = true;
    return arena_text(&builder->model->arena, text);
}

static int prepare(struct model_builder *builder, const char *sql, const char *name,
                   sqlite3_stmt **ret_stmt)
{
    struct patience patience;
    struct buf text = BUF_INIT;
    size_t head = strcspn(sql, "%");
    int rc = SQLITE_NOMEM;

    buf_add(&text, sql, head);
    if (sql[head] == '%') {
        model_quote(name, &text);
        buf_add_text(&text, sql + head + 1);
    }
    if (buf_error(&text) == 0) {
        database_hurry(builder->database, &patience);
        rc = sqlite3_prepare_v2(database_handle(builder->database), buf_text(&text), -1, ret_stmt,
                                NULL);
        rc = database_patient(builder->database, &patience, rc);
    }
    buf_free(&text);
    return rc;
}

int model_query(struct model_builder *builder, const char *sql, struct relation *relation,
                model_row *each, struct err *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = prepare(builder, sql, relation ? relation->name : "", &stmt);
    int r = 0;

    builder->database->selects_nothing = builder->selects_nothing;
    if (rc == SQLITE_OK)
        while (r == 0 && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
            r = each(builder, relation, stmt, err);
    builder->database->selects_nothing = false;
    if (r == 0 && rc != SQLITE_OK && rc != SQLITE_DONE)
        r = database_fail(builder->database, rc, err);
    sqlite3_finalize(stmt);
    return r;
}

/* ---- columns ---- */

static bool has_word(const char *type, const char *word)
{
    return strcasestr(type, word) != NULL;
}

/* https://www.sqlite.org/datatype3.html#determination_of_column_affinity */
static enum affinity affinity_of(const char *type, bool strict)
{
    if (has_word(type, "INT"))
        return AFFINITY_INTEGER;
    if (has_word(type, "CHAR") || has_word(type, "CLOB") || has_word(type, "TEXT"))
        return AFFINITY_TEXT;
    if (has_word(type, "BLOB") || type[0] == '\0')
        return AFFINITY_BLOB;
    if (has_word(type, "REAL") || has_word(type, "FLOA") || has_word(type, "DOUB"))
        return AFFINITY_REAL;
    return strict && strcasecmp(type, "ANY") == 0 ? AFFINITY_BLOB : AFFINITY_NUMERIC;
}

static const char *collation_of(struct model_builder *builder, struct relation *relation,
                                const char *column)
{
    const char *collation = NULL;
    int autoincrement = 0;

    if (relation->kind == RELATION_VIEW ||
        sqlite3_table_column_metadata(database_handle(builder->database), "main", relation->name,
                                      column, NULL, &collation, NULL, NULL,
                                      &autoincrement) != SQLITE_OK)
        return "BINARY";
    if (autoincrement)
        relation->autoincrement = true;
    return collation && strcasecmp(collation, "BINARY") != 0
               ? arena_text(&builder->model->arena, collation)
               : "BINARY";
}

/* cid, name, type, notnull, dflt_value, pk, hidden */
static int add_column(struct model_builder *builder, struct relation *relation, sqlite3_stmt *stmt,
                      struct err *err)
{
    struct column column = {0};
    int hidden = sqlite3_column_int(stmt, 6);

    (void)err;
    if (hidden == XINFO_HIDDEN)
        return 0;
    column.name = model_text(builder, stmt, 1);
    column.type = model_text(builder, stmt, 2);
    column.default_sql = model_text(builder, stmt, 4);
    column.not_null = sqlite3_column_int(stmt, 3) != 0;
    column.key_place = (size_t)sqlite3_column_int(stmt, 5);
    column.generated = hidden == XINFO_VIRTUAL  ? GENERATED_VIRTUAL
                       : hidden == XINFO_STORED ? GENERATED_STORED
                                                : GENERATED_NOT;
    column.type = column.type ? column.type : "";
    column.affinity = affinity_of(column.type, relation->strict);
    if (!column.name)
        column.name = "";
    column.collation = collation_of(builder, relation, column.name);
    buf_add(&builder->list, &column, sizeof(column));
    return 0;
}

static int add_columns(struct model_builder *builder, struct relation *relation, struct err *err)
{
    int r = model_query(builder, "PRAGMA main.table_xinfo(%)", relation, add_column, err);

    relation->column_count = builder->list.len / sizeof(struct column);
    relation->columns = arena_take(&builder->model->arena, &builder->list);
    return r;
}

/* Can the relation be read at all? Sets `broken` where SQLite's reason is of this relation alone;
 * ordinary tables can be but for generated columns that call what is missing. */
static int check_readable(struct model_builder *builder, struct relation *relation, struct err *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = prepare(builder, "SELECT * FROM main.%", relation->name, &stmt);

    sqlite3_finalize(stmt);
    switch (rc & 0xff) {
    case SQLITE_OK:
        return 0;
    case SQLITE_INTERRUPT:
        if (database_expired(builder->database))
            return database_fail(builder->database, rc, err);
        relation->broken = "SQLite does not come to an end when it is to be read";
        return 0;
    case SQLITE_NOMEM:
    case SQLITE_BUSY:
    case SQLITE_IOERR:
        return database_fail(builder->database, rc, err);
    case SQLITE_CORRUPT:
        if (relation->kind != RELATION_VIRTUAL)
            return database_fail(builder->database, rc, err);
    }
    relation->broken =
        arena_text(&builder->model->arena, sqlite3_errmsg(database_handle(builder->database)));
    return 0;
}

/* ---- the rowid ---- */

static bool virtual_has_rowid(struct model_builder *builder, const struct relation *relation)
{
    sqlite3_stmt *stmt = NULL;
    int rc = prepare(builder, "SELECT t.rowid FROM main.% AS t LIMIT 1", relation->name, &stmt);

    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    sqlite3_finalize(stmt);
    return rc == SQLITE_ROW || rc == SQLITE_DONE;
}

static void find_rowid_name(struct model_builder *builder, struct relation *relation)
{
    static const char *const names[] = {"rowid", "_rowid_", "oid"};

    if (relation->kind == RELATION_VIEW || relation->without_rowid)
        return;
    if (relation->kind == RELATION_VIRTUAL) {
        if (relation_column(relation, "rowid") == NO_COLUMN && virtual_has_rowid(builder, relation))
            relation->rowid_name = names[0];
        return;
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (relation_column(relation, names[i]) == NO_COLUMN) {
            relation->rowid_name = names[i];
            return;
        }
}

/* ---- relations ---- */

static enum relation_kind kind_of(const char *type, const char *listed, const char *name,
                                  const char *sql)
{
    if (strcmp(type, "view") == 0)
        return RELATION_VIEW;
    if (strncasecmp(name, "sqlite_", 7) == 0)
        return RELATION_INTERNAL;
    if (listed && strcmp(listed, "shadow") == 0)
        return RELATION_SHADOW;
    if ((listed && strcmp(listed, "virtual") == 0) ||
        (sql && strncasecmp(sql, "CREATE VIRTUAL", 14) == 0))
        return RELATION_VIRTUAL;
    return RELATION_TABLE;
}

/* A crafted schema may say anything here. */
static unsigned root_page_of(int64_t page)
{
    return page > 0 && page <= UINT32_MAX ? (unsigned)page : 0;
}

/* s.type, s.name, s.sql, l.type, l.wr, l.strict, s.rootpage */
static int add_relation(struct model_builder *builder, struct relation *none, sqlite3_stmt *stmt,
                        struct err *err)
{
    struct relation relation = {.rowid_column = NO_COLUMN};

    (void)none, (void)err;
    relation.name = model_text(builder, stmt, 1);
    relation.sql = model_text(builder, stmt, 2);
    if (!relation.name)
        return 0; /* not a table that SQLite sees */
    if (!relation.sql)
        relation.sql = "";
    relation.kind =
        kind_of((const char *)sqlite3_column_text(stmt, 0),
                (const char *)sqlite3_column_text(stmt, 3), relation.name, relation.sql);
    relation.without_rowid = sqlite3_column_int(stmt, 4) != 0;
    relation.strict = sqlite3_column_int(stmt, 5) != 0;
    relation.root_page = root_page_of(sqlite3_column_int64(stmt, 6));
    buf_add(&builder->list, &relation, sizeof(relation));
    return 0;
}

static int pass_over(struct model_builder *builder, struct relation *none, sqlite3_stmt *stmt,
                     struct err *err)
{
    (void)builder, (void)none, (void)stmt, (void)err;
    return 0;
}

static int add_relations(struct model_builder *builder, struct err *err)
{
    static const char sql[] =
        "WITH l AS MATERIALIZED"
        " (SELECT name, type, wr, strict FROM pragma_table_list WHERE schema = 'main')"
        " SELECT s.type, s.name, s.sql, l.type, l.wr, l.strict, s.rootpage"
        " FROM main.sqlite_schema AS s"
        " LEFT JOIN l ON l.name = s.name WHERE s.type IN ('table', 'view') ORDER BY s.rowid";
    struct model *model = builder->model;
    int r;

    /* A schema that others changed is read anew here, and not while nothing may be prepared. */
    r = model_query(builder, "SELECT 1 FROM main.sqlite_schema LIMIT 1", NULL, pass_over, err);
    if (r < 0)
        return r;
    builder->selects_nothing = true;
    r = model_query(builder, sql, NULL, add_relation, err);
    builder->selects_nothing = false;
    if (r < 0)
        return r;
    model->schema.relation_count = builder->list.len / sizeof(struct relation);
    model->relations = arena_take(&model->arena, &builder->list);
    model->schema.relations = model->relations;
    model->orders = arena_alloc(&model->arena, (model->schema.relation_count + 1) * sizeof(void *));
    for (size_t i = 0; i < model->schema.relation_count; i++)
        names_add(&builder->relations, model->relations[i].name);
    if (names_sort(&builder->relations) < 0)
        model->arena.failed = true;
    return 0;
}

/* An index or trigger and whose it is. All are read at once, and sorted by that: a pass over the schema's
 * table, or over them all, for each relation would be too many. */
struct owned_part {
    const char *table;
    struct schema_part part;
};

/* name, sql, type, tbl_name */
static int gather_part(struct model_builder *builder, struct relation *none, sqlite3_stmt *stmt,
                       struct err *err)
{
    struct owned_part owned = {
        .table = model_text(builder, stmt, 3),
        .part = {.name = model_text(builder, stmt, 0),
                 .sql = model_text(builder, stmt, 1),
                 .kind = sqlite3_column_int(stmt, 2) != 0 ? PART_TRIGGER : PART_INDEX},
    };

    (void)none, (void)err;
    if (owned.table && owned.part.name && owned.part.sql)
        buf_add(&builder->list, &owned, sizeof(owned));
    return 0;
}

/* Those of one relation, in the order of the schema. */
static void take_parts(struct model_builder *builder, const struct owned_part *all,
                       struct names *owners, struct relation *relation)
{
    const struct named *owner = NULL;
    size_t count = names_find(owners, relation->name, &owner);

    for (size_t i = 0; i < count; i++)
        buf_add(&builder->list, &all[owner[i].place].part, sizeof(all->part));
    relation->part_count = builder->list.len / sizeof(struct schema_part);
    relation->parts = arena_take(&builder->model->arena, &builder->list);
}

static int add_parts(struct model_builder *builder, struct err *err)
{
    static const char sql[] = "SELECT name, sql, type = 'trigger', tbl_name FROM main.sqlite_schema"
                              " WHERE type IN ('index', 'trigger') AND sql IS NOT NULL"
                              " ORDER BY rowid";
    struct model *model = builder->model;
    int r = model_query(builder, sql, NULL, gather_part, err);
    size_t count = builder->list.len / sizeof(struct owned_part);
    const struct owned_part *all = arena_take(&model->arena, &builder->list);
    struct names owners = NAMES_INIT;

    if (r < 0 || !all)
        return r;
    for (size_t i = 0; i < count; i++)
        names_add(&owners, all[i].table);
    if (names_sort(&owners) < 0)
        model->arena.failed = true;
    for (size_t i = 0; !model->arena.failed && i < model->schema.relation_count; i++)
        take_parts(builder, all, &owners, &model->relations[i]);
    model->compared += owners.compared;
    names_free(&owners);
    return 0;
}

static int complete(struct model_builder *builder, struct relation *relation, struct err *err)
{
    int r = 0;

    if (relation->kind == RELATION_VIEW || relation->kind == RELATION_VIRTUAL)
        r = check_readable(builder, relation, err);
    if (r < 0 || relation->broken)
        return r;
    r = add_columns(builder, relation, err);
    for (size_t i = 0; r == 0 && i < relation->column_count; i++)
        if (relation->columns[i].generated != GENERATED_NOT) {
            r = check_readable(builder, relation, err);
            break;
        }
    if (r == 0 && relation->broken)
        relation->column_count = 0;
    if (r < 0 || relation->broken)
        return r;
    find_rowid_name(builder, relation);
    return model_add_indexes(builder, relation, err);
}

int model_new(struct database *database, struct model **ret_model, struct err *err)
{
    struct model *model = calloc(1, sizeof(*model));
    struct model_builder builder = {
        .database = database, .model = model, .list = BUF_INIT, .relations = NAMES_INIT};
    int r;

    if (!model)
        return err_set(err, ENOMEM, "out of memory for a schema");
    r = add_relations(&builder, err);
    for (size_t i = 0; r == 0 && i < model->schema.relation_count && !model->arena.failed; i++) {
        struct relation *relation = &model->relations[i];

        relation->unresolved = relation->kind == RELATION_VIEW;
        if (!relation->unresolved)
            r = complete(&builder, relation, err);
    }
    if (r == 0 && !model->arena.failed)
        r = add_parts(&builder, err);
    if (r == 0 && !model->arena.failed)
        r = model_add_links(&builder, err);
    if (r == 0 && model->arena.failed)
        r = err_set(err, ENOMEM, "out of memory for a schema");
    model->compared += builder.relations.compared;
    names_free(&builder.relations);
    buf_free(&builder.list);
    if (r < 0) {
        model_free(model);
        return r;
    }
    *ret_model = model;
    return 0;
}

int model_resolve(struct model *model, struct database *database, const struct relation *relation,
                  struct err *err)
{
    struct model_builder builder = {.database = database, .model = model, .list = BUF_INIT};
    struct relation *own = &model->relations[relation - model->relations];
    int r = complete(&builder, own, err);

    if (r == 0 && model->arena.failed)
        r = err_set(err, ENOMEM, "out of memory for a schema");
    own->unresolved = r < 0;
    buf_free(&builder.list);
    return r;
}

void model_free(struct model *model)
{
    if (!model)
        return;
    arena_free(&model->arena);
    free(model);
}

const struct schema *model_schema(const struct model *model)
{
    return &model->schema;
}

uint64_t model_compared(const struct model *model)
{
    return model->compared;
}

const struct model_order *model_order(const struct model *model, const struct relation *relation)
{
    return model->orders[relation - model->relations];
}
