/*
 * What is in a database: its tables and views, their columns, keys and relations.
 *
 * Made by database_schema() and not changed afterwards. Names are bytes as the database has
 * them, not always valid UTF-8, and are compared as SQL does: without regard to the case of
 * ASCII letters.
 */
#ifndef DBSNAPFS_SOURCE_SCHEMA_H
#define DBSNAPFS_SOURCE_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>

#define NO_COLUMN ((size_t)-1)

struct buf;

enum affinity { AFFINITY_BLOB, AFFINITY_TEXT, AFFINITY_NUMERIC, AFFINITY_INTEGER, AFFINITY_REAL };

struct column {
    const char *name;
    const char *type;        /* as declared, "" for none */
    const char *default_sql; /* NULL: none */
    const char *collation;   /* "BINARY" where none is declared */
    enum affinity affinity;
    bool not_null;
    enum { GENERATED_NOT, GENERATED_VIRTUAL, GENERATED_STORED } generated;
    size_t key_place; /* in the declared primary key, from 1; 0: not part of it */
};

/* A foreign key that this table declares. */
struct foreign_key {
    const char *parent_name;           /* as declared */
    const struct relation *parent;     /* NULL: there is no such table */
    size_t count;                      /* of columns */
    const size_t *columns;             /* of this table */
    const size_t *parent_columns;      /* of `parent`, NO_COLUMN where there is none such */
    const char *const *parent_names;   /* as declared; NULL: the parent's primary key */
    const char *on_update, *on_delete; /* "NO ACTION", "CASCADE", … */
    bool indexed; /* rows that refer to one are found through an index, or the rowid */
};

struct table_index {
    const char *name;
    bool unique, partial;
    bool made_by_constraint; /* UNIQUE or PRIMARY KEY; has no SQL of its own */
    size_t count;
    const size_t *columns; /* NO_COLUMN for an expression or the rowid */
    size_t usable; /* so many columns from the first on can be looked up by their values: none of a
                      partial index, none in another collation than its column's */
};

enum relation_kind {
    RELATION_TABLE,
    RELATION_VIRTUAL,
    RELATION_SHADOW,   /* keeps the content of a virtual table */
    RELATION_INTERNAL, /* SQLite's own: sqlite_sequence, sqlite_stat1 */
    RELATION_VIEW,
};

struct relation {
    const char *name;
    enum relation_kind kind;
    const char *sql;    /* the statement that makes it, without an end */
    unsigned root_page; /* where its b-tree begins; 0: it has none, or it cannot be told */
    const char *broken; /* why it cannot be read: a view on what is gone, a module that is missing;
                           then it has no columns. NULL: it can */
    bool unresolved;    /* a view whose columns nobody asked for yet: see database_resolve() */
    bool without_rowid, strict, autoincrement;
    size_t column_count; /* without hidden ones: what SELECT * gives, in its order */
    const struct column *columns;

    /* What names a row, as column numbers: the declared primary key, if there is one. With
     * key_count 0 it is the rowid, if position_is_rowid, else nothing names a row. The key of a
     * rowid table (but INTEGER PRIMARY KEY) may be NULL, and then is not unique. */
    size_t key_count;
    const size_t *key;

    /* Where a row stands, see struct selection: 1 for a rowid, 0 for none. */
    size_t position_count;
    bool position_is_rowid;
    size_t rowid_column;    /* the INTEGER PRIMARY KEY, or NO_COLUMN */
    const char *rowid_name; /* by which SQL can call the rowid; NULL: there is none, or each name
                               is taken by a column, or (virtual tables) it cannot be asked for */

    size_t foreign_key_count;
    const struct foreign_key *foreign_keys;
    size_t index_count;
    const struct table_index *indexes;
    size_t referrer_count; /* foreign keys of all tables, this one too, that lead here … */
    const struct referrer *referrers;
    size_t part_count; /* the SQL of its indexes and triggers, in the order they were made in */
    const struct schema_part *parts;
};

/* … found from the other side. */
struct referrer {
    const struct relation *child;
    const struct foreign_key *foreign_key;
};

struct schema_part {
    const char *name;
    const char *sql;
    enum { PART_INDEX, PART_TRIGGER } kind;
};

struct schema {
    size_t relation_count;
    const struct relation *relations; /* in the order of the database's schema table */
};

/* By its exact name, else without regard to case; NULL. */
const struct relation *schema_find(const struct schema *schema, const char *name);
/* NO_COLUMN if there is none. */
size_t relation_column(const struct relation *relation, const char *name);

/* Can rows with a given value in this column be found through an index (or the rowid)? */
bool relation_column_indexed(const struct relation *relation, size_t column);

/* Appends one statement of `len` bytes and what ends it: ";\n", on a line of its own behind
 * a comment. */
void schema_add_statement(const char *sql, size_t len, struct buf *out);

#endif
