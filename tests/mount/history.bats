#!/usr/bin/env bats
# history/TABLE/KEY/: the backups in which a row came, became another, and went.

# Each test sets what it uses, backups' names by shop and after; the order of ls -U is looked at.
# shellcheck disable=SC2010,SC2012,SC2030,SC2031,SC2154

load helper

setup() { setup_scratch; }
teardown() { teardown_scratch; }

# after SQL NAME...: changes the database and backs it up; the backup's name is in $NAME.
after() {
    sqlite3 -bail app.db "$1"
    command_line backup
    printf -v "$2" %s "$(readlink mnt/backups/latest)"
}

shop() {
    sqlite3 app.db "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
        CREATE TABLE places (country TEXT, code TEXT, name, PRIMARY KEY (country, code)) WITHOUT ROWID;
        CREATE TABLE notes (text)"
    dbsnapfs app.db mnt
    after "INSERT INTO users VALUES (1, 'Ada'), (2, 'Bo'); INSERT INTO places VALUES ('de', 'B', 'Berlin'), ('a,b', '/', 'x');
        INSERT INTO notes (rowid, text) VALUES (-5, 'note')" one
    after "UPDATE users SET name = 'Bob' WHERE id = 2" two
    after "UPDATE users SET name = 'Ada L.' WHERE id = 1; DELETE FROM places WHERE code = '/'" three
    after 'DELETE FROM users WHERE id = 1; DELETE FROM notes' four
    after "INSERT INTO users VALUES (3, 'Cy')" five
    after "INSERT INTO users VALUES (1, 'Ada again')" six
    after "UPDATE users SET name = 'Bo' WHERE id = 2" seven
}

# versions TABLE/KEY BACKUP...: the links that lead to a row are these, newest first, and each leads
# to that row in that backup.
versions() {
    local row=$1 name want got=
    shift
    while IFS= read -r name; do
        [ -e "mnt/history/$row/$name" ] || continue
        [ "$(readlink -f "mnt/history/$row/$name")" = "$(readlink -f "mnt/backups/$name/tables/${row%%/*}/rows/${row#*/}")" ] ||
            { echo "$row/$name leads to $(readlink -f "mnt/history/$row/$name")"; return 1; }
        got+=" $name"
    done < <(ls -U "mnt/history/$row" | grep -xFf <(backups))
    want=" $*"
    [ "$got" = "$want" ] || { echo "$row has$got, wanted$want"; return 1; }
}

# went TABLE/KEY BACKUP: the backup from which on the row is gone is told, and it is no row.
went() {
    ls -U "mnt/history/$1" | grep -q "^$2" || { echo "no $2 in $(ls -U "mnt/history/$1")"; return 1; }
    [ ! -e "mnt/history/$1/$2/row.json" ]
}

@test "a row that came, changed, went and came again" {
    shop
    versions users/1 "$six" "$three" "$one"
    went users/1 "$four"
    [ "$(cat "mnt/history/users/1/$six/name")" = 'Ada again' ]
    [ "$(cat "mnt/history/users/1/$three/name")" = 'Ada L.' ]
    [ "$(cat "mnt/history/users/1/$one/name")" = Ada ]
    # Newest first, the one where it went in its place.
    [ "$(ls -U mnt/history/users/1 | grep -oE '^[0-9T-]+Z(-[0-9]+)?')" = "$(printf '%s\n' "$six" "$four" "$three" "$one")" ]
}

@test "backups in which a row was as before are not in its history" {
    shop
    versions users/2 "$seven" "$two" "$one"
    versions users/3 "$five"
    versions places/de,B "$one"
    [ "$(ls -U mnt/history/users/3 | wc -l)" -eq 1 ]
}

@test "a row that is gone has a history, under the name that it had" {
    shop
    versions places/a%2Cb,%2F "$one"
    went places/a%2Cb,%2F "$three"
    versions notes/-5 "$one"
    went notes/-5 "$four"
    [ "$(cat "mnt/history/notes/-5/$one/text")" = note ]
}

@test "a row that no backup has has no history" {
    shop
    for path in users/4 users/01 users/x nothing nothing/1 places/de; do
        run ls "mnt/history/$path"
        [ "$status" -ne 0 ]
        [[ $output == *'No such file or directory'* ]]
    done
}

@test "a history goes on with the next backup" {
    shop
    versions users/3 "$five"
    after "UPDATE users SET name = 'Cyd' WHERE id = 3" eight
    versions users/3 "$eight" "$five"
    after 'DELETE FROM users WHERE id = 3' nine
    versions users/3 "$eight" "$five"
    went users/3 "$nine"
}

@test "a table that went and came again keeps its rows' history" {
    shop
    after 'DROP TABLE users' eight
    after "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, mail TEXT); INSERT INTO users VALUES (1, 'new', 'a@b')" nine
    versions users/1 "$nine" "$six" "$three" "$one"
    went users/1 "$eight"
    versions users/2 "$seven" "$two" "$one"
    went users/2 "$eight"
}

@test "a new column changes each row" {
    shop
    after "ALTER TABLE users ADD COLUMN mail DEFAULT 'none'" eight
    versions users/2 "$eight" "$seven" "$two" "$one"
}

@test "a history is the same in a fresh mount" {
    shop
    ls -U mnt/history/users/1 >before
    umount mnt
    eventually gone "$(daemon_pid)"
    dbsnapfs -o ro app.db mnt
    ls -U mnt/history/users/1 | cmp - before
    versions users/1 "$six" "$three" "$one"
}

@test "a history of many backups is listed at once" {
    shop
    for i in $(seq 40); do
        sqlite3 app.db "UPDATE users SET name = 'v$((i / 10))' WHERE id = 2; UPDATE users SET name = 'x$i' WHERE id = 1"
        command_line backup
    done
    # v0 to v4, and three before.
    [ "$(timeout 5 ls -U mnt/history/users/2 | wc -l)" -eq 8 ]
    [ "$(timeout 5 ls -U mnt/history/users/1 | wc -l)" -eq 44 ]
}

@test "cp -rL copies a row's versions" {
    shop
    mkdir out
    for name in "$six" "$three" "$one"; do
        cp -rL "mnt/history/users/1/$name" out/
    done
    [ "$(cat "out/$three/name")" = 'Ada L.' ]
    [ "$(ls "out/$one")" = "$(ls "mnt/backups/$one/tables/users/rows/1")" ]
}
