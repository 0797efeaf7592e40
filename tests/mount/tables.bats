#!/usr/bin/env bats
# tables/ and views/: what is in a database, live and in backups, and that looking disturbs nobody.

load helper

setup() {
    setup_scratch
    sqlite3 app.db >/dev/null <<'END'
PRAGMA journal_mode = wal;
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
INSERT INTO users VALUES (1, 'Ada'), (2, 'Bo');
CREATE TABLE "a/b" (x);
CREATE VIEW names AS SELECT name FROM users;
CREATE VIEW broken AS SELECT * FROM nowhere;
END
    dbsnapfs app.db mnt
    command_line backup
}
teardown() { teardown_scratch; }

@test "tables and views are directories, live and in a backup" {
    for top in mnt/live mnt/backups/latest; do
        [ "$(LC_ALL=C ls $top/tables)" = $'a%2Fb\nusers' ]
        [ "$(LC_ALL=C ls $top/views)" = $'broken\nnames' ]
        [ "$(cat $top/tables/users/count)" = 2 ]
        [ "$(cat $top/views/names/count)" = 2 ]
        [ "$(cat $top/tables/a%2Fb/count)" = 0 ]
    done
}

@test "tables at the top are the live ones" {
    [ "$(readlink mnt/tables)" = live/tables ]
    [ "$(cat mnt/tables/users/count)" = 2 ]
}

@test "a commit shows at once, and a backup stays as it was" {
    sqlite3 app.db "INSERT INTO users VALUES (3, 'Cy'); CREATE TABLE new (x)"
    [ "$(cat mnt/live/tables/users/count)" = 3 ]
    [ "$(stat -c %s mnt/live/tables/users/count)" -eq 2 ]
    [ -d mnt/live/tables/new ]
    [ "$(cat mnt/backups/latest/tables/users/count)" = 2 ]
    [ ! -e mnt/backups/latest/tables/new ]
    sqlite3 app.db 'DROP TABLE users'
    [ ! -e mnt/live/tables/users ]
}

@test "a view on what is gone is listed, and reading it is an error" {
    for top in mnt/live mnt/backups/latest; do
        [ "$(ls $top/views/broken)" = count ]
        run cat $top/views/broken/count
        [ "$status" -ne 0 ]
        [[ $output == *'Input/output error'* ]]
    done
}

@test "tar takes tables with the sizes that stat says" {
    mkdir out
    tar -C mnt/backups/latest --exclude broken -cf - tables views | tar -C out -xf -
    diff -r -x broken mnt/backups/latest/tables out/tables
    diff -r -x broken mnt/backups/latest/views out/views
    diff -r mnt/backups/latest/tables mnt/live/tables
}

@test "looking at tables keeps no program from leaving WAL mode for long" {
    [ "$(cat mnt/live/tables/users/count)" = 2 ]
    left() { [ "$(sqlite3 app.db 'PRAGMA journal_mode = delete' 2>&1)" = delete ]; }
    eventually left
    [ "$(cat mnt/live/tables/users/count)" = 2 ]
    sqlite3 app.db "INSERT INTO users VALUES (4, 'Di')"
    [ "$(cat mnt/live/tables/users/count)" = 3 ]
}

@test "a database that is replaced is followed" {
    [ "$(cat mnt/live/tables/users/count)" = 2 ]
    sqlite3 other.db 'CREATE TABLE other (x); INSERT INTO other VALUES (1), (2), (3)'
    rm -f app.db-wal app.db-shm
    mv other.db app.db
    [ "$(ls mnt/live/tables)" = other ]
    [ "$(cat mnt/live/tables/other/count)" = 3 ]
}

@test "listing a view that never ends takes no time" {
    sqlite3 app.db 'CREATE VIEW endless AS WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) SELECT i FROM n'
    command_line backup
    for top in mnt/live mnt/backups/latest; do
        [ "$(timeout 5 ls $top/views/endless)" = count ]
        [ "$(timeout 5 find $top/views/endless -name c\*)" = $top/views/endless/count ]
    done
}

@test "a table is read without a mount too" {
    [ "$(dbsnapfs cat app.db backups/latest/tables/users/count)" = 2 ]
    [ "$(dbsnapfs cat app.db live/tables/users/count)" = 2 ]
    run dbsnapfs cat app.db live/views/broken/count
    [ "$status" -eq 1 ]
    [[ $output == *'broken: '*nowhere* ]]
}
