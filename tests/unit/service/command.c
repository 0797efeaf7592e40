/*
 * src/service/command.c
 */
#include "service/command.h"

#include <check.h>
#include <errno.h>
#include <string.h>

#include "dbsnapfs/util/err.h"

static int parse(const char *line, struct command *ret_command, struct err *err)
{
    return command_parse(line, strlen(line), ret_command, err);
}

static void assert_refused(const char *line, const char *message)
{
    struct command command = {.verb = NULL};
    struct err err = ERR_INIT;

    ck_assert_int_eq(parse(line, &command, &err), -EINVAL);
    ck_assert_str_eq(err.text, message);
    ck_assert_int_eq(service_check_line(line, strlen(line), NULL), -EINVAL);
}

START_TEST(a_backup_takes_its_keys_in_any_order)
{
    struct command command = {.verb = NULL};
    struct err err = ERR_INIT;

    ck_assert_int_eq(parse("backup if-changed note=\"before = after\" wait=no", &command, &err), 0);
    ck_assert_str_eq(command.verb->shown.name, "backup");
    ck_assert_ptr_null(command.name);
    ck_assert_str_eq(command_value(&command, "note"), "before = after");
    ck_assert_str_eq(command_value(&command, "if-changed"), "");
    ck_assert_str_eq(command_value(&command, "wait"), "no");
    ck_assert_ptr_null(command_value(&command, "nowait"));
    ck_assert_ptr_null(command_value(&command, "no such key"));
    command_release(&command);
}
END_TEST

START_TEST(an_empty_note_is_a_note)
{
    struct command command = {.verb = NULL};

    ck_assert_int_eq(parse("backup note=", &command, NULL), 0);
    ck_assert_str_eq(command_value(&command, "note"), "");
    command_release(&command);
}
END_TEST

START_TEST(verify_takes_a_name)
{
    struct command command = {.verb = NULL};

    ck_assert_int_eq(parse("verify nowait 2026-11-22T12-39-57Z", &command, NULL), 0);
    ck_assert_str_eq(command.name, "2026-11-22T12-39-57Z");
    ck_assert_str_eq(command_value(&command, "nowait"), "");
    command_release(&command);
}
END_TEST

START_TEST(empty_lines_and_comments_are_no_commands)
{
    static const char *const lines[] = {"", "   ", "\t", "# backup", "  # 'open quote", NULL};

    for (size_t i = 0; lines[i]; i++) {
        struct command command = {.verb = &backup_verb};

        ck_assert_int_eq(parse(lines[i], &command, NULL), 0);
        ck_assert_ptr_null(command.verb);
    }
}
END_TEST

START_TEST(an_unknown_verb_is_named_beside_the_known)
{
    assert_refused("bakup", "unknown command \"bakup\"; known: backup, verify, cancel, help");
    assert_refused("''", "unknown command \"\"; known: backup, verify, cancel, help");
}
END_TEST

START_TEST(an_unknown_key_is_named_beside_the_known)
{
    assert_refused("backup label=x", "backup: unknown word \"label=x\"; "
                                     "known: note=TEXT, if-changed, check, wait=no, nowait");
    assert_refused("backup if-changed=yes", "backup: unknown word \"if-changed=yes\"; "
                                            "known: note=TEXT, if-changed, check, wait=no, nowait");
    assert_refused("backup note", "backup: unknown word \"note\"; "
                                  "known: note=TEXT, if-changed, check, wait=no, nowait");
    assert_refused("verify a b",
                   "verify: unknown word \"b\"; known: [BACKUP|all], deep, wait=no, nowait");
    assert_refused("cancel now", "cancel: unknown word \"now\"; known: nothing");
}
END_TEST

START_TEST(keys_cannot_be_given_twice_nor_other_values)
{
    assert_refused("backup note=a note=b", "backup: note is given twice");
    assert_refused("backup wait=yes", "backup: wait= can only be \"no\"");
}
END_TEST

START_TEST(every_verb_has_a_line_of_help_and_room_for_its_keys)
{
    const struct service_verb *verb;

    for (size_t i = 0; (verb = service_verb_at(i)) != NULL; i++) {
        size_t keys = 0;

        ck_assert_uint_gt(strlen(verb->help), 0);
        while (verb->keys && verb->keys[keys].name)
            ck_assert_uint_gt(strlen(verb->keys[keys++].help), 0);
        ck_assert_uint_le(keys, COMMAND_MAX_KEYS);
    }
}
END_TEST

Suite *suite_service_command(void)
{
    Suite *suite = suite_create("service/command");
    TCase *tests = tcase_create("command");

    tcase_add_test(tests, a_backup_takes_its_keys_in_any_order);
    tcase_add_test(tests, an_empty_note_is_a_note);
    tcase_add_test(tests, verify_takes_a_name);
    tcase_add_test(tests, empty_lines_and_comments_are_no_commands);
    tcase_add_test(tests, an_unknown_verb_is_named_beside_the_known);
    tcase_add_test(tests, an_unknown_key_is_named_beside_the_known);
    tcase_add_test(tests, keys_cannot_be_given_twice_nor_other_values);
    tcase_add_test(tests, every_verb_has_a_line_of_help_and_room_for_its_keys);
    suite_add_tcase(suite, tests);
    return suite;
}
