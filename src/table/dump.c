/*
 * A database as SQL that makes an equal one.
 *
 * Tables come first, each with its rows; then what SQLite keeps for itself; then indexes, which are
 * made faster when the rows are there; then views, and the triggers behind them, as some triggers are
 * on views, and none may run before.
 *
 * A virtual table is a row of the schema's table, as making it anew would make new content; its content
 * is in its shadow tables, which come as tables. What a statement makes that SQLite would not keep
 * exactly as it was is set right in the schema's table behind it.
 */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "dbsnapfs/source/database.h"
#include "dbsnapfs/source/schema.h"
#include "dbsnapfs/table/rendering.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"
#include "table/parts.h"
#include "table/statement.h"
#include "table/text_internal.h"

static bool is_named(const struct relation *relation, const char *name)
{
    return relation->kind == RELATION_INTERNAL && strcasecmp(relation->name, name) == 0;
}

static bool is_statistics(const struct relation *relation)
{
    return relation->kind == RELATION_INTERNAL &&
           strncasecmp(relation->name, "sqlite_stat", 11) == 0;
}

/* What ANALYZE makes everywhere. */
static bool is_analyzed(const struct relation *relation)
{
    return is_named(relation, "sqlite_stat1") &&
           strcmp(relation->sql, "CREATE TABLE sqlite_stat1(tbl,idx,stat)") == 0;
}

/* Does the first AUTOINCREMENT make it? */
static bool is_made_by_others(const struct schema *schema, const struct relation *relation)
{
    for (size_t i = 0; i < schema->relation_count; i++)
        if (schema->relations[i].autoincrement)
            return is_named(relation, "sqlite_sequence");
    return false;
}

static bool is_dumped(const struct relation *relation)
{
    return relation->sql[0] != '\0';
}

static bool has_rows(const struct relation *relation)
{
    return relation->kind == RELATION_TABLE || relation->kind == RELATION_SHADOW ||
           relation->kind == RELATION_INTERNAL;
}

static bool writes_schema(const struct schema *schema)
{
    for (size_t i = 0; i < schema->relation_count; i++) {
        const struct relation *relation = &schema->relations[i];

        if (!is_dumped(relation))
            continue;
        if (relation->kind == RELATION_VIRTUAL || !statement_is_plain(relation->sql))
            return true;
        if (relation->kind == RELATION_INTERNAL && !is_analyzed(relation) &&
            !is_made_by_others(schema, relation))
            return true;
        for (size_t j = 0; j < relation->part_count; j++)
            if (!statement_is_plain(relation->parts[j].sql))
                return true;
    }
    return false;
}

/* ---- pieces ---- */

static int make_head(const struct part *part, struct database *database, struct buf *out,
                     struct err *err)
{
    const struct schema *schema = NULL;
    struct database_settings settings = {"", 0, 0, 0, 0};
    int r = database_schema(database, &schema, err);

    (void)part;
    if (r == 0)
        r = database_settings(database, &settings, err);
    if (r < 0)
        return r;
    buf_add_text(out, "-- sqlite3 NEW.DB < database.sql\n");
    if (writes_schema(schema))
        buf_add_text(out, "-- Writes to the schema; where that is refused, do it after\n"
                          "-- .dbconfig defensive off\n");
    buf_addf(out, "PRAGMA encoding = '%s';\n", settings.encoding);
    buf_addf(out, "PRAGMA page_size = %lld;\n", (long long)settings.page_size);
    buf_addf(out, "PRAGMA auto_vacuum = %lld;\n", (long long)settings.auto_vacuum);
    buf_add_text(out, "PRAGMA foreign_keys = OFF;\nPRAGMA ignore_check_constraints = ON;\n");
    if (writes_schema(schema))
        buf_add_text(out, "PRAGMA writable_schema = ON;\n");
    buf_add_text(out, "BEGIN;\n");
    buf_addf(out, "PRAGMA user_version = %lld;\n", (long long)settings.user_version);
    buf_addf(out, "PRAGMA application_id = %lld;\n", (long long)settings.application_id);
    return 0;
}

static int make_tail(const struct part *part, struct database *database, struct buf *out,
                     struct err *err)
{
    const struct schema *schema = NULL;
    int r = database_schema(database, &schema, err);

    (void)part;
    if (r < 0)
        return r;
    buf_add_text(out, "COMMIT;\n");
    if (writes_schema(schema))
        buf_add_text(out, "PRAGMA writable_schema = RESET;\n");
    buf_add_text(out, "PRAGMA ignore_check_constraints = OFF;\n");
    return 0;
}

struct object {
    const char *type, *name, *sql;
};

static struct object object_of(const struct part *part)
{
    const struct relation *relation = part->relation;
    const struct schema_part *statement = part->statement;

    if (statement)
        return (struct object){statement->kind == PART_INDEX ? "index" : "trigger", statement->name,
                               statement->sql};
    return (struct object){relation->kind == RELATION_VIEW ? "view" : "table", relation->name,
                           relation->sql};
}

static int make_row(const struct object *object, struct database *database, struct buf *out,
                    struct err *err)
{
    int r;

    buf_addf(out, "INSERT INTO sqlite_master (type, name, tbl_name, rootpage, sql) VALUES ('%s', ",
             object->type);
    r = text_sql_string(database, object->name, out, err);
    buf_add_text(out, ", ");
    if (r == 0)
        r = text_sql_string(database, object->name, out, err);
    buf_add_text(out, ", 0, ");
    if (r == 0)
        r = text_sql_string(database, object->sql, out, err);
    buf_add_text(out, ");\n");
    return r;
}

static int make_exact(const struct object *object, struct database *database, struct buf *out,
                      struct err *err)
{
    int r;

    buf_add_text(out, "UPDATE sqlite_master SET sql = ");
    r = text_sql_string(database, object->sql, out, err);
    buf_addf(out, " WHERE type = '%s' AND name = ", object->type);
    if (r == 0)
        r = text_sql_string(database, object->name, out, err);
    buf_add_text(out, ";\n");
    return r;
}

static int make_object(const struct part *part, struct database *database, struct buf *out,
                       struct err *err)
{
    struct object object = object_of(part);

    if (part->relation->kind == RELATION_VIRTUAL && !part->statement)
        return make_row(&object, database, out, err);
    statement_add(object.sql, out);
    return statement_is_plain(object.sql) ? 0 : make_exact(&object, database, out, err);
}

static int make_internal(const struct part *part, struct database *database, struct buf *out,
                         struct err *err)
{
    const struct schema *schema = NULL;
    int r = database_schema(database, &schema, err);

    if (r < 0)
        return r;
    if (is_analyzed(part->relation)) {
        /* Some make both. */
        buf_add_text(out, "ANALYZE sqlite_master;\nDROP TABLE IF EXISTS sqlite_stat4;\n");
        return 0;
    }
    if (!is_made_by_others(schema, part->relation)) {
        if (is_statistics(part->relation)) {
            buf_add_text(out, "DROP TABLE IF EXISTS ");
            text_sql_name(part->relation->name, out);
            buf_add_text(out, ";\n");
        }
        return make_object(part, database, out, err);
    }
    buf_add_text(out, "DELETE FROM sqlite_sequence;\n");
    return 0;
}

/* ---- their order ---- */

static void add(struct buf *out, part_make *make, const struct relation *relation,
                const struct schema_part *statement)
{
    const struct part part = {make, relation, statement, TEXT_SQL};

    buf_add(out, &part, sizeof(part));
}

static void add_tables(const struct schema *schema, struct buf *out)
{
    for (size_t i = 0; i < schema->relation_count; i++) {
        const struct relation *relation = &schema->relations[i];

        if (is_dumped(relation) && has_rows(relation) && relation->kind != RELATION_INTERNAL) {
            add(out, make_object, relation, NULL);
            add(out, NULL, relation, NULL);
        }
    }
}

/* What ANALYZE makes comes before others, one of which it may make too. */
static void add_internal(const struct schema *schema, bool analyzed, struct buf *out)
{
    for (size_t i = 0; i < schema->relation_count; i++) {
        const struct relation *relation = &schema->relations[i];

        if (is_dumped(relation) && relation->kind == RELATION_INTERNAL &&
            is_analyzed(relation) == analyzed) {
            add(out, make_internal, relation, NULL);
            add(out, NULL, relation, NULL);
        }
    }
}

static void add_without_rows(const struct schema *schema, enum relation_kind kind, struct buf *out)
{
    for (size_t i = 0; i < schema->relation_count; i++)
        if (is_dumped(&schema->relations[i]) && schema->relations[i].kind == kind)
            add(out, make_object, &schema->relations[i], NULL);
}

static void add_statements(const struct schema *schema, bool triggers, struct buf *out)
{
    for (size_t i = 0; i < schema->relation_count; i++) {
        const struct relation *relation = &schema->relations[i];

        for (size_t j = 0; j < relation->part_count; j++)
            if ((relation->parts[j].kind == PART_TRIGGER) == triggers)
                add(out, make_object, relation, &relation->parts[j]);
    }
}

void parts_of_dump(const struct schema *schema, struct buf *out)
{
    add(out, make_head, NULL, NULL);
    add_tables(schema, out);
    add_internal(schema, true, out);
    add_internal(schema, false, out);
    add_without_rows(schema, RELATION_VIRTUAL, out);
    add_statements(schema, false, out);
    add_without_rows(schema, RELATION_VIEW, out);
    add_statements(schema, true, out);
    add(out, make_tail, NULL, NULL);
}

/* ---- its length ---- */

typedef int ask_sizes(void *arg, const char *name, struct row_sizes *ret_sizes, struct err *err);

/* Of the rows alone, without the head and tail that their own file has. */
static int rows_bytes(const struct relation *relation, ask_sizes *sizes, void *arg,
                      uint64_t *ret_bytes, struct err *err)
{
    struct row_sizes all = {0, 0, 0, 0};
    struct row_text *text = NULL;
    int r = sizes(arg, relation->name, &all, err);

    if (r == 0)
        r = row_text_new(relation, TEXT_SQL, &text, err);
    if (r == 0)
        *ret_bytes = all.sql_bytes - row_text_around_bytes(text);
    row_text_free(text);
    return r;
}

static int piece_bytes(const struct part *part, struct database *database, uint64_t *ret_bytes,
                       struct err *err)
{
    struct buf piece = BUF_INIT;
    int r = part->make(part, database, &piece, err);

    if (r == 0 && buf_error(&piece) < 0)
        r = err_set(err, ENOMEM, "out of memory for a database's SQL");
    if (r == 0)
        *ret_bytes = piece.len;
    buf_free(&piece);
    return r;
}

int rendering_dump_bytes(struct database *database, ask_sizes *sizes, void *arg,
                         uint64_t *ret_bytes, struct err *err)
{
    const struct schema *schema = NULL;
    struct buf list = BUF_INIT;
    const struct part *parts;
    uint64_t total = 0;
    int r = database_schema(database, &schema, err);

    if (r < 0)
        return r;
    parts_of_dump(schema, &list);
    if (buf_error(&list) < 0)
        r = err_set(err, ENOMEM, "out of memory for a database's SQL");
    parts = (const struct part *)(const void *)list.data;
    for (size_t i = 0; r == 0 && i < list.len / sizeof(*parts); i++) {
        uint64_t bytes = 0;

        r = parts[i].make ? piece_bytes(&parts[i], database, &bytes, err)
                          : rows_bytes(parts[i].relation, sizes, arg, &bytes, err);
        total += bytes;
    }
    buf_free(&list);
    if (r == 0)
        *ret_bytes = total;
    return r;
}
