#!/usr/bin/env bats
# The scripts of examples/, as somebody would run them.

load support

setup() { setup_scratch; }
teardown() { unmount_all; }

@test "before-deploy.sh takes and checks a backup, then runs the deploy" {
    run "$EXAMPLES/before-deploy.sh" app.db sqlite3 app.db 'DELETE FROM usage; SELECT 42'
    [ "$status" -eq 0 ]
    [[ ${lines[0]} == before-deploy:\ 2*\ stored ]]
    [ "${lines[1]}" = 42 ]
    [[ $(dbsnapfs show app.db) == *'note         before sqlite3 app.db'* ]]
    dbsnapfs extract --quiet app.db latest before.db
    [ "$(sqlite3 before.db 'SELECT count(*) > 0 FROM usage')" = 1 ]
}

@test "before-deploy.sh does not deploy without a backup" {
    mkdir app.db.backups
    : >app.db.backups/segments
    run "$EXAMPLES/before-deploy.sh" app.db touch deployed
    [ "$status" -eq 1 ]
    [[ $output == *'no good backup, no deploy'* ]]
    [ ! -e deployed ]
}

@test "before-deploy.sh does not deploy with a backup that is not good" {
    page=$(sqlite3 app.db "SELECT rootpage FROM sqlite_schema WHERE name = 'usage'")
    printf 'XXXXXXXX' | dd of=app.db bs=4096 seek=$((page - 1)) conv=notrunc status=none
    run "$EXAMPLES/before-deploy.sh" app.db touch deployed
    [ "$status" -eq 1 ]
    [[ $output == *'was taken, but is not good: SQLite: '* ]]
    [[ $output == *'no good backup, no deploy'* ]]
    [ ! -e deployed ]
    [[ $(dbsnapfs list app.db) == *DAMAGED* ]]
    dbsnapfs verify --quiet app.db
    [[ $(dbsnapfs list app.db) == *DAMAGED* ]]
}

@test "before-deploy.sh ends with the deploy's status and says how to get the old state" {
    run "$EXAMPLES/before-deploy.sh" app.db sh -c 'exit 7'
    [ "$status" -eq 7 ]
    command=${lines[-1]}
    $command
    [ "$(sqlite3 app.db.before .sha3sum)" = "$(sqlite3 app.db .sha3sum)" ]
}

@test "find-lost-row.sh finds the newest backup that has the row" {
    query="SELECT name FROM ellipsoid WHERE auth_name = 'EPSG' AND code = 7030"
    mount_app
    echo backup >mnt/control
    sqlite3 app.db "UPDATE ellipsoid SET name = 'round' WHERE auth_name = 'EPSG' AND code = 7030"
    for _ in $(seq 11); do
        echo backup >mnt/control
    done
    has=$(readlink mnt/backups/latest)
    sqlite3 app.db "DELETE FROM ellipsoid WHERE auth_name = 'EPSG' AND code = 7030"
    echo backup >mnt/control
    echo backup >mnt/control
    run "$EXAMPLES/find-lost-row.sh" mnt "$query"
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = "$has has it:" ]
    [[ ${lines[1]} == *'name = round' ]]
}

@test "find-lost-row.sh says when no backup has the row, and passes over failed queries" {
    mount_app
    echo backup >mnt/control
    run "$EXAMPLES/find-lost-row.sh" mnt 'SELECT * FROM ellipsoid WHERE code = -1'
    [ "$status" -eq 1 ]
    [ "$output" = 'find-lost-row: no backup has it' ]
    run "$EXAMPLES/find-lost-row.sh" mnt 'SELECT * FROM not_there'
    [ "$status" -eq 1 ]
    [[ $output == *'no such table: not_there'* ]]
    run "$EXAMPLES/find-lost-row.sh" . 'SELECT 1'
    [ "$status" -eq 1 ]
    [ "$output" = 'find-lost-row: . is not a mount of dbsnapfs' ]
}

@test "orm_backup.py takes a backup without a mount, and lists it" {
    run "$EXAMPLES/orm_backup.py" app.db --backup
    [ "$status" -eq 0 ]
    [[ ${lines[0]} =~ ^new:\ BackupEntry\(id=1,\ backup_time=[0-9-]+\ [0-9:.]+\)$ ]]
    [ "new: ${lines[-1]}" = "${lines[0]}" ]
    [[ $output == *"connection: sqlite:///$PWD/app.db"* ]]
    [[ $output == *'table ellipsoid: auth_name, code, name, '* ]]
}

@test "orm_backup.py takes a backup through the mount" {
    mount_app
    run "$EXAMPLES/orm_backup.py" app.db mnt
    [ "$status" -eq 0 ]
    [[ ${lines[0]} == 'new: BackupEntry(id=1, '* ]]
    grep -q '"done": 1' mnt/status.json
    # A backup's tables are mapped in place as those of the database are.
    diff <("$EXAMPLES/orm_backup.py" app.db | grep ^table) \
        <("$EXAMPLES/orm_backup.py" mnt/backups/latest/database.sqlite | grep ^table)
}

@test "orm_backup.py reports why a backup failed, with and without a mount" {
    cat >fails.py <<'END'
import sys
sys.path.insert(0, sys.argv[1])
import orm_backup
try:
    orm_backup.perform_backup("not-there.db")
except RuntimeError as error:
    print(error)
try:
    orm_backup.run_control("mnt", "bogus")
except RuntimeError as error:
    print(error)
END
    mount_app
    run env PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 fails.py "$EXAMPLES"
    [ "$status" -eq 0 ]
    [[ ${lines[0]} == *'not-there.db: no such file' ]]
    [[ ${lines[1]} == 'error: unknown command "bogus"'* ]]
}
