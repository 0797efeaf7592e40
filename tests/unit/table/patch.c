/*
 * src/table/patch.c, patch_schema.c: every patch, in any order, leads from the earlier database to
 * the later one, with foreign keys on.
 */
#include <check.h>
#include <string.h>

#include "source/sqlite/support.h"
#include "table/changes_support.h"

Suite *suite_table_patch(void);

static const struct {
    const char *before, *after;
} cases[] = {
    /* tables that are new, gone, renamed, replaced */
    {"CREATE TABLE a(x); INSERT INTO a VALUES(1)",
     "CREATE TABLE b(id INTEGER PRIMARY KEY, t TEXT); INSERT INTO b VALUES(5,'five'),(7,NULL);"
     "CREATE INDEX bt ON b(t); DROP TABLE a"},
    {"CREATE TABLE a(x); CREATE INDEX ax ON a(x); INSERT INTO a VALUES(1),(2);"
     "CREATE TRIGGER g AFTER INSERT ON a BEGIN SELECT 1; END",
     "ALTER TABLE a RENAME TO b; INSERT INTO b VALUES(3)"},
    {"CREATE TABLE a(x); INSERT INTO a VALUES(1); CREATE TABLE b(y); INSERT INTO b VALUES(2)",
     "ALTER TABLE a RENAME TO c; ALTER TABLE b RENAME TO a; ALTER TABLE c RENAME TO b"},
    {"CREATE TABLE a(x); INSERT INTO a VALUES(1)", "DROP TABLE a; CREATE VIEW a AS SELECT 2 AS x"},
    {"CREATE VIEW a AS SELECT 2 AS x;"
     "CREATE TRIGGER g INSTEAD OF INSERT ON a BEGIN SELECT 1; END",
     "DROP VIEW a; CREATE TABLE a(x); INSERT INTO a VALUES(1)"},
    /* other columns */
    {"CREATE TABLE a(x); INSERT INTO a(rowid, x) VALUES(7,1),(9,2)",
     "ALTER TABLE a ADD COLUMN y DEFAULT 'z'; UPDATE a SET y=1 WHERE x=2"},
    {"CREATE TABLE a(x, y); INSERT INTO a VALUES(1,2)", "ALTER TABLE a DROP COLUMN x"},
    {"CREATE TABLE a(x, y, PRIMARY KEY(x, y)) WITHOUT ROWID; INSERT INTO a VALUES(1,2),(2,1)",
     "CREATE TABLE b(x, y, PRIMARY KEY(y DESC)) WITHOUT ROWID; INSERT INTO b SELECT * FROM a;"
     "DROP TABLE a; ALTER TABLE b RENAME TO a"},
    {"CREATE TABLE a(k TEXT PRIMARY KEY, v); INSERT INTO a VALUES('a',1),('b',2)",
     "CREATE TABLE b(k TEXT PRIMARY KEY, v) WITHOUT ROWID; INSERT INTO b VALUES('b',2),('c',3);"
     "DROP TABLE a; ALTER TABLE b RENAME TO a"},
    /* indexes and triggers */
    {"CREATE TABLE a(x); CREATE TABLE b(x); CREATE INDEX i ON a(x); INSERT INTO a VALUES(1)",
     "DROP INDEX i; CREATE INDEX i ON b(x); INSERT INTO a VALUES(2)"},
    {"CREATE TABLE a(x); CREATE TABLE b(x);"
     "CREATE TRIGGER g AFTER INSERT ON a BEGIN DELETE FROM a; END; ",
     "DROP TRIGGER g; INSERT INTO a VALUES(2); CREATE TABLE c(x);"
     "CREATE TRIGGER g AFTER INSERT ON c BEGIN DELETE FROM a; END"},
    {"CREATE TABLE a(x UNIQUE, y); CREATE UNIQUE INDEX i ON a(y); INSERT INTO a VALUES(1,1),(2,2)",
     "DROP INDEX i; UPDATE a SET y=5; INSERT INTO a VALUES(3,5); CREATE INDEX i ON a(y DESC)"},
    {"CREATE TABLE a(x); CREATE TABLE log(x); INSERT INTO a VALUES(1),(2);"
     "CREATE TRIGGER i AFTER INSERT ON a BEGIN INSERT INTO log VALUES(new.x); END;"
     "CREATE TRIGGER d AFTER DELETE ON a BEGIN INSERT INTO log VALUES(old.x); END;"
     "CREATE TRIGGER u BEFORE UPDATE ON a BEGIN SELECT RAISE(ABORT, 'never'); END",
     "INSERT INTO a VALUES(3); DELETE FROM a WHERE x=1; DELETE FROM log"},
    {"CREATE VIEW v AS SELECT 1 AS x; CREATE TRIGGER g INSTEAD OF INSERT ON v BEGIN SELECT 1; END",
     "DROP TRIGGER g; CREATE TRIGGER h INSTEAD OF DELETE ON v BEGIN SELECT 1; END"},
    {"CREATE VIEW v AS SELECT gone FROM nowhere",
     "DROP VIEW v; CREATE VIEW v AS SELECT 1 -- the end"},
    /* constraints that stand between two states */
    {"CREATE TABLE a(id INTEGER PRIMARY KEY, p TEXT UNIQUE NOT NULL);"
     "INSERT INTO a VALUES(1,'a'),(2,'b'),(3,'c')",
     "UPDATE a SET p=id; UPDATE a SET p=CASE id WHEN 1 THEN 'b' WHEN 2 THEN 'c' ELSE 'a' END"},
    {"CREATE TABLE a(k TEXT PRIMARY KEY, v); INSERT INTO a VALUES('a',1),('b',2),('c',3)",
     "UPDATE a SET rowid=rowid+10; UPDATE a SET rowid=23-rowid-CASE WHEN rowid>10 THEN 9 ELSE 0 END;"
     "UPDATE a SET v=9 WHERE k='b'; INSERT INTO a VALUES('d',4)"},
    {"CREATE TABLE a(k TEXT PRIMARY KEY COLLATE NOCASE, n) WITHOUT ROWID;"
     "INSERT INTO a VALUES('a',1),('b',2)",
     "UPDATE a SET k='A' WHERE k='a'; INSERT INTO a VALUES('c',3)"},
    {"CREATE TABLE a(k TEXT COLLATE NOCASE, n, PRIMARY KEY(k COLLATE BINARY)) WITHOUT ROWID;"
     "INSERT INTO a VALUES('a',1),('A',2),('b',2)",
     "DELETE FROM a WHERE k='a' COLLATE BINARY; UPDATE a SET n=0 WHERE k='b'"},
    {"CREATE TABLE p(id INTEGER PRIMARY KEY, x);"
     "CREATE TABLE c(id INTEGER PRIMARY KEY, p REFERENCES p ON DELETE CASCADE ON UPDATE CASCADE);"
     "INSERT INTO p VALUES(1,1),(2,2); INSERT INTO c VALUES(1,1),(2,2)",
     "UPDATE p SET x=5; DELETE FROM p WHERE id=2; INSERT INTO c VALUES(3,9)"},
    {"CREATE TABLE p(id INTEGER PRIMARY KEY, x); CREATE TABLE c(p REFERENCES p ON DELETE CASCADE);"
     "INSERT INTO p VALUES(1,1); INSERT INTO c VALUES(1)",
     "ALTER TABLE p ADD COLUMN y"},
    {"CREATE TABLE a(x CHECK(x > 0)); INSERT INTO a VALUES(1)",
     "PRAGMA ignore_check_constraints=ON; INSERT INTO a VALUES(-1); CREATE INDEX i ON a(x)"},
    /* what SQLite keeps */
    {"CREATE TABLE a(id INTEGER PRIMARY KEY AUTOINCREMENT, x); INSERT INTO a(x) VALUES(1),(2)",
     "INSERT INTO a(x) VALUES(3),(4); DELETE FROM a WHERE id=4"},
    {"CREATE TABLE a(id INTEGER PRIMARY KEY AUTOINCREMENT, x); INSERT INTO a(x) VALUES(1),(2)",
     "INSERT INTO a(x) VALUES(3); DELETE FROM a WHERE id=3"},
    {"CREATE TABLE b(x)",
     "CREATE TABLE a(id INTEGER PRIMARY KEY AUTOINCREMENT, x); INSERT INTO a VALUES(9,1);"
     "DELETE FROM a; DROP TABLE b; CREATE TABLE c(id INTEGER PRIMARY KEY AUTOINCREMENT)"},
    {"CREATE TABLE a(x); CREATE INDEX i ON a(x); INSERT INTO a VALUES(1),(1)",
     "ALTER TABLE a ADD COLUMN y; CREATE INDEX j ON a(y); ANALYZE"},
    {"CREATE TABLE a(x); CREATE INDEX i ON a(x); INSERT INTO a VALUES(1),(1); ANALYZE",
     "ALTER TABLE a ADD COLUMN y; CREATE INDEX j ON a(y)"},
    {"CREATE TABLE a(x); CREATE INDEX i ON a(x); INSERT INTO a VALUES(1),(1); ANALYZE",
     "DROP TABLE sqlite_stat1; INSERT INTO a VALUES(1)"},
    {"CREATE TABLE a(x); CREATE INDEX i ON a(x); INSERT INTO a VALUES(1),(1); ANALYZE",
     "ALTER TABLE a RENAME TO b"},
    /* rows without a name or a place */
    {"CREATE TABLE a(rowid, oid, _rowid_); INSERT INTO a VALUES(1,2,3),(1,2,3),(2,2,2)",
     "DELETE FROM a WHERE rowid=2; INSERT INTO a VALUES(1,2,3),(NULL,NULL,x'00')"},
    {"CREATE TABLE a(k PRIMARY KEY, v); INSERT INTO a VALUES(NULL,1),(NULL,2),('k',3)",
     "UPDATE a SET v=7 WHERE v=2; UPDATE a SET k='new' WHERE v=1; INSERT INTO a VALUES(NULL,9)"},
    /* generated columns, virtual tables, names */
    {"CREATE TABLE a(id INTEGER PRIMARY KEY, x, v AS (x||'!'), s AS (length(x)) STORED);"
     "INSERT INTO a(x) VALUES('one'),('two')",
     "UPDATE a SET x='it''s'||char(10) WHERE id=2; INSERT INTO a(x) VALUES(NULL)"},
    {"CREATE VIRTUAL TABLE f USING fts5(t); INSERT INTO f VALUES('one two')",
     "INSERT INTO f VALUES('three'); UPDATE f SET t='two' WHERE rowid=1"},
    {"CREATE VIRTUAL TABLE f USING fts5(t); INSERT INTO f VALUES('one two')",
     "DROP TABLE f; CREATE VIRTUAL TABLE r USING rtree(id, a, b); INSERT INTO r VALUES(1,2,3)"},
    {"CREATE TABLE \"it's \"\"a\"\"\n;--\"(\"select\" PRIMARY KEY, \"a\"\"b\") WITHOUT ROWID;"
     "INSERT INTO \"it's \"\"a\"\"\n;--\" VALUES('x',1),('y',2)",
     "DELETE FROM \"it's \"\"a\"\"\n;--\" WHERE \"select\"='x'; UPDATE \"it's \"\"a\"\"\n;--\""
     " SET \"a\"\"b\"=3; CREATE TABLE \"\"(x); INSERT INTO \"\" VALUES(1)"},
};

START_TEST(patches_in_any_order_give_the_later_database)
{
    struct changed changed;

    changed_begin(&changed, cases[_i / 2].before, cases[_i / 2].after, _i % 2);
    changed_assert_patched(&changed);
    changed_end(&changed);
}
END_TEST

START_TEST(a_patch_has_no_more_rows_than_changed)
{
    struct changed changed;
    struct buf sql = BUF_INIT;

    changed_begin(&changed,
                  "CREATE TABLE a(id INTEGER PRIMARY KEY, x); INSERT INTO a VALUES(1,1),"
                  "(2,2),(3,3); CREATE TRIGGER g AFTER INSERT ON a BEGIN SELECT 1; END",
                  "UPDATE a SET x=5 WHERE id=2; DELETE FROM a WHERE id=3", false);
    changed_table(&changed, "a", NULL, &sql);
    ck_assert_str_eq(
        buf_text(&sql),
        "-- To be run outside of a transaction: foreign keys must be off, or they would act.\n"
        "PRAGMA foreign_keys = OFF;\n"
        "SAVEPOINT dbsnapfs_patch;\n"
        "PRAGMA ignore_check_constraints = ON;\n"
        "DROP TRIGGER IF EXISTS \"g\";\n"
        "REPLACE INTO \"a\"(\"id\",\"x\") VALUES(2,5);\n"
        "DELETE FROM \"a\" WHERE \"id\" = 3;\n"
        "CREATE TRIGGER g AFTER INSERT ON a BEGIN SELECT 1; END;\n"
        "PRAGMA ignore_check_constraints = OFF;\n"
        "RELEASE dbsnapfs_patch;\n");
    buf_free(&sql);
    changed_end(&changed);
}
END_TEST

START_TEST(a_patch_of_an_index_has_no_rows_and_leaves_triggers_alone)
{
    struct changed changed;
    struct buf sql = BUF_INIT;

    changed_begin(&changed,
                  "CREATE TABLE a(x); INSERT INTO a VALUES(1);"
                  "CREATE TRIGGER g AFTER INSERT ON a BEGIN SELECT 1; END",
                  "CREATE INDEX i ON a(x)", true);
    changed_table(&changed, "a", NULL, &sql);
    ck_assert_ptr_nonnull(strstr(buf_text(&sql), "\nCREATE INDEX i ON a(x);\n"));
    ck_assert_ptr_null(strstr(buf_text(&sql), "TRIGGER"));
    ck_assert_ptr_null(strstr(buf_text(&sql), "INTO"));
    buf_free(&sql);
    changed_end(&changed);
}
END_TEST

Suite *suite_table_patch(void)
{
    Suite *suite = suite_create("table/patch");
    TCase *patches = tcase_create("patches");

    tcase_add_checked_fixture(patches, folder_set_up, folder_tear_down);
    tcase_add_loop_test(patches, patches_in_any_order_give_the_later_database, 0,
                        2 * (int)(sizeof(cases) / sizeof(cases[0])));
    tcase_add_test(patches, a_patch_has_no_more_rows_than_changed);
    tcase_add_test(patches, a_patch_of_an_index_has_no_rows_and_leaves_triggers_alone);
    suite_add_tcase(suite, patches);
    return suite;
}
