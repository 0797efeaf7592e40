/*
 * README.txt: what is here, with the commands as they are typed for this very mount.
 *
 * Names that a shell would take apart are quoted, so that a line can be copied as it stands.
 */
#include <string.h>

#include "dbsnapfs/service/service.h"
#include "dbsnapfs/source/source.h"
#include "dbsnapfs/store/repo.h"
#include "dbsnapfs/util/buf.h"
#include "text.h"

/* A word as a shell reads it back. */
static void add_word(struct buf *out, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "/._-+,:@%=";
    if (*word && strspn(word, plain) == strlen(word)) {
        buf_add_text(out, word);
        return;
    }
    buf_add_char(out, '\'');
    for (const char *p = word; *p; p++) {
        if (*p == '\'')
            buf_add_text(out, "'\\''");
        else
            buf_add_char(out, *p);
    }
    buf_add_char(out, '\'');
}

/* `text` with %M, %S and %R replaced by mount point, source and repository. */
static void add_filled(struct buf *out, const char *text, const char *mount, const char *source,
                       const char *repo)
{
    for (const char *p = text; *p; p++) {
        if (p[0] == '%' && p[1] == 'M')
            add_word(out, mount);
        else if (p[0] == '%' && p[1] == 'S')
            add_word(out, source);
        else if (p[0] == '%' && p[1] == 'R')
            add_word(out, repo);
        else {
            buf_add_char(out, *p);
            continue;
        }
        p++;
    }
}

static const char page[] =
    "This directory is a time machine of the database\n"
    "    %S\n"
    "Its backups are kept in\n"
    "    %R\n"
    "\n"
    "Back up now; the command returns when it is done, with the result as exit status:\n"
    "    echo backup > %M/control\n"
    "    cat %M/control                  # ok, or what went wrong\n"
    "\n"
    "Look at the backups, newest last:\n"
    "    ls %M/backups\n"
    "\n"
    "Query a backup where it lies:\n"
    "    sqlite3 %M/backups/latest/database.sqlite .tables\n"
    "\n"
    "Copy a database out, of a backup or as it is now (to a new place: a file that programs\n"
    "have open must not be overwritten):\n"
    "    cp %M/backups/latest/database.sqlite restored.sqlite\n"
    "    cp %M/live/database.sqlite copy.sqlite\n"
    "\n"
    "Look at tables, as they are now or as they were. A row is a directory, called by its key:\n"
    "    ls %M/tables\n"
    "    grep . %M/tables/*/count\n"
    "    grep . %M/backups/latest/tables/*/count\n"
    "    ls -U %M/tables/*/rows | head\n"
    "    cat \"$(find %M/tables/ -name row.json -print -quit)\"\n"
    "\n"
    "See what changed in the last backup, in every backup, and since:\n"
    "    cat %M/backups/latest/changes/summary\n"
    "    tail -n +1 %M/backups/*/changes/summary\n"
    "    diff %M/backups/latest/schema.sql %M/live/schema.sql\n"
    "    diff %M/backups/latest/database.sql %M/live/database.sql\n"
    "    diff -rq -x rows -x by %M/backups/latest/tables %M/live/tables\n"
    "\n"
    "The same of one table, then a row in all backups, its life, and how to take it back. Put\n"
    "names in for TABLE, KEY and BACKUP (as ls prints them), and what to look for for TEXT:\n"
    "    diff %M/backups/latest/tables/TABLE/rows.csv %M/tables/TABLE/rows.csv\n"
    "    grep -s TEXT %M/backups/*/tables/TABLE/rows.csv\n"
    "    ls -lU %M/history/TABLE/KEY\n"
    "    grep TEXT %M/backups/BACKUP/tables/TABLE/rows.sql | sqlite3 %S\n"
    "\n"
    "Check a backup:\n"
    "    (cd %M/backups/latest && sha256sum -c SHA256SUMS)\n"
    "    echo 'verify latest' > %M/control\n"
    "\n"
    "control      write a command, read the result of the last one; `help` lists them all:\n"
    "                 echo help > %M/control; cat %M/control\n"
    "status       what the mount is doing now, and totals; status.json for programs\n"
    "log          one line an operation, oldest first\n"
    "live/        the database as it is now: a consistent state whenever a file is opened.\n"
    "             database.sqlite is a copy of it, database.sql the same as SQL;\n"
    "             tables/ and views/ have a directory for each table and view\n"
    "tables       live/tables\n"
    "backups/     a directory each, named by its start in UTC; latest is the newest.\n"
    "             They never change, and have what live/ has. manifest.json says when and how.\n"
    "             changes/ has what changed since the backup before: TABLE.csv the rows,\n"
    "             before and after; TABLE.sql a patch that makes the one table the other\n"
    "history/     history/TABLE/KEY/ has a link to each backup in which the row came or changed,\n"
    "             the newest first, and BACKUP.gone where it went\n"
    "\n"
    "In a table's directory there are schema.sql, columns.json, count and rows/, all rows as\n"
    "rows.csv, rows.ndjson and rows.sql, and by/COLUMN/VALUE/ for columns with an index. In a row's\n"
    "there are row.json, a file for each value, COLUMN.row where a foreign key leads, and\n"
    "referenced-by/. Such links lead in circles, and diff -r follows them without end: leave the\n"
    "rows out, as above, or say --no-dereference.\n"
    "\n"
    "Unmount:\n"
    "    fusermount3 -u %M\n";

static int readme_render(void *context, struct buf *out, struct err *err)
{
    const struct view *view = context;
    const char *mount = service_mount_point(view->service);
    const char *repo = repo_path(view_repo(view));
    (void)err;
    add_filled(out, page, mount ? mount : "MOUNTPOINT", source_path(view_source(view)), repo);
    return 0;
}

int readme_make(void *context, struct node **ret_node, struct err *err)
{
    static const struct node_text text = {.render = readme_render};
    (void)err;
    return text_make(&text, context, ret_node);
}
