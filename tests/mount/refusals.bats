#!/usr/bin/env bats
# What cannot work: a clear line that names the thing, and a status; and nothing left behind.

load helper

setup() { setup_scratch; }
teardown() { teardown_scratch; }

@test "a database that is not there" {
    refused 1 "$WORK/none.db: no such file" dbsnapfs none.db mnt
    refused 1 "$WORK/none.db: no such file" dbsnapfs backup none.db
    [ "$(ls)" = mnt ]
}

@test "a directory instead of a database" {
    mkdir dir
    refused 1 "$WORK/dir: a directory, not a database file" dbsnapfs dir mnt
    refused 1 "$WORK/dir: a directory, not a database file" dbsnapfs backup dir
    [ ! -e dir.backups ]
}

@test "a file that is not a database" {
    head -c 5000 /usr/share/common-licenses/GPL-3 >text.db
    refused 1 "$WORK/text.db: not a SQLite database, or an encrypted one" dbsnapfs text.db mnt
    refused 1 "$WORK/text.db: not a SQLite database, or an encrypted one" dbsnapfs backup text.db
    [ ! -e text.db.backups ]
}

@test "random bytes, as an encrypted database has" {
    head -c 65536 /dev/urandom >secret.db
    refused 1 "$WORK/secret.db: not a SQLite database, or an encrypted one" dbsnapfs secret.db mnt
}

@test "an unknown kind of URL" {
    run dbsnapfs postgresql://localhost/x mnt
    [ "$status" -eq 1 ]
    [[ $output == *postgresql* ]]
    unmounted mnt
}

@test "an empty file is an empty database" {
    : >empty.db
    dbsnapfs empty.db mnt
    command_line backup
    [ -z "$(sqlite3 mnt/backups/latest/database.sqlite .schema)" ]
}

@test "a database with a damaged page is copied as it is, and the check says so" {
    make_db app.db delete 3000
    page=$(sqlite3 app.db "SELECT rootpage FROM sqlite_schema WHERE name = 'item'")
    printf '\377\377\377\377\377\377\377\377' |
        dd of=app.db bs=1 seek=$(((page - 1) * 4096)) conv=notrunc status=none
    dbsnapfs app.db mnt
    command_line backup
    eventually jq -e '.last_check != null' mnt/status.json
    jq -e '.last_check.result != "ok"' mnt/status.json
    jq -r .last_check.result mnt/status.json
    jq -e --arg page "page $page" '.last_check.result | ascii_downcase | contains($page)' mnt/status.json
    dbsnapfs list app.db | awk '$1 ~ /^2/ { exit $0 ~ / ok( |$)/ }'
    dbsnapfs show app.db | grep -i "page $page"
}

@test "a schema that the installed SQLite does not understand is backed up and checked all the same" {
    make_db app.db
    sqlite3 app.db "CREATE VIEW newer AS SELECT 1; PRAGMA writable_schema = ON; UPDATE sqlite_schema
        SET sql = 'CREATE VIEW newer AS SELECT a FROM item WITH SOMETHING NEW' WHERE name = 'newer'"
    run ! sqlite3 app.db 'SELECT count(*) FROM item'
    dbsnapfs app.db mnt
    command_line backup
    eventually jq -e '.last_check.result == "ok"' mnt/status.json
    grep 'SOMETHING NEW' mnt/backups/latest/schema.sql
    (cd mnt/backups/latest && sha256sum -c SHA256SUMS)
    [ "$(sqlite3 mnt/backups/latest/database.sqlite 'PRAGMA writable_schema = ON;
        SELECT count(*) FROM item')" = "$(sqlite3 app.db 'PRAGMA writable_schema = ON; SELECT count(*) FROM item')" ]
    run ! ls mnt/live/tables
    run -1 dbsnapfs cat app.db live/tables/item/rows.csv
    [[ $output == *'cannot read its schema'*'newer SQLite'* ]]
}

@test "a database that was cut short" {
    make_db app.db delete 3000
    truncate -s 20000 app.db
    run dbsnapfs backup app.db
    if [ "$status" -eq 0 ]; then
        dbsnapfs app.db mnt
        eventually jq -e '.last_check != null' mnt/status.json
        jq -e '.last_check.result != "ok"' mnt/status.json
    else
        [[ $output == *"$WORK/app.db"* ]]
    fi
}

@test "a mount point that is not there" {
    make_db app.db
    refused 1 'none: no such directory: make it first' dbsnapfs app.db none
    [ ! -e app.db.backups ]
}

@test "a mount point that is a file" {
    make_db app.db
    touch file
    refused 1 'file: a mount point has to be a directory' dbsnapfs app.db file
}

@test "a mount point where something is mounted" {
    setup_mount
    make_db other.db
    refused 1 "$WORK/mnt: something is mounted here already" dbsnapfs other.db mnt
    [ ! -e other.db.backups/catalog.sqlite ]
}

@test "a mount point that holds the database or the repository" {
    make_db app.db
    refused 1 ".: holds the database $WORK/app.db" dbsnapfs app.db .
    refused 1 "mnt: holds the repository $WORK/mnt/repo" dbsnapfs -o repo=mnt/repo app.db mnt
    ln -s . here
    refused 1 "here: holds the database" dbsnapfs app.db here
}

@test "a mount point in the repository" {
    make_db app.db
    dbsnapfs backup app.db
    mkdir app.db.backups/mnt
    refused 1 "app.db.backups/mnt: lies in the repository" dbsnapfs app.db app.db.backups/mnt
    refused 1 "holds the repository" dbsnapfs app.db app.db.backups
}

@test "a second mount of one repository is told who holds it" {
    setup_mount
    mkdir second
    refused 1 "the repository is in use by process $(daemon_pid) mount at $WORK/mnt" \
        dbsnapfs app.db second
    unmounted second
    command_line backup
}

@test "a repository of another database, while that one is there" {
    make_db app.db
    make_db other.db
    dbsnapfs backup app.db -o repo=repo
    refused 1 "$WORK/other.db: the repository has the backups of $WORK/app.db, which is another database and still there" \
        dbsnapfs backup other.db -o repo=repo
    [ "$(dbsnapfs list app.db -o repo=repo | wc -l)" -eq 2 ]
}

@test "a database that was moved, or has two paths, keeps its repository" {
    make_db app.db
    dbsnapfs backup app.db -o repo=repo
    mv app.db moved.db
    dbsnapfs backup moved.db -o repo=repo
    ln moved.db hard.db
    dbsnapfs backup hard.db -o repo=repo
    dbsnapfs extract hard.db -o repo=repo latest copy.db
    [ "$(sqlite3 copy.db .sha3sum)" = "$(sqlite3 moved.db .sha3sum)" ]
}

@test "a repository of a newer format" {
    make_db app.db
    dbsnapfs backup app.db
    # SQLite's user_version is at byte 60; the last 8 bytes of a page are its checksum.
    /usr/bin/python3 - app.db.backups/catalog.sqlite <<'END'
import struct, sys, xxhash
with open(sys.argv[1], 'r+b') as f:
    page = bytearray(f.read(4096))
    struct.pack_into('>I', page, 60, 99)
    struct.pack_into('<Q', page, 4088, xxhash.xxh3_64_intdigest(bytes(page[:4088]), seed=1))
    f.seek(0)
    f.write(page)
END
    refused 1 'format version 99 is newer than this dbsnapfs knows (1): upgrade it' dbsnapfs app.db mnt
    refused 1 'format version 99 is newer' dbsnapfs backup app.db
    refused 1 'format version 99 is newer' dbsnapfs list app.db
    unmounted mnt
}

@test "a directory in the repository's place that is none" {
    make_db app.db
    mkdir app.db.backups
    echo precious >app.db.backups/letter
    run dbsnapfs backup app.db
    [ "$(cat app.db.backups/letter)" = precious ]
    rm -r app.db.backups
    echo precious >app.db.backups
    run dbsnapfs backup app.db
    [ "$status" -eq 1 ]
    [[ $output == *app.db.backups* ]]
    [ "$(cat app.db.backups)" = precious ]
}

@test "a database that is deleted while it is mounted" {
    setup_mount
    command_line backup
    rm app.db app.db-wal app.db-shm 2>/dev/null || true
    control_refuses 'No such file' "$WORK/app.db: no such file" backup
    run cat mnt/live/database.sqlite
    [ "$status" -ne 0 ]
    (cd mnt/backups/latest && sha256sum -c SHA256SUMS)
    make_db app.db
    command_line backup
    [ "$(backups | wc -l)" -eq 2 ]
}

@test "a database that is replaced by rename while it is mounted" {
    setup_mount
    command_line backup
    old=$(backups)
    make_db new.db delete
    sqlite3 new.db 'UPDATE counter SET n = 42'
    rm -f app.db-wal app.db-shm
    mv new.db app.db
    [ "$(sqlite3 mnt/live/database.sqlite 'SELECT n FROM counter')" -eq 42 ]
    command_line backup
    [ "$(sqlite3 mnt/backups/latest/database.sqlite 'SELECT n FROM counter')" -eq 42 ]
    [ "$(sqlite3 "mnt/backups/$old/database.sqlite" 'SELECT n FROM counter')" -eq 0 ]
}

@test "a database that becomes something else while it is mounted" {
    setup_mount
    command_line backup
    rm -f app.db-wal app.db-shm
    head -c 8192 /dev/urandom >new.db
    mv new.db app.db
    run sh -c 'echo backup >mnt/control'
    [ "$status" -ne 0 ]
    [[ $(said) == "error: $WORK/app.db: not a SQLite database, or an encrypted one"* ]]
    [ "$(backups | wc -l)" -eq 1 ]
}

@test "VACUUM to another page size while it is mounted" {
    make_db app.db delete
    dbsnapfs app.db mnt
    command_line backup
    sqlite3 app.db 'PRAGMA page_size = 1024; VACUUM'
    command_line backup
    [ "$(sqlite3 mnt/backups/latest/database.sqlite 'PRAGMA page_size; PRAGMA integrity_check')" = $'1024\nok' ]
    [ "$(sqlite3 "mnt/backups/$(backups | head -n 1)/database.sqlite" 'PRAGMA page_size; PRAGMA integrity_check')" = $'4096\nok' ]
}

@test "a full disk fails the backup, keeps the others, and the next one works" {
    make_db app.db
    run private <<'END'
mkdir small
mount -t tmpfs -o size=1m,mode=700 none small
dbsnapfs -o repo=small/repo app.db mnt
echo backup >mnt/control
first=$(readlink mnt/backups/latest)
sqlite3 app.db 'UPDATE item SET body = randomblob(4000)'
for attempt in 1 2; do
    if echo backup >mnt/control; then echo 'not refused'; exit 1; fi
    head -n 1 mnt/control
done
ls mnt/backups | wc -l
(cd "mnt/backups/$first" && sha256sum --quiet -c SHA256SUMS)
find small/repo/segments -name '*.seg' | wc -l
[ "$(df --output=avail small | tail -n 1)" -gt 700 ]
sqlite3 app.db 'UPDATE item SET body = randomblob(10)' 'VACUUM'
echo backup >mnt/control
sqlite3 mnt/backups/latest/database.sqlite 'PRAGMA integrity_check'
echo verify >mnt/control
umount mnt
END
    echo "$output"
    [ "$status" -eq 0 ]
    [[ ${lines[0]} == *'No space left on device'* ]]
    [[ $(grep -c '^error: .*No space left on device' <<<"$output") -eq 2 ]]
    [ "$(tail -n 3 <<<"$output")" = $'2\n1\nok' ]
}

@test "a full disk at the first mount" {
    make_db app.db
    run private <<'END'
mkdir small
mount -t tmpfs -o size=16k,mode=700 none small
head -c 20000 /dev/zero >small/filler || true
dbsnapfs -o repo=small/repo app.db mnt
END
    [ "$status" -eq 1 ]
    [[ $output == *'small/repo'*'No space left on device'* ]]
    unmounted mnt
}
