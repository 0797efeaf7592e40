#include "service/support.h"

#include <check.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void place_sql(const struct place *place, const char *sql)
{
    sqlite3 *db = NULL;

    ck_assert_int_eq(sqlite3_open(place->database, &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}

void place_set_up(struct place *place)
{
    (void)snprintf(place->folder, sizeof place->folder, "/tmp/dbsnapfs-service-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(place->folder));
    (void)snprintf(place->database, sizeof place->database, "%s/app.db", place->folder);
    (void)snprintf(place->repo, sizeof place->repo, "%s/app.db.backups", place->folder);
    place_sql(place, "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT);"
                     "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
                     "WHERE i < 5000) INSERT INTO t SELECT i, hex(randomblob(100)) FROM n");
}

void place_tear_down(struct place *place)
{
    struct buf command = BUF_INIT;

    buf_addf(&command, "rm -rf %s", place->folder);
    ck_assert_int_eq(system(buf_text(&command)), 0); // NOLINT(cert-env33-c)
    buf_free(&command);
}

bool place_wait(bool (*until)(void *arg), void *arg)
{
    for (int i = 0; i < 1000; i++) {
        if (until(arg))
            return true;
        (void)usleep(10000);
    }
    return false;
}

void place_damage(const struct place *place)
{
    struct buf command = BUF_INIT;

    buf_addf(&command,
             "f=$(ls %s/segments/*.seg | head -n 1) && s=$(stat -c %%s $f) && "
             "dd if=/dev/zero of=$f bs=1 seek=$((s / 2)) count=64 conv=notrunc status=none",
             place->repo);
    ck_assert_int_eq(system(buf_text(&command)), 0); // NOLINT(cert-env33-c)
    buf_free(&command);
}

struct service *place_open(const struct place *place, struct service_config config)
{
    struct service *service = NULL;

    config.source = place->database;
    config.compress = (struct codec_choice)CODEC_DEFAULT;
    ck_assert_int_eq(service_new(&config, &service, NULL), 0);
    return service;
}

int place_run(struct service *service, const char *line, struct buf *out)
{
    buf_clear(out);
    return service_command(service, line, strlen(line), NULL, out);
}

void assert_begins(const struct buf *text, const char *beginning)
{
    if (strncmp(buf_text(text), beginning, strlen(beginning)) != 0)
        ck_abort_msg("\"%s\" does not begin with \"%s\"", buf_text(text), beginning);
}

void assert_contains(const struct buf *text, const char *part)
{
    if (!strstr(buf_text(text), part))
        ck_abort_msg("\"%s\" does not hold \"%s\"", buf_text(text), part);
}
