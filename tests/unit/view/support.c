/* A stage lies under $TMPDIR or /tmp; nothing here needs /dev/fuse. */
#include "view/support.h"

#include <check.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dbsnapfs/service/service.h"
#include "dbsnapfs/view.h"

void stage_sql(const struct stage *stage, const char *sql)
{
    sqlite3 *db = NULL;
    char *message = NULL;
    ck_assert_int_eq(sqlite3_open(stage->database, &db), SQLITE_OK);
    ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, &message) == SQLITE_OK, "%s", message);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}

static void stage_database(const struct stage *stage, int rows)
{
    char sql[400];
    if (rows == -2)
        return;
    int fd = open(stage->database, O_CREAT | O_WRONLY, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(close(fd), 0);
    if (rows == -1)
        return;
    snprintf(sql, sizeof(sql),
             "PRAGMA journal_mode = wal;"
             "CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT NOT NULL);"
             "CREATE INDEX by_name ON users(name);"
             "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
             "INSERT INTO users SELECT i, 'user ' || i FROM n;",
             rows);
    stage_sql(stage, sql);
}

void stage_set(struct stage *stage, int rows)
{
    const char *tmp = getenv("TMPDIR");
    struct err err = ERR_INIT;
    snprintf(stage->folder, sizeof(stage->folder), "%.40s/dbsnapfs-XXXXXX",
             tmp && *tmp ? tmp : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(stage->folder));
    snprintf(stage->database, sizeof(stage->database), "%s/app.db", stage->folder);
    stage_database(stage, rows);
    const struct service_config config = {
        .source = stage->database,
        .mount_point = "/mnt/our app",
        .source_optional = rows == -2,
        .compress = CODEC_DEFAULT,
    };
    ck_assert_msg(service_new(&config, &stage->service, &err) == 0, "%s", err.text);
    ck_assert_msg(view_root(stage->service, NULL, &stage->root, &err) == 0, "%s", err.text);
}

void stage_clear(struct stage *stage)
{
    char command[128];
    node_unref(stage->root);
    service_free(stage->service);
    snprintf(command, sizeof(command), "rm -rf '%s'", stage->folder);
    ck_assert_int_eq(system(command), 0); // NOLINT(cert-env33-c)
}

void stage_command(const struct stage *stage, const char *line)
{
    struct buf out = BUF_INIT;
    int r = service_command(stage->service, line, strlen(line), NULL, &out);
    ck_assert_msg(r == 0, "%s: %s", line, buf_text(&out));
    buf_free(&out);
}

struct node *stage_node(const struct stage *stage, const char *path)
{
    struct node *node = NULL;
    struct err err = ERR_INIT;
    ck_assert_msg(node_walk(stage->root, path, &node, &err) == 0, "%s", err.text);
    return node;
}

struct node_attr stage_attr(const struct stage *stage, const char *path)
{
    struct node *node = stage_node(stage, path);
    struct node_attr attr = {.kind = NODE_FILE};
    struct err err = ERR_INIT;
    ck_assert_msg(node_attr(node, &attr, &err) == 0, "%s: %s", path, err.text);
    node_unref(node);
    return attr;
}

void stage_read(const struct stage *stage, const char *path, size_t piece, struct buf *out)
{
    struct node *node = stage_node(stage, path);
    struct node_file *file = NULL;
    struct err err = ERR_INIT;
    uint64_t offset = 0;
    size_t len = piece;
    ck_assert_msg(node_open(node, false, NULL, &file, &err) == 0, "%s: %s", path, err.text);
    while (len > 0) {
        void *bytes = buf_reserve(out, piece);
        ck_assert_ptr_nonnull(bytes);
        ck_assert_msg(file->ops->read(file, offset, bytes, piece, &len, &err) == 0, "%s: %s", path,
                      err.text);
        out->len += len;
        offset += len;
    }
    buf_add_text(out, ""); /* ends it with NUL */
    ck_assert_int_eq(buf_error(out), 0);
    file->ops->close(file);
    node_unref(node);
}

bool stage_has(const struct stage *stage, const char *path)
{
    struct node *node = NULL;
    bool has = node_walk(stage->root, path, &node, NULL) == 0;
    node_unref(node);
    return has;
}

struct taken {
    struct buf *out;
    size_t room;
    uint64_t next;
};

static int take(void *arg, const char *name, enum node_kind kind, uint64_t next)
{
    static const char *const marks[] = {
        [NODE_DIRECTORY] = "/ ", [NODE_FILE] = " ", [NODE_LINK] = "@ "};
    struct taken *taken = arg;
    if (taken->room == 0)
        return 1;
    taken->room--;
    taken->next = next;
    ck_assert_uint_le(next, NODE_COOKIE_MOST);
    buf_add_text(taken->out, name);
    buf_add_text(taken->out, marks[kind]);
    return 0;
}

int stage_list_node(struct node *node, size_t room, struct buf *out, struct err *err)
{
    struct taken taken = {.out = out};
    int r = 0;
    do {
        taken.room = room;
        r = node_list(node, NULL, taken.next, take, &taken, err);
    } while (r == 0 && taken.room == 0);
    return r;
}

void stage_list(const struct stage *stage, const char *path, size_t room, struct buf *out)
{
    struct node *node = stage_node(stage, path);
    struct err err = ERR_INIT;
    ck_assert_msg(stage_list_node(node, room, out, &err) == 0, "%s", err.text);
    node_unref(node);
}
