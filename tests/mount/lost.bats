#!/usr/bin/env bats
# Backups are needed when the database is not there any more, or cannot be read: it is mounted all
# the same, with a warning, and all works again as soon as the database does.

load helper

setup() {
    setup_scratch
    make_db app.db delete
}
teardown() { teardown_scratch; }

# warned TEXT [OPTION...]: mounts with one line that holds TEXT, and the backups can be read.
warned() {
    local text=$1
    shift
    run dbsnapfs "$@" app.db mnt
    if [ "$status" -ne 0 ] || [ ${#lines[@]} -ne 1 ] || [[ $output != "dbsnapfs: $WORK/$text; "*'backups/'*'live/'* ]]; then
        echo "wanted one line with: $text"
        echo "got status $status: $output"
        return 1
    fi
    grep -q '^7,"item 7",' mnt/backups/latest/tables/item/rows.csv
    [ "$(find mnt/history/item/7 -type l | wc -l)" -eq 1 ]
    [ "$(sqlite3 mnt/backups/latest/database.sqlite 'SELECT count(*) FROM item')" -eq 500 ]
}

# The database is there again, and nobody mounts anew.
works_again() {
    [ "$(cat mnt/live/tables/item/count)" -eq 500 ]
    [ "$(sqlite3 mnt/live/database.sqlite 'SELECT count(*) FROM item')" -eq 500 ]
    sqlite3 app.db 'DELETE FROM item WHERE id = 7'
    command_line backup
    grep '^ *0 *0 *1 *item$' mnt/backups/latest/changes/summary
}

@test "a database that is gone" {
    dbsnapfs backup -q app.db
    mv app.db kept.db
    warned 'app.db: no such file'
    control_refuses 'No such file' "$WORK/app.db: no such file" backup
    run ! cat mnt/live/database.sqlite
    run ! ls mnt/live/tables
    grep -q "mount error: $WORK/app.db: no such file" mnt/log
    jq -e --arg db "$WORK/app.db" '.source == $db and (.last_error.message | contains("no such file"))' mnt/status.json
    mv kept.db app.db
    works_again
}

@test "a database that is gone, mounted read-only" {
    dbsnapfs backup -q app.db
    mv app.db kept.db
    warned 'app.db: no such file' -o ro
    mv kept.db app.db
    [ "$(cat mnt/live/tables/item/count)" -eq 500 ]
}

@test "a database whose directory is gone" {
    mkdir disk
    mv app.db disk/
    dbsnapfs backup -q disk/app.db -o repo=repo
    mv disk away
    run dbsnapfs -o repo=repo disk/app.db mnt
    [ "$status" -eq 0 ]
    [[ $output == "dbsnapfs: $WORK/disk/app.db: no such file; "* ]]
    [ "$(sqlite3 mnt/backups/latest/database.sqlite 'SELECT count(*) FROM item')" -eq 500 ]
    mv away disk
    command_line backup
    [ "$(cat mnt/live/tables/item/count)" -eq 500 ]
}

@test "a database that is overwritten with something else" {
    dbsnapfs backup -q app.db
    mv app.db kept.db
    head -c 8192 /dev/urandom >app.db
    warned 'app.db: not a SQLite database, or an encrypted one'
    control_refuses 'Wrong medium type' "$WORK/app.db: not a SQLite database" backup
    run ! cat mnt/live/database.sqlite
    mv kept.db app.db
    works_again
}

is_locked() { ! sqlite3 app.db 'SELECT 1 FROM item' 2>/dev/null; }

@test "a database that somebody keeps locked" {
    dbsnapfs backup -q app.db
    mkfifo go
    sqlite3 app.db 3>&- 4>&- <go &
    locker=$!
    exec 9>go
    echo 'BEGIN EXCLUSIVE;' >&9
    eventually is_locked
    warned "app.db: locked by another program for over 10.0 s; \`fuser -v FILE\` shows who has it open" 9>&-
    exec 9>&-
    ended $locker
    works_again
}

@test "it warns in the foreground as well" {
    dbsnapfs backup -q app.db
    mv app.db kept.db
    command dbsnapfs -f app.db mnt 2>errors 3>&- 4>&- &
    foreground=$!
    eventually mounted mnt
    grep -q "^dbsnapfs: $WORK/app.db: no such file; backups/" errors
    [ "$(wc -l <errors)" -eq 1 ]
    eventually umount mnt
    wait "$foreground"
}

@test "without backups it is refused, and nothing is made" {
    rm app.db
    refused 1 "$WORK/app.db: no such file" dbsnapfs app.db mnt
    refused 1 "$WORK/app.db: no such file" dbsnapfs -o ro app.db mnt
    [ "$(ls)" = mnt ]
    make_db app.db
    dbsnapfs app.db mnt
    umount mnt
    eventually gone "$(daemon_pid)"
    rm app.db
    refused 1 "$WORK/app.db: no such file" dbsnapfs app.db mnt
    unmounted mnt
}

@test "the other refusals stay: a mount point in the repository, a repository in use" {
    dbsnapfs backup -q app.db
    rm app.db
    mkdir app.db.backups/mnt second
    refused 1 'lies in the repository' dbsnapfs app.db app.db.backups/mnt
    refused 1 ".: holds the database $WORK/app.db" dbsnapfs app.db .
    warned 'app.db: no such file'
    refused 1 "the repository is in use by process $(daemon_pid) mount at $WORK/mnt" dbsnapfs app.db second
}

@test "backups that cannot be read either are told with it" {
    dbsnapfs backup -q app.db
    rm app.db app.db.backups/catalog.sqlite
    refused 1 "$WORK/app.db: no such file; nor can its backups be read: $WORK/app.db.backups/catalog.sqlite is missing: make it again with \`dbsnapfs repair\`" \
        dbsnapfs app.db mnt
    dbsnapfs repair -q app.db
    warned 'app.db: no such file'
}
