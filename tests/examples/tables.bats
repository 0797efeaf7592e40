#!/usr/bin/env bats
# The scripts of examples/ that work on tables and rows as files, as somebody would run them.

load support

setup() { setup_scratch; }
teardown() { unmount_all; }

# A database with rows of all kinds, mounted and backed up.
mount_shop() {
    rm app.db
    sqlite3 app.db <<'END'
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, photo BLOB, score REAL, big INTEGER,
    shout TEXT AS (upper(name)), "odd ""/column" TEXT);
INSERT INTO users VALUES (41, 'Ada', x'00ff', 0.1, 9223372036854775807, 'a/b'),
    (42, 'O''Brien "x"' || char(10) || 'two lines', x'', 1e300, -9223372036854775808, char(0) || 'x'),
    (43, NULL, NULL, -0.0, 0, x'41'), (44, CAST(x'ff' AS TEXT), zeroblob(3), 9e999, 1, '');
CREATE TABLE "it's; a ""table""" (a TEXT, b TEXT, v, PRIMARY KEY (a, b)) WITHOUT ROWID;
INSERT INTO "it's; a ""table""" VALUES ('x,y', '/', 1), ('''', '"', 2.5);
CREATE TABLE notes (text);
INSERT INTO notes (rowid, text) VALUES (7, 'seven'), (9, 'nine');
END
    mount_app
    echo backup >mnt/control
    first=$(readlink mnt/backups/latest)
    sqlite3 app.db .dump >before
}

put_back() { "$EXAMPLES/put-row-back.sh" mnt "$@"; }

@test "put-row-back.sh puts back what was deleted, whatever was in it" {
    mount_shop
    sqlite3 app.db "DELETE FROM users WHERE id > 40; DELETE FROM notes WHERE rowid = 7;
        DELETE FROM \"it's; a \"\"table\"\"\""
    echo backup >mnt/control
    for id in 41 42 43 44; do
        put_back users $id 2>said | sqlite3 -bail app.db
        [[ $(cat said) == "put-row-back: users's row $id as it was at "2*Z ]]
    done
    put_back notes 7 2>said | sqlite3 -bail app.db
    while read -r key; do
        put_back "it's; a \"table\"" "$key" 2>said | sqlite3 -bail app.db
    done < <(find "mnt/backups/$first/tables/it's; a \"table\"/rows" -mindepth 1 -maxdepth 1 -printf '%f\n')
    sqlite3 app.db .dump | diff before -
}

# mount_strange PRAGMA: the same for a table named by nothing, with columns that are named like what the
# tree has in a row's directory, and values that SQL, JSON or double numbers have trouble with.
mount_strange() {
    rm app.db
    sqlite3 app.db <<END
$1
CREATE TABLE "" (id INTEGER PRIMARY KEY, "row.json" TEXT, "p.row" TEXT, "referenced-by" TEXT,
    "a
b" TEXT, ".hidden" TEXT, "100%" TEXT, "$(printf 'long%.0s' {1..100})" TEXT, zero, half TEXT, lines TEXT,
    last TEXT, rowid);
INSERT INTO "" VALUES (1, 'JSON', 'p', 'by', 'ab', 'h', '%', 'l', -0.0, CAST(x'00d8' AS TEXT),
    'a' || char(13, 10) || 'b', char(65534, 65535), 'r');
CREATE TABLE "a/b" (k TEXT PRIMARY KEY, rowid, v);
INSERT INTO "a/b" (_rowid_, k, rowid, v) VALUES (7, NULL, 'r', 9007199254740993), (8, 'k', NULL, 1e-320);
END
    mount_app
    echo backup >mnt/control
}

@test "put-row-back.sh puts back what has names and values of the strange kind" {
    for encoding in UTF-8 UTF-16le UTF-16be; do
        mount_strange "PRAGMA encoding = '$encoding';"
        cat mnt/live/tables/*/rows.sql >before
        grep -q -e ', *-0\.0,' before
        sqlite3 app.db 'DELETE FROM ""; DELETE FROM "a/b"'
        put_back %~ 1 2>said | sqlite3 -bail app.db
        put_back a%2Fb %~rowid~7 2>said | sqlite3 -bail app.db
        put_back a%2Fb k 2>said | sqlite3 -bail app.db
        cat mnt/live/tables/*/rows.sql | diff before -
        umount mnt
        rm -r app.db.backups
    done
}

@test "put-row-back.sh takes the newest backup that has the row, or the one that is named" {
    mount_shop
    sqlite3 app.db "UPDATE users SET name = 'Ada the second' WHERE id = 41"
    echo backup >mnt/control
    second=$(readlink mnt/backups/latest)
    sqlite3 app.db 'DELETE FROM users WHERE id = 41'
    echo backup >mnt/control
    put_back users 41 2>said | grep -q "VALUES (41, 'Ada the second', "
    grep -q "as it was at $second\$" said
    put_back users 41 "$first" 2>said | grep -q "VALUES (41, 'Ada', "
    run put_back users 41 latest
    [ "$output" = "put-row-back: no backup latest has users's row 41" ]
}

@test "put-row-back.sh prints nothing where there is nothing to put back" {
    mount_shop
    run put_back users 41
    [ "$status" -eq 1 ]
    [ "$output" = "put-row-back: users has the row 41, nothing is to be put back" ]
    run put_back users 1000
    [ "$status" -eq 1 ]
    [ "$output" = "put-row-back: no backup has users's row 1000" ]
    run "$EXAMPLES/put-row-back.sh" . users 41
    [ "$status" -eq 1 ]
    [ "$output" = 'put-row-back: . is not a mount of dbsnapfs' ]
    run put_back users
    [ "$status" -eq 2 ]
}

@test "export-months.sh writes a table as it was at the end of each month" {
    local rows=0
    sqlite3 app.db 'CREATE TABLE orders (id INTEGER PRIMARY KEY, v)'
    mount_app
    # Backups of one second, under the names of others.
    for name in 2026-08-31T23-59-59Z 2026-09-01T03-00-00Z 2026-09-30T03-00-00Z 2026-10-05T03-00-00Z-9 \
        2026-10-05T03-00-00Z-10; do
        sqlite3 app.db "INSERT INTO orders (v) VALUES ('order')"
        echo backup >mnt/control
        mkdir -p "times/backups/$name"
        ln -s "$PWD/mnt/backups/$(readlink mnt/backups/latest)/tables" "times/backups/$name/tables"
    done
    ln -s 2026-10-05T03-00-00Z-10 times/backups/latest
    mkdir out
    for _ in once 'and over what is there'; do
        run "$EXAMPLES/export-months.sh" times orders out
        [ "$status" -eq 0 ]
        [ "${lines[2]}" = 'out/orders-2026-10.csv from 2026-10-05T03-00-00Z-10' ]
        [ "$(ls out)" = $'orders-2026-08.csv\norders-2026-09.csv\norders-2026-10.csv' ]
        for month in 08:1 09:3 10:5; do
            rows=$(wc -l <"out/orders-2026-${month%:*}.csv")
            [ "$rows" -eq $((1 + ${month#*:})) ]
        done
        cmp out/orders-2026-10.csv mnt/live/tables/orders/rows.csv
    done
}

@test "export-months.sh names backups without the table, and says when none has it" {
    dbsnapfs backup app.db
    mount_app
    run "$EXAMPLES/export-months.sh" mnt orders
    [ "$status" -eq 1 ]
    [[ ${lines[0]} == 'export-months: 2'*'Z has no table orders' ]]
    [ "${lines[1]}" = 'export-months: there is no backup with a table orders' ]
    [ ! -e "$(echo orders-*)" ]
    run "$EXAMPLES/export-months.sh" . orders
    [ "$status" -eq 1 ]
    [ "$output" = 'export-months: . is not a mount of dbsnapfs' ]
}
