/* What is asked of both places is the same. */
#include "view/rows_support.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

struct stage rows_stage;

static const char *const places[] = {"live/tables", "backups/latest/tables"};

void rows_set(void)
{
    stage_set(&rows_stage, -1);
}

void rows_clear(void)
{
    stage_clear(&rows_stage);
}

void rows_make_both(const char *sql)
{
    stage_sql(&rows_stage, sql);
    stage_command(&rows_stage, "backup");
}

static const char *whole(int place, const char *path)
{
    static char text[1024];
    snprintf(text, sizeof(text), "%s/%s", places[place], path);
    return text;
}

void rows_check_list(int place, const char *path, const char *names)
{
    for (size_t room = 1; room <= 100; room *= 10) {
        struct buf found = BUF_INIT;
        stage_list(&rows_stage, whole(place, path), room, &found);
        ck_assert_str_eq(buf_text(&found), names);
        buf_clear(&found);
        rows_list_in_pieces(place, path, room, &found);
        ck_assert_str_eq(buf_text(&found), names);
        buf_free(&found);
    }
}

void rows_check_text(int place, const char *path, const char *text)
{
    struct buf found = BUF_INIT;
    stage_read(&rows_stage, whole(place, path), 3, &found);
    ck_assert_str_eq(buf_text(&found), text);
    ck_assert_uint_eq(stage_attr(&rows_stage, whole(place, path)).size, strlen(text));
    buf_free(&found);
}

/* The link itself, which walking would follow. */
static struct node *link_node(const char *path)
{
    char folder[1024];
    struct node *dir = NULL, *node = NULL;
    struct err err = ERR_INIT;
    const char *name = strrchr(path, '/') + 1;
    snprintf(folder, sizeof(folder), "%.*s", (int)(name - path), path);
    dir = stage_node(&rows_stage, folder);
    ck_assert_msg(node_lookup(dir, name, &node, &err) == 0, "%s", err.text);
    node_unref(dir);
    return node;
}

void rows_check_link(int place, const char *path, const char *target)
{
    struct buf found = BUF_INIT;
    struct err err = ERR_INIT;
    struct node_attr attr;
    struct node *node = link_node(whole(place, path));
    ck_assert_int_eq(node_attr(node, &attr, &err), 0);
    ck_assert_int_eq(attr.kind, NODE_LINK);
    ck_assert_int_eq(attr.immutable, place == 1);
    ck_assert_uint_eq(attr.size, strlen(target));
    ck_assert_int_eq(node->ops->target(node, &found, &err), 0);
    ck_assert_str_eq(buf_text(&found), target);
    buf_free(&found);
    node_unref(node);
}

void rows_check_none(int place, const char *path, const char *message)
{
    char text[1024];
    struct node *node = NULL;
    struct err err = ERR_INIT;
    int r = node_walk(rows_stage.root, whole(place, path), &node, &err);
    ck_assert_msg(r == -ENOENT, "%s: %d", path, r);
    snprintf(text, sizeof(text), "%s/%s: %s", places[place], path, message);
    ck_assert_str_eq(err.text, text);
}

struct piece {
    struct buf *out;
    size_t room;
    uint64_t next;
};

static int take(void *arg, const char *name, enum node_kind kind, uint64_t next)
{
    static const char *const marks[] = {
        [NODE_DIRECTORY] = "/ ", [NODE_FILE] = " ", [NODE_LINK] = "@ "};
    struct piece *piece = arg;
    if (piece->room == 0)
        return 1;
    piece->room--;
    piece->next = next;
    buf_add_text(piece->out, name);
    buf_add_text(piece->out, marks[kind]);
    return 0;
}

void rows_list_in_pieces(int place, const char *path, size_t room, struct buf *out)
{
    struct node *node = stage_node(&rows_stage, whole(place, path));
    struct node_place kept = {NULL, NULL};
    struct piece piece = {.out = out};
    struct err err = ERR_INIT;
    do {
        piece.room = room;
        ck_assert_msg(node_list(node, &kept, piece.next, take, &piece, &err) == 0, "%s", err.text);
    } while (piece.room == 0);
    node_place_clear(&kept);
    node_unref(node);
}
