#!/usr/bin/env bats
# live/ and the database's own programs: a consistent copy whatever they write, and no program that
# is kept from writing in WAL mode.

load helper

setup() { setup_scratch; }
teardown() {
    [ ! -e stop ] || touch stop
    teardown_scratch
}

# Commits without pause until the file `stop` is there, with a busy timeout of 0; prints the commits
# and how many times it was told SQLITE_BUSY.
start_writer() {
    cat >writer.py <<'END'
import os, random, sqlite3
db = sqlite3.connect('app.db', timeout=0, isolation_level=None)
commits = busy = 0
while not os.path.exists('stop'):
    try:
        db.execute('BEGIN IMMEDIATE')
        db.execute('UPDATE counter SET n = n + 1')
        db.execute('UPDATE item SET body = randomblob(100) WHERE id = ?', (random.randint(1, 500),))
        db.execute('UPDATE mirror SET n = n + 1')
        db.execute('COMMIT')
        commits += 1
    except sqlite3.OperationalError as e:
        if 'locked' not in str(e):
            raise
        busy += 1
        if db.in_transaction:
            db.execute('ROLLBACK')
print(commits, busy)
END
    /usr/bin/python3 writer.py >written 3>&- 4>&- &
    writer=$!
    eventually counted
}

counted() { [ "$(sqlite3 -cmd '.timeout 5000' app.db 'SELECT n FROM counter')" -gt 5 ]; }

stop_writer() {
    touch stop
    wait "$writer"
    read -r commits busy <written
}

# Sound, and of one committed state; prints the counter.
sound() {
    sqlite3 "$1" "PRAGMA integrity_check; SELECT CASE WHEN counter.n = mirror.n THEN 'agree'
        ELSE 'differ' END FROM counter, mirror" >check
    [ "$(cat check)" = $'ok\nagree' ] || { cat check >&2; return 1; }
    sqlite3 "$1" 'SELECT n FROM counter'
}

@test "live/database.sqlite is a sound copy of the database" {
    setup_mount
    cp mnt/live/database.sqlite copy.db
    [ "$(sqlite3 copy.db 'PRAGMA integrity_check')" = ok ]
    [ "$(sqlite3 copy.db .sha3sum)" = "$(sqlite3 app.db .sha3sum)" ]
}

@test "live/database.sqlite has the size that stat says" {
    setup_mount
    [ "$(wc -c <mnt/live/database.sqlite)" -eq "$(stat -c %s mnt/live/database.sqlite)" ]
    sqlite3 app.db "UPDATE item SET name = hex(zeroblob(2000))"
    [ "$(wc -c <mnt/live/database.sqlite)" -eq "$(stat -c %s mnt/live/database.sqlite)" ]
    sqlite3 app.db 'DELETE FROM item; VACUUM'
    [ "$(wc -c <mnt/live/database.sqlite)" -eq "$(stat -c %s mnt/live/database.sqlite)" ]
}

@test "live/database.sqlite shows a commit at once" {
    setup_mount
    for i in 1 2 3 4; do
        count_up
        [ "$(sqlite3 mnt/live/database.sqlite 'SELECT n FROM counter')" -eq "$i" ]
    done
}

@test "live/database.sqlite has what is in the WAL only" {
    setup_mount
    sqlite3 app.db 'PRAGMA wal_autocheckpoint = 0; UPDATE counter SET n = 9' '.filectrl persist_wal 1' >/dev/null
    [ "$(sqlite3 mnt/live/database.sqlite 'SELECT n FROM counter')" -eq 9 ]
}

@test "an opened live copy does not change" {
    setup_mount
    sqlite3 app.db .sha3sum >before
    exec 5<mnt/live/database.sqlite
    head -c 1000 <&5 >copy.db
    sqlite3 app.db 'UPDATE item SET body = randomblob(500)'
    cat <&5 >>copy.db
    exec 5<&-
    [ "$(sqlite3 copy.db 'PRAGMA integrity_check')" = ok ]
    sqlite3 copy.db .sha3sum | cmp - before
}

@test "two live copies that are open at once each keep their state" {
    setup_mount
    exec 5<mnt/live/database.sqlite
    count_up
    exec 6<mnt/live/database.sqlite
    count_up
    cat <&6 >two.db
    cat <&5 >one.db
    exec 5<&- 6<&-
    [ "$(sqlite3 one.db 'SELECT n FROM counter')" -eq 0 ]
    [ "$(sqlite3 two.db 'SELECT n FROM counter')" -eq 1 ]
}

@test "live copies leave nothing in the repository" {
    setup_mount
    cp mnt/live/database.sqlite copy.db
    [ -z "$(find app.db.backups -type f -size +60k)" ]
    [ "$(find app.db.backups/segments -type f | wc -l)" -eq 0 ]
}

@test "live/schema.sql follows the database and can be compared with a backup's" {
    setup_mount
    command_line backup
    diff mnt/backups/latest/schema.sql mnt/live/schema.sql
    sqlite3 app.db 'CREATE TABLE added (x)'
    run diff mnt/backups/latest/schema.sql mnt/live/schema.sql
    [ "$status" -eq 1 ]
    [[ $output == *'> CREATE TABLE added (x);'* ]]
}

@test "live/ cannot be written" {
    setup_mount
    for attempt in 'cp app.db mnt/live/database.sqlite' 'touch mnt/live/x' 'rm -f mnt/live/schema.sql'; do
        run $attempt
        [ "$status" -ne 0 ]
        [[ $output =~ 'Read-only file system'|'Permission denied'|'not permitted' ]]
    done
}

@test "live copies are consistent while a program commits without pause" {
    setup_mount
    start_writer
    last=0
    for i in 1 2 3 4 5 6 7 8 9 10; do
        cp mnt/live/database.sqlite "copy.$i.db"
        n=$(sound "copy.$i.db")
        [ "$n" -ge "$last" ]
        last=$n
    done
    stop_writer
    [ "$commits" -gt 0 ]
    [ "$busy" -eq 0 ]
}

@test "fifty backups beside a program that commits without pause, in WAL mode" {
    setup_mount
    start_writer
    for _ in {1..50}; do
        echo backup >mnt/control
    done
    stop_writer
    [ "$busy" -eq 0 ]
    mapfile -t names < <(backups)
    [ ${#names[@]} -eq 50 ]
    last=-1
    for name in "${names[@]}"; do
        n=$(sound "mnt/backups/$name/database.sqlite")
        [ "$n" -ge "$last" ]
        last=$n
    done
    [ "$last" -gt 0 ]
    command_line verify
}

@test "fifty backups beside a program that commits without pause, in rollback mode" {
    make_db app.db delete
    dbsnapfs app.db mnt
    start_writer
    for _ in {1..50}; do
        echo backup >mnt/control
    done
    stop_writer
    [ "$commits" -gt 0 ]
    mapfile -t names < <(backups)
    [ ${#names[@]} -eq 50 ]
    last=-1
    for name in "${names[@]}"; do
        n=$(sound "mnt/backups/$name/database.sqlite")
        [ "$n" -ge "$last" ]
        last=$n
    done
}

@test "a transaction that is not committed is in no backup" {
    setup_mount
    mkfifo release
    sqlite3 app.db 3>&- 4>&- <release >held &
    local holder=$!
    exec 5>release
    printf '%s\n' 'BEGIN;' 'UPDATE counter SET n = 5;' "SELECT 'held';" >&5
    eventually grep -q held held
    command_line backup
    [ "$(sqlite3 mnt/live/database.sqlite 'SELECT n FROM counter')" -eq 0 ]
    echo 'COMMIT;' >&5
    exec 5>&-
    wait "$holder"
    [ "$(sqlite3 mnt/backups/latest/database.sqlite 'SELECT n FROM counter')" -eq 0 ]
    command_line backup
    [ "$(sqlite3 mnt/backups/latest/database.sqlite 'SELECT n FROM counter')" -eq 5 ]
}

@test "a backup does not take the locks of the program beside it" {
    setup_mount
    mkfifo release
    sqlite3 app.db 3>&- 4>&- <release >held &
    local holder=$!
    exec 5>release
    printf '%s\n' 'BEGIN IMMEDIATE;' "SELECT 'held';" >&5
    eventually grep -q held held
    command_line backup
    cat mnt/live/database.sqlite >/dev/null
    run sqlite3 app.db 'BEGIN IMMEDIATE'
    [ "$status" -ne 0 ]
    [[ $output == *locked* ]]
    exec 5>&-
    wait "$holder"
}

# stated NAME COMMAND: an open NAME of live/ keeps its size and time, and is read whole, whatever COMMAND
# does to the database; the name has what is there now.
stated() {
    local size mtime
    exec 5<"mnt/live/$1"
    size=$(stat -Lc %s "mnt/live/$1")
    mtime=$(stat -Lc %y "mnt/live/$1")
    sleep 0.05
    eval "$2"
    /usr/bin/python3 - "$size" "$mtime" <<'END'
import datetime, os, sys
st = os.fstat(5)
assert st.st_size == int(sys.argv[1]), (st.st_size, sys.argv)
time = datetime.datetime.fromtimestamp(int(st.st_mtime)).strftime('%Y-%m-%d %H:%M:%S')
assert sys.argv[2].startswith(time), (time, sys.argv)
END
    [ "$(cat <&5 | wc -c)" -eq "$size" ]
    exec 5<&-
}

# ---- what becomes of the database meanwhile ----

@test "an open file has its size, and is read to its end, when the database is gone" {
    make_db app.db wal 20000
    cp app.db kept.db
    dbsnapfs app.db mnt
    for file in database.sqlite database.sql schema.sql tables/item/rows.csv tables/item/rows.ndjson \
        tables/counter/rows.csv tables/item/count tables/item/rows/7/body tables/item/rows/7/row.json; do
        stated $file 'rm -f app.db app.db-wal app.db-shm'
        run ! stat "mnt/live/$file"
        cp kept.db app.db
        [ "$(stat -Lc %s "mnt/live/$file")" -eq "$(wc -c <"mnt/live/$file")" ]
    done
}

@test "an open file has its size when the database is another, and the name has the new one" {
    make_db app.db wal 20000
    dbsnapfs app.db mnt
    size=$(stat -c %s mnt/live/tables/item/rows.csv)
    number=$(stat -c %i mnt/live/tables/item/rows.csv)
    stated tables/item/rows.csv 'sqlite3 app.db "DELETE FROM item WHERE id % 2"'
    stated database.sqlite 'sqlite3 app.db "CREATE TABLE more AS SELECT * FROM item"'
    exec 5<mnt/live/tables/item/rows.csv
    [ "$(stat -c %s mnt/live/tables/item/rows.csv)" -lt "$size" ]
    [ "$(stat -c %i mnt/live/tables/item/rows.csv)" = "$number" ]
    exec 5<&-
    head -c 8192 /dev/urandom >other
    stated tables/item/rows.csv 'mv other app.db; rm -f app.db-wal app.db-shm'
    run ! stat mnt/live/tables/item/rows.csv
}
