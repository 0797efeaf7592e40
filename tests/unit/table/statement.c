/*
 * src/table/statement.c: statements as the sqlite3 shell reads them.
 */
#include "table/statement.h"

#include <check.h>

#include "dbsnapfs/util/buf.h"

Suite *suite_table_statement(void);

static void assert_added(const char *sql, bool plain, const char *text)
{
    struct buf out = BUF_INIT;

    statement_add(sql, &out);
    ck_assert_str_eq(buf_text(&out), text);
    ck_assert(statement_is_plain(sql) == plain);
    buf_free(&out);
}

START_TEST(a_statement_is_ended)
{
    assert_added("CREATE TABLE t(a,\n  b)", true, "CREATE TABLE t(a,\n  b);\n");
    assert_added("CREATE VIEW v AS SELECT ';--/*' AS \"--\", [/*] -- ;\n FROM t", true,
                 "CREATE VIEW v AS SELECT ';--/*' AS \"--\", [/*] -- ;\n FROM t;\n");
}
END_TEST

START_TEST(a_comment_at_the_end_is_ended_and_not_plain)
{
    assert_added("CREATE INDEX i ON t(a) -- fast", false, "CREATE INDEX i ON t(a) -- fast\n;\n");
    assert_added("CREATE INDEX i ON t(a) /* fast", false, "CREATE INDEX i ON t(a) /* fast*/;\n");
    assert_added("CREATE INDEX i ON t(a) /*/", false, "CREATE INDEX i ON t(a) /*/*/;\n");
    assert_added("CREATE INDEX i ON t(a) /* fast */", true, "CREATE INDEX i ON t(a) /* fast */;\n");
}
END_TEST

START_TEST(the_shell_gets_a_carriage_return_to_take)
{
    assert_added("CREATE TABLE t(a,\r\n b -- x\r\n, \"c\r\n\" DEFAULT '\r')", true,
                 "CREATE TABLE t(a,\r\r\n b -- x\r\r\n, \"c\r\r\n\" DEFAULT '\r');\n");
}
END_TEST

START_TEST(a_line_that_the_shell_takes_for_an_end_is_hidden_and_not_plain)
{
    assert_added("CREATE VIEW v AS SELECT a\n/\nb FROM t", false,
                 "CREATE VIEW v AS SELECT a\n/**//\nb FROM t;\n");
    assert_added("CREATE TABLE t(a, -- x\n  Go -- y\nTEXT)", false,
                 "CREATE TABLE t(a, -- x\n/**/  Go -- y\nTEXT);\n");
    assert_added("CREATE TABLE t(a\n, \"\n/\n\", gone\n, go TEXT)", true,
                 "CREATE TABLE t(a\n, \"\n/\n\", gone\n, go TEXT);\n");
}
END_TEST

START_TEST(what_sqlite_would_not_keep_is_not_plain)
{
    ck_assert(!statement_is_plain("create table t(a)"));
    ck_assert(!statement_is_plain("CREATE INDEX i ON t(a) "));
    ck_assert(!statement_is_plain(""));
    ck_assert(statement_is_plain("CREATE UNIQUE INDEX i ON t(a)"));
    ck_assert(statement_is_plain("CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT 1; END"));
}
END_TEST

Suite *suite_table_statement(void)
{
    Suite *suite = suite_create("table/statement");
    TCase *shell = tcase_create("shell");

    tcase_add_test(shell, a_statement_is_ended);
    tcase_add_test(shell, a_comment_at_the_end_is_ended_and_not_plain);
    tcase_add_test(shell, the_shell_gets_a_carriage_return_to_take);
    tcase_add_test(shell, a_line_that_the_shell_takes_for_an_end_is_hidden_and_not_plain);
    tcase_add_test(shell, what_sqlite_would_not_keep_is_not_plain);
    suite_add_tcase(suite, shell);
    return suite;
}
