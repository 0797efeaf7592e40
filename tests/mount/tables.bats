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
        [ "$(ls $top/views/broken)" = schema.sql ]
        [ "$(cat $top/views/broken/schema.sql)" = 'CREATE VIEW broken AS SELECT * FROM nowhere;' ]
        for file in count rows.csv columns.json; do
            run cat $top/views/broken/$file
            [ "$status" -ne 0 ]
            [[ $output == *'Input/output error'* ]]
        done
    done
}

@test "a live view lists its files from when what it asks for is there, and no longer" {
    [ "$(ls mnt/live/views/broken)" = schema.sql ]
    sqlite3 app.db 'CREATE TABLE nowhere (x)'
    [ "$(LC_ALL=C ls mnt/live/views/broken)" = $'columns.json\ncount\nrows.csv\nrows.ndjson\nrows.sql\nschema.sql' ]
    [ "$(ls mnt/backups/latest/views/broken)" = schema.sql ]
    sqlite3 app.db 'DROP TABLE nowhere'
    [ "$(ls mnt/live/views/broken)" = schema.sql ]
}

@test "tar takes tables with the sizes that stat says" {
    mkdir out
    run tar -C mnt/backups/latest -cf all.tar .
    [ "$status" -eq 0 ] && [ -z "$output" ]
    tar -C out -xf all.tar
    diff -r mnt/backups/latest out
    diff -r mnt/backups/latest/tables mnt/live/tables
    diff -r mnt/backups/latest/views mnt/live/views
    cmp mnt/backups/latest/database.sql mnt/live/database.sql
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
        [ "$(timeout 5 ls $top/views/endless | wc -l)" -eq 6 ]
        [ "$(timeout 5 find $top/views/endless -name rows.c\*)" = $top/views/endless/rows.csv ]
    done
}

@test "a table is read without a mount too" {
    [ "$(dbsnapfs cat app.db backups/latest/tables/users/count)" = 2 ]
    [ "$(dbsnapfs cat app.db live/tables/users/count)" = 2 ]
    run dbsnapfs cat app.db live/views/broken/count
    [ "$status" -eq 1 ]
    [[ $output == *'broken: '*nowhere* ]]
}

# big: a table of 20,000 rows in app.db whose rows agree in every committed state, of more than a MiB as text.
big() {
    sqlite3 app.db "CREATE TABLE big (id INTEGER PRIMARY KEY, n INTEGER, filler TEXT);
        WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 20000)
        INSERT INTO big SELECT i, 0, printf('%.80c', 'x') FROM c"
}

emptied() { [ "$(sqlite3 app.db 'PRAGMA busy_timeout = 100; PRAGMA wal_checkpoint (truncate)' | tail -n 1)" = '0|0|0' ]; }

# held FILE [SECONDS]: opens it, reads a little, waits for the file `go`, and reads the rest.
held() {
    /usr/bin/python3 - "$1" 3>&- 4>&- <<'END'
import os, sys, time
with open(sys.argv[1], "rb", buffering=0) as file:
    text = file.read(1000)
    open("held", "w").close()
    while not os.path.exists("go"):
        time.sleep(0.02)
    try:
        while piece := file.read(50000):
            text += piece
    except OSError as error:
        sys.exit(error.strerror)
open("text", "wb").write(text)
END
}

# agreed FILE ROWS: all rows of big have one value of n.
agreed() {
    [ "$(tail -n +2 "$1" | wc -l)" -eq "$2" ]
    [ "$(tail -n +2 "$1" | cut -d , -f 2 | sort -u | wc -l)" -eq 1 ]
}

@test "each file is as long as stat says, live and in a backup" {
    big
    command_line backup
    for top in mnt/live mnt/backups/latest; do
        while read -r file; do
            # shellcheck disable=SC2002 # wc would ask for the size itself
            [ "$(stat -c %s "$file")" -eq "$(cat "$file" | wc -c)" ]
        done < <(find $top/ -name rows -prune -o -type f ! -path '*/views/broken/*' -print)
        [ "$(stat -c %s $top/tables/big/rows.csv)" -gt 1048576 ]
        [ "$(tail -c 12 $top/tables/big/rows.csv)" = $'xxxxxxxxx"\r' ]
        [ "$(head -n 1 $top/tables/big/rows.csv)" = $'"id","n","filler"\r' ]
    done
}

@test "database.sql makes an equal database" {
    big
    command_line backup
    for top in mnt/live mnt/backups/latest; do
        rm -f new.db
        sqlite3 new.db <$top/database.sql
        diff <(sqlite3 app.db .dump) <(sqlite3 new.db .dump)
    done
}

@test "an open file shows one state from first byte to last, and blocks no writer" {
    big
    : >commits
    while [ ! -e stop ]; do
        sqlite3 app.db 'UPDATE big SET n = n + 1'
        echo >>commits
    done 3>&- 4>&- &
    writer=$!
    held mnt/live/tables/big/rows.csv &
    reader=$!
    eventually [ -e held ]
    before=$(wc -l <commits)
    more() { [ "$(wc -l <commits)" -gt $((before + 3)) ]; }
    eventually more
    touch go
    ended $reader
    touch stop
    wait $writer
    [ "$status" -eq 0 ]
    agreed text 20000
    for _ in 1 2 3; do
        cat mnt/live/tables/big/rows.csv >text
        agreed text 20000
    done
    eventually emptied
}

@test "a state that is held for too long is given up, and the log says so" {
    umount mnt
    eventually no_processes
    dbsnapfs -o live-timeout=1 app.db mnt
    big
    held mnt/live/tables/big/rows.csv >said 2>&1 &
    reader=$!
    eventually [ -e held ]
    sqlite3 app.db 'UPDATE big SET n = 1'
    eventually emptied
    touch go
    ended $reader
    [ "$status" -eq 1 ]
    [ "$(cat said)" = 'Connection timed out' ]
    grep -q 'read error: live/tables/big/rows.csv: .*live-timeout' mnt/log
    [ "$(tail -n +2 mnt/live/tables/big/rows.csv | wc -l)" -eq 20000 ]
}

@test "in rollback mode an open file blocks no writer either" {
    big
    eventually left_wal
    held mnt/live/tables/big/rows.csv &
    reader=$!
    eventually [ -e held ]
    sqlite3 app.db 'UPDATE big SET n = 1'
    touch go
    ended $reader
    [ "$status" -eq 0 ]
    agreed text 20000
    [ "$(sed -n 2p text | cut -d , -f 2)" = 0 ]
}
left_wal() { [ "$(sqlite3 app.db 'PRAGMA journal_mode = delete' 2>&1)" = delete ]; }

@test "what was measured in the background is not measured again" {
    big
    command_line backup
    known() { [ "$(sqlite3 app.db.backups/catalog.sqlite "SELECT max(backup_id) FROM facts WHERE kind = 'sizes'")" = 2 ]; }
    eventually known
    umount mnt
    want=$(sqlite3 app.db 'SELECT count(*) FROM big')
    # What is not there cannot be read.
    segment=$(find app.db.backups/segments -name '*2.seg')
    dd if=/dev/zero of="$segment" bs=1 seek=$(($(stat -c %s "$segment") / 2)) count=512 conv=notrunc status=none
    eventually no_processes
    dbsnapfs -o ro app.db mnt
    run ! cat mnt/backups/latest/tables/big/rows.csv
    ls -l mnt/backups/latest/tables/big
    [ "$(stat -c %s mnt/backups/latest/tables/big/rows.csv)" -gt 1048576 ]
    [ "$(cat mnt/backups/latest/tables/big/count)" = "$want" ]
}

@test "a mount with open files is unmounted by SIGTERM" {
    big
    command_line backup
    held mnt/live/tables/big/rows.csv >live.said 2>&1 &
    reader=$!
    eventually [ -e held ]
    rm held
    held mnt/backups/latest/tables/big/rows.csv >past.said 2>&1 &
    other=$!
    eventually [ -e held ]
    pid=$(daemon_pid)
    kill -TERM "$pid"
    eventually gone "$pid"
    eventually unmounted mnt
    touch go
    ended $reader
    [ "$status" -ne 0 ]
    ended $other
    [ "$status" -ne 0 ]
    emptied
}

@test "a daemon that is killed leaves the database and nothing else behind" {
    big
    held mnt/live/tables/big/rows.csv >said 2>&1 &
    reader=$!
    eventually [ -e held ]
    pid=$(daemon_pid)
    kill -KILL "$pid"
    eventually gone "$pid"
    touch go
    ended $reader
    [ "$status" -ne 0 ]
    sqlite3 app.db 'UPDATE big SET n = 2'
    emptied
    umount mnt
    [ -z "$(find app.db.backups -name '*.tmp')" ]
    dbsnapfs app.db mnt
    [ "$(sed -n 2p mnt/live/tables/big/rows.csv | cut -d , -f 2)" = 2 ]
}

@test "a read-only mount shows the same" {
    big
    command_line backup
    mkdir before
    tar -C mnt/live/tables --exclude=rows --exclude=by -cf - . | tar -C before -xf -
    umount mnt
    eventually no_processes
    dbsnapfs -o ro app.db mnt
    diff -r -x rows -x by before mnt/live/tables
    diff -r -x rows -x by before mnt/backups/latest/tables
    [ "$(stat -c %s mnt/live/tables/big/rows.csv)" -eq "$(stat -c %s before/big/rows.csv)" ]
}

@test "rows are read without a mount too" {
    big
    command_line backup
    for path in tables/users/rows.csv tables/big/rows.sql database.sql; do
        dbsnapfs cat app.db backups/latest/$path | cmp - mnt/backups/latest/$path
        dbsnapfs cat app.db live/$path | cmp - mnt/live/$path
    done
}

@test "nine hundred open texts of a small live table take no memory to speak of" {
    local before after
    before=$(awk '$1 == "VmSize:" { print $2 }' "/proc/$(daemon_pid)/status")
    # shellcheck disable=SC2016 # awk's
    after=$(/usr/bin/python3 -c 'import subprocess, sys
held = [open("mnt/live/tables/users/rows.csv") for _ in range(900)]
subprocess.run(["awk", "$1 == \"VmSize:\" { print $2 }", sys.argv[1]])' "/proc/$(daemon_pid)/status")
    # threads have room for stacks, and for memory of their own
    case $DBSNAPFS in
    */asan/* | */tsan/*) ;;
    *) [ $((after - before)) -lt $((1000 * 1024)) ] ;;
    esac
}
